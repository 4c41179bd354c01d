"""Times of several contenders, taken in turns so that a busy machine is busy for all of them."""

import math
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numba
import torch

LEAST_S = 0.05  # a shorter call is repeated until one reading takes about this long


@dataclass(frozen=True)
class Contender:
    """Something to be timed.

    Args:
        name: as the table shows it.
        call: does the work once.
        pairs: how many pairs of clips one call aligns.
        threads: how many torch and numba may use.
        note: how it was used, where that needs saying.
    """

    name: str
    call: Callable[[], object]
    pairs: int
    threads: int = 2
    note: str = ""


def use_threads(threads: int) -> None:
    """Let torch, and numba's parallel loops, use so many."""
    torch.set_num_threads(threads)
    numba.set_num_threads(min(threads, os.cpu_count() or 1))


def interleave(contenders: Sequence[Contender], rounds: int, *, warm: bool = True) -> list[list[float]]:
    """Seconds per call of each contender in each round; every round times all of them, one after the other.

    Before a reading, a contender with short calls runs untimed, so that the threads of the one before it have
    gone to sleep and its own have woken. Without `warm`, meant for calls of many seconds, nothing runs first.
    """
    repeats = []
    for contender in contenders:
        if not warm:
            repeats.append(1)
            continue
        use_threads(contender.threads)
        contender.call()  # compiles
        repeats.append(max(1, min(100, math.ceil(LEAST_S / _seconds(contender.call, 1)))))
    readings: list[list[float]] = [[] for _ in contenders]
    for _ in range(rounds):
        for contender, times, of_contender in zip(contenders, repeats, readings, strict=True):
            use_threads(contender.threads)
            for _ in range(times if times > 1 else 0):
                contender.call()
            of_contender.append(_seconds(contender.call, times))
    return readings


def _seconds(call: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - began) / times


def summary(readings: Sequence[float], pairs: int) -> dict[str, float]:
    """Median, least and most pairs per second of readings in seconds, and the median seconds."""
    middle = statistics.median(readings)
    return {
        "pairs_per_s": pairs / middle,
        "least": pairs / max(readings),
        "most": pairs / min(readings),
        "seconds": middle,
    }
