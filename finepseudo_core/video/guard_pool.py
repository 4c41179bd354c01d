"""Several guarded decoders at a time, where many files are to be read."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import TypeVar

from finepseudo_core.video.guard import DecodeGuard

T = TypeVar("T")


class GuardPool:
    """Threads with a guarded decoding child each. Use it as a context; leaving it drops what has not begun.

    Args:
        count: number of threads, and of children, >= 1.
    """

    def __init__(self, count: int) -> None:
        self._own, self._guards = threading.local(), ExitStack()
        self._threads = ThreadPoolExecutor(count, "decode", initializer=self._give_guard)

    def __enter__(self) -> "GuardPool":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Wait for what is being done, drop the rest, and end the children."""
        self._threads.shutdown(cancel_futures=True)
        self._guards.close()

    def submit(self, work: Callable[[DecodeGuard], T]) -> "Future[T]":
        """Have some work done by one of the threads, with the guard that is its own."""
        return self._threads.submit(lambda: work(self._own.guard))

    def _give_guard(self) -> None:
        self._own.guard = self._guards.enter_context(DecodeGuard())
