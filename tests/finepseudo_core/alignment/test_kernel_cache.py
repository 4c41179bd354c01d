"""A kernel from an older source is never run, and nobody waits for the compiler without being told."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import finepseudo_core

SCRIPT = """
import torch
from finepseudo_core.alignment import dtw_path
print(dtw_path(torch.ones(1, 3, 3)).distances.item())
"""


def run(root: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(root), "NUMBA_CACHE_DIR": str(root / "cache")}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, cwd=root, capture_output=True, text=True, check=True
    )


def test_kernels_are_compiled_once_and_again_after_a_change_in_what_they_call(tmp_path):
    source = Path(finepseudo_core.__file__).parent
    shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    cold = run(tmp_path)
    assert cold.stdout == "3.0\n"
    assert "Compiling kernels_path.align_paths" in cold.stderr
    warm = run(tmp_path)
    assert warm.stdout == "3.0\n"
    assert warm.stderr == ""
    # `pack` stands in another file than the kernel that calls it
    called = tmp_path / source.name / "alignment" / "kernels_cpu.py"
    changed = called.read_text().replace("value = pairs[pair + cell]", "value = 2 * pairs[pair + cell]")
    assert changed != called.read_text()
    called.write_text(changed)
    edited = run(tmp_path)
    assert edited.stdout == "6.0\n"
    assert "Compiling kernels_path.align_paths" in edited.stderr
