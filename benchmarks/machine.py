"""What the machine is, and the two limits no kernel passes: multiplications and memory traffic per second."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import torch

from benchmarks.timing import Contender, interleave

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ("OMP_WAIT_POLICY", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_")


def description() -> dict[str, object]:
    """CPU, versions, commit, date, load, and the settings from outside that matter."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {
            package: metadata.version(package) for package in ("torch", "numba", "numpy", "llvmlite")
        },
        "environment": {name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(
            _git("status", "--porcelain", "--", "finepseudo_core", "benchmarks/*.py")
        ),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_average": round(os.getloadavg()[0], 2),
    }


def limits(rounds: int, size: int, copied_mb: int) -> dict[str, dict[str, float]]:
    """GFLOP/s of float32 matrix products and GB/s of copies (read + written), by "1" and "2" threads.

    The best reading counts, not the median: a limit is what the machine can do.

    Args:
        rounds: readings of each.
        size: of the square matrices.
        copied_mb: how much a copy reads; more than the caches hold.
    """
    first, second, product = torch.rand(size, size), torch.rand(size, size), torch.empty(size, size)
    source, target = torch.rand(copied_mb << 18), torch.empty(copied_mb << 18)
    measured: dict[str, dict[str, float]] = {"gemm_gflops": {}, "copy_gb_per_s": {}}
    for threads in (1, 2):
        gemm, copy = interleave(
            [
                Contender("gemm", lambda: torch.mm(first, second, out=product), 1, threads),
                Contender("copy", lambda: target.copy_(source), 1, threads),
            ],
            rounds,
        )
        measured["gemm_gflops"][str(threads)] = 2 * size**3 / min(gemm) / 1e9
        measured["copy_gb_per_s"][str(threads)] = 2 * source.nbytes / min(copy) / 1e9
    return measured


def _cpu_model() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    names = {name.strip(): value.strip() for name, value in fields.items()}
    if not names:
        return platform.processor()
    family = f"family {names.get('cpu family', '?')}, model {names.get('model', '?')}"
    return f"{names.get('model name', 'unknown')} ({family})"


def _git(*arguments: str) -> str:
    """What git says, or nothing outside a checkout."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
