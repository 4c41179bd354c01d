"""Kernels that release the GIL, spread over as many threads as torch was told to use.

Plain Python threads rather than numba's: they survive fork, may be entered from several threads at once, and
leave the choice of a threading layer to nobody.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import torch

from finepseudo_core.alignment.kernel_cache import prepare

LEAST_CELLS = 1 << 17  # that are worth a thread

_executors: dict[int, ThreadPoolExecutor] = {}  # number of threads -> executor of this process
os.register_at_fork(after_in_child=_executors.clear)


def run_in_threads(
    kernel: Callable[..., Any], arguments: tuple[Any, ...], items: int, grain: int = 1, *, cells: int
) -> list[Any]:
    """Call kernel(*arguments, first, last) over the items in equal shares, one per torch thread.

    Where there is little to do, fewer threads do it: to wake one takes as long as aligning a hundred clips.

    Args:
        kernel: compiled by numba; releases the GIL.
        arguments: what every call gets.
        items: how many there are.
        grain: shares begin at multiples of this.
        cells: how many cells of cost matrices, or steps as long, there are in all.

    Returns:
        What the calls returned, in the order of the shares.
    """
    prepare(kernel)
    grains = -(-items // grain)
    threads = min(torch.get_num_threads(), grains, 1 + cells // LEAST_CELLS)
    if threads <= 1:
        return [kernel(*arguments, 0, items)]
    bounds = [min(items, grains * share // threads * grain) for share in range(threads + 1)]
    shares = list(pairwise(bounds))
    if threads not in _executors:
        _executors[threads] = ThreadPoolExecutor(threads, thread_name_prefix="alignment")
    calls = [_executors[threads].submit(kernel, *arguments, first, last) for first, last in shares[1:]]
    return [kernel(*arguments, *shares[0]), *(call.result() for call in calls)]
