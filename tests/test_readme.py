"""The README is code too: its library example runs, its commands exist, its links lead somewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from finepseudo_core.config import PRESETS
from finepseudo_core.datasets import synthetic_dives

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _example() -> str:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 1
    return blocks[0]


def test_the_library_example_is_25_lines_or_less():
    assert sum(bool(line.strip()) for line in _example().splitlines()) <= 25


@pytest.mark.slow
def test_the_library_example_runs(tmp_path):
    """As written, except for a smaller dataset and a round of a few steps."""
    synthetic_dives.generate(tmp_path / "dives", clips=24, classes=3, size=32, processes=1)
    small = (
        'preset("cpu-demo").replace({"pretraining.epochs": 1, "self_training.alignability_epochs": 1, '
        '"self_training.action_epochs": 1, "self_training.epochs": 1})'
    )
    source = _example().replace('preset("cpu-demo")', small).replace("120", "12")
    assert source.count(small) == 1
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    passes = [line for line in done.stdout.splitlines() if "'accepted'" in line]
    assert [line.split()[0] for line in passes] == ["0", "1"]


def test_every_link_leads_to_a_file():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_the_table_lists_the_presets():
    assert set(re.findall(r"^\| `([\w-]+)` \|", README, re.MULTILINE)) == set(PRESETS)


@pytest.mark.parametrize("command", sorted(set(re.findall(r"-m app (\w+)", README))))
def test_every_command_has_help(command):
    done = subprocess.run(
        [sys.executable, "-m", "app", command, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "--project" in done.stdout
