"""Decoding in a child process that may crash, hang or eat memory without harm.

Video decoders are large C libraries fed with files from anywhere. `DecodeGuard` keeps one child alive, hands
it one call at a time, and kills and replaces it when it exceeds its time or dies. The parent only unpickles
what its own child sends over a pipe that nobody else holds.
"""

import atexit
import ctypes
import importlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from finepseudo_core.errors import FinePseudoError, VideoError

FUNCTIONS = {
    "probe": "finepseudo_core.video.decode",
    "read_frames": "finepseudo_core.video.decode",
    "read_all": "finepseudo_core.video.decode",
    "read_through": "finepseudo_core.video.decode",
    "make_canonical": "finepseudo_core.video.canonical",
    "probe_checked": "finepseudo_core.video.canonical",
    "verify": "finepseudo_core.video.canonical",
    "make_sprite": "finepseudo_core.video.sprites",
    "make_thumbnail": "finepseudo_core.video.sprites",
}
Task = tuple[str | Callable[..., Any], tuple[Any, ...], dict[str, Any], int]
LEAST_SECONDS, MOST_SECONDS, SECONDS_PER_MEGABYTE = 10.0, 120.0, 1.0
_WEAR = 1 << 30  # a child that keeps so much address space after a call is replaced
_START_SECONDS = 60
_PDEATHSIG = 1


class DecodeGuard:
    """One guarded child; calls from several threads wait for each other.

    Use it as a context manager, or `close` it. The child also dies with this process, however that ends.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed by `close`
        # The kernel ties the child to the thread that starts it: this one lives as long as the guard.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="decode-guard")

    def __enter__(self) -> "DecodeGuard":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def call(
        self,
        function: str | Callable[..., Any],
        *arguments: Any,
        seconds: float = 10.0,
        memory_bytes: int = 2 << 30,
        **keywords: Any,
    ) -> Any:
        """Result of a function run in the child.

        Args:
            function: a name of `FUNCTIONS` such as "make_canonical", a dotted path, or a module's function.
            arguments: its arguments; the first should be the file, which error messages name.
            seconds: time limit for the call.
            memory_bytes: address space the call may use on top of the idle child.
            keywords: its keyword arguments.

        Raises:
            VideoError: the function raised it, or the child crashed, ran out of memory, or was not done in
                time; the guard stays usable.
            ValueError: the function found an argument wrong.
            OSError: the disk failed, for example because it is full.
        """
        task = (function, arguments, keywords, memory_bytes)
        return self._thread.submit(self._call, task, seconds).result()

    def close(self) -> None:
        """End the child. A later call raises RuntimeError."""
        self._thread.shutdown()
        self._end()
        self._stderr.close()

    @property
    def child(self) -> int | None:
        """Process id of the child, None before the first call and after a crash."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def _call(self, task: Task, seconds: float) -> Any:
        subject = task[1][0] if task[1] else task[0]
        if self.child is None or self._connection is None:
            self._start()
        assert self._connection is not None
        try:
            self._connection.send(task)
            if not self._connection.poll(seconds):
                self._end()
                raise VideoError(
                    f"{subject} could not be decoded within {seconds:g} s. "
                    "Cut it shorter or re-export it as H.264 mp4, and try again."
                )
            error, result, worn = self._connection.recv()
        except (EOFError, OSError) as broken:
            reason = self._last_words()
            self._end()
            raise VideoError(
                f"{subject} made the video decoder crash ({reason}). "
                "Re-export it as H.264 mp4, and try again."
            ) from broken
        if worn:
            self._end()
        if error is not None:
            raise error
        return result

    def _start(self) -> None:
        self._end()
        self._stderr.seek(0)
        self._stderr.truncate()
        ours, theirs = Pipe()
        root = str(Path(__file__).parents[2])
        environment = os.environ | {
            "OPENBLAS_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "2",  # else each thread reserves 64 MB of address space
            "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH")))),
        }
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                env=environment,
            )
        self._connection = ours
        if not ours.poll(_START_SECONDS):
            self._end()
            raise VideoError(f"the video decoder did not start within {_START_SECONDS} s. Try again later.")
        try:
            ours.recv()
        except EOFError as broken:
            reason = self._last_words()
            self._end()
            raise VideoError(f"the video decoder can't start ({reason}). Reinstall the program.") from broken

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _last_words(self) -> str:
        """Why the child died: its signal, or the last line it wrote."""
        assert self._process is not None
        code = self._process.wait()
        if code < 0:
            return signal.Signals(-code).name
        self._stderr.seek(max(0, self._stderr.seek(0, os.SEEK_END) - 2000))
        lines = self._stderr.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), f"exit code {code}")


_guards: dict[int, DecodeGuard] = {}
_lock = threading.Lock()


def call_guarded(
    function: str | Callable[..., Any],
    *arguments: Any,
    seconds: float = 10.0,
    memory_bytes: int = 2 << 30,
    **keywords: Any,
) -> Any:
    """`DecodeGuard.call` on the one guard of this process, started at the first call."""
    with _lock:
        guard = _guards.get(os.getpid())  # a forked process must not share its parent's child
        if guard is None:
            guard = _guards[os.getpid()] = DecodeGuard()
            atexit.register(guard.close)
    return guard.call(function, *arguments, seconds=seconds, memory_bytes=memory_bytes, **keywords)


def time_limit(source: Path) -> float:
    """Seconds a decoder may take; a file that hangs it must not hold up all the others."""
    try:
        megabytes = source.stat().st_size / 1e6
    except OSError:
        return LEAST_SECONDS
    return min(MOST_SECONDS, LEAST_SECONDS + SECONDS_PER_MEGABYTE * megabytes)


def end_with(parent: int) -> None:
    """Have the kernel kill this process as soon as its parent is gone, however that ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it is gone already
        os._exit(1)


def serve(connection: Connection, parent: int) -> None:
    """The child: answer calls until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(parent)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for module in sorted(set(FUNCTIONS.values())):
        importlib.import_module(module)
    idle = _address_space()
    connection.send("ready")
    while True:
        try:
            function, arguments, keywords, memory_bytes = connection.recv()
        except EOFError:
            return
        allowed = _address_space() + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (allowed, resource.RLIM_INFINITY))
        error, result = _answer(function, arguments, keywords)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        connection.send((error, result, _address_space() > idle + _WEAR))


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _answer(
    function: str | Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[Exception | None, Any]:
    """(error, result) of a call; any other error ends the child, which the parent reports as a crash."""
    try:
        return None, _find(function)(*arguments, **keywords)
    except FinePseudoError as error:
        return type(error)(*error.args), None
    except ValueError as error:
        return ValueError(str(error)), None
    except OSError as error:
        return OSError(*error.args[:2]), None
    except MemoryError:
        subject = arguments[0] if arguments else function
        return VideoError(f"{subject} needs too much memory to decode. Re-export it smaller."), None


def _find(function: str | Callable[..., Any]) -> Callable[..., Any]:
    if callable(function):
        return function
    module, _, name = function.rpartition(".")
    return getattr(importlib.import_module(module or FUNCTIONS[name]), name)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])), int(sys.argv[2]))
