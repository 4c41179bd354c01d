"""Child processes that never outlive their parent, not even after kill -9 of the parent."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

PR_SET_PDEATHSIG = 1


def bound_to_parent(parent: int) -> Callable[[], None]:
    """What a forked child runs before its program: the kernel kills it as soon as `parent` is gone.

    Linux only; elsewhere the parent's orderly end is the only protection. The libc is loaded here, in the
    parent: a forked child should do as little as possible.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def bind() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died between the fork and the line above
            os._exit(1)

    return bind


def start_bound(
    command: Sequence[str],
    *,
    environment: dict[str, str] | None = None,
    output: IO[Any] | None = None,
    folder: Path | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a program that dies with this process; call it from a thread that lives as long as the child.

    It gets its own process group, so that Ctrl-C in the terminal reaches only the one who started it all and
    everybody else is ended in order.

    Args:
        environment: the child's environment, this process's where None.
        output: where standard output and standard error go, this process's where None.
        folder: working directory of the child.
    """
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=folder,
        process_group=0,
        preexec_fn=bound_to_parent(os.getpid()),
    )


def end(processes: Sequence["subprocess.Popen[bytes]"], patience: float) -> None:
    """Ask the processes to end (SIGTERM), kill those still there after `patience` seconds; wait for all."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + patience
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ending(code: int) -> str:
    """How a process ended, in words: its exit code or the signal that ended it."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
