"""How long a fresh process waits for its first soft-DTW, numba's cache on disk being warm.

`python -m benchmarks.first_call ours` prints seconds of the imports, of the first call, and of a second one.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
GAMMA = 0.001
SHAPE = (64, 32, 32)


def measure(name: str, times: int) -> list[dict[str, float]]:
    """Readings from fresh processes, after one that fills the cache.

    Args:
        name: "ours" or the name of a soft peer.
        times: how many readings; with 0 the first process, whatever its cache held, is the reading.
    """
    command = [sys.executable, "-m", "benchmarks.first_call", name]
    readings = []
    for _ in range(times + 1):
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        readings.append(json.loads(done.stdout.splitlines()[-1]))
    return readings[1:] or readings


def main() -> None:
    """Import, call twice, print."""
    (name,) = sys.argv[1:]
    began = time.perf_counter()
    import torch

    align = _aligner(name)
    torch.set_num_threads(2)
    costs = 2 * torch.rand(SHAPE)
    imported = time.perf_counter()
    align(costs.requires_grad_()).sum().backward()
    called = time.perf_counter()
    align(costs.detach().requires_grad_()).sum().backward()
    again = time.perf_counter()
    print(json.dumps({"import_s": imported - began, "call_s": called - imported, "again_s": again - called}))


def _aligner(name: str) -> Callable[["Tensor"], "Tensor"]:
    if name == "ours":
        from finepseudo_core.alignment import soft_dtw

        return lambda costs: soft_dtw(costs, GAMMA)
    from benchmarks.alignment_peers import SOFT_PEERS, load

    peer = next(peer for peer in SOFT_PEERS if peer.name == name)
    return peer.build(load(peer) or [], GAMMA)


if __name__ == "__main__":
    main()
