"""The compiled kernels on disk: thrown away when their source has changed, announced when they must be made.

numba compares a cached kernel with the file the kernel stands in, and not with those it calls.
"""

import hashlib
import sys
from pathlib import Path
from typing import Any

_SOURCES = (
    "arithmetic_cpu.py",
    "products_cpu.py",
    "kernels_cpu.py",
    "kernels_pairwise.py",
    "kernels_path.py",
)
_prepared: set[int] = set()


def prepare(kernel: Any) -> None:
    """Make sure that a kernel is not loaded from an older source; say so where it has yet to be compiled."""
    if id(kernel) in _prepared:
        return
    _prepared.add(id(kernel))
    name = f"{Path(kernel.py_func.__code__.co_filename).stem}.{kernel.py_func.__name__}"
    folder = Path(kernel.stats.cache_path)
    _empty_if_stale(folder)
    if not list(folder.glob(f"{name}-*.nbi")):
        print(f"Compiling {name}, once on this machine: some ten seconds ...", file=sys.stderr, flush=True)


def _empty_if_stale(folder: Path) -> None:
    here = Path(__file__).parent
    digest = hashlib.sha256(b"".join((here / source).read_bytes() for source in _SOURCES)).hexdigest()
    stamp = folder / "kernels.sha256"
    if stamp.exists() and stamp.read_text() == digest:
        return
    for source in _SOURCES:
        for compiled in folder.glob(f"{Path(source).stem}.*.nb[ic]"):
            compiled.unlink(missing_ok=True)
    stamp.write_text(digest)
