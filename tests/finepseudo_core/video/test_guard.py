import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from finepseudo_core.errors import VideoError
from finepseudo_core.video.decode import probe
from finepseudo_core.video.guard import DecodeGuard, call_guarded


@pytest.fixture(scope="module")
def clip(zoo: dict[str, Path]) -> Path:
    return zoo["unicode and spaces"]


def still_works(guard: DecodeGuard, clip: Path) -> bool:
    return guard.call("probe", clip) == probe(clip)


def test_a_segmentation_fault_is_a_sentence(guard: DecodeGuard, clip: Path) -> None:
    with pytest.raises(VideoError, match=r"0 made the video decoder crash \(SIGSEGV\)\. Re-export"):
        guard.call("ctypes.string_at", 0)
    assert still_works(guard, clip)


def test_a_hang_ends_in_time(guard: DecodeGuard, clip: Path) -> None:
    started = time.monotonic()
    with pytest.raises(VideoError, match=r"could not be decoded within 0\.3 s\. Cut it shorter"):
        guard.call("time.sleep", 60, seconds=0.3)
    assert time.monotonic() - started < 5
    assert still_works(guard, clip)


def test_a_memory_hog_is_stopped(guard: DecodeGuard, clip: Path) -> None:
    with pytest.raises(VideoError, match="needs too much memory"):
        guard.call(bytearray, 1 << 30, memory_bytes=200 << 20)
    assert still_works(guard, clip)


def test_an_unforeseen_error_is_a_sentence_with_its_reason(guard: DecodeGuard, clip: Path) -> None:
    with pytest.raises(VideoError, match=r"made the video decoder crash \(TypeError: .*\)"):
        guard.call("operator.index", "text")
    with pytest.raises(VideoError, match=r"crash \(exit code 3\)"):
        guard.call("os._exit", 3)
    assert still_works(guard, clip)


def test_foreseen_errors_pass_through(guard: DecodeGuard, clip: Path, tmp_path: Path) -> None:
    child = guard.child
    with pytest.raises(ValueError, match="holds frames 0 to 9"):
        guard.call("read_frames", clip, [99])
    with pytest.raises(FileNotFoundError):
        guard.call("os.stat", tmp_path / "nothing")
    with pytest.raises(VideoError, match="No such file"):
        guard.call("probe", tmp_path / "nothing")
    assert child is None or guard.child == child


def test_a_killed_child_is_replaced(guard: DecodeGuard, clip: Path) -> None:
    assert still_works(guard, clip)
    child = guard.child
    assert child is not None
    os.kill(child, signal.SIGKILL)
    while guard.child is not None:
        time.sleep(0.01)
    assert still_works(guard, clip)
    assert guard.child != child


def test_threads_share_one_child(guard: DecodeGuard, clip: Path) -> None:
    still_works(guard, clip)
    with ThreadPoolExecutor(4) as pool:
        children = set(pool.map(guard.call, ["os.getpid"] * 20))
    assert children == {guard.child}


def test_each_process_has_a_guard_of_its_own() -> None:
    ours = call_guarded("os.getpid")
    assert call_guarded("os.getpid") == ours != os.getpid()


def test_the_child_dies_with_its_parent(clip: Path) -> None:
    program = (
        "import os, sys, time\n"
        "from finepseudo_core.video.guard import call_guarded\n"
        "print(call_guarded('os.getpid'), flush=True)\n"
        "call_guarded('time.sleep', 60, seconds=60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert Path(f"/proc/{child}").exists()
        parent.kill()
    deadline = time.monotonic() + 5
    while _alive(child):
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.02)


def test_a_guard_never_asked_leaves_nothing_open() -> None:
    with DecodeGuard() as guard:
        assert guard.child is None


def _alive(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
