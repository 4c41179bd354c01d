"""The supervisor with small programs in place of the worker and the web app."""

import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from app import supervisor
from tests.app.test_processes import alive, wait_until

STUDIO = """
import os, sys
from pathlib import Path
from app.supervisor import Sibling, supervise
port, log = sys.argv[1], Path(sys.argv[2])
serve = [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1"]
wait = [sys.executable, "-c", "import os, time; print('pid', os.getpid(), flush=True); time.sleep(60)"]
siblings = [Sibling("worker", wait, dict(os.environ)), Sibling("web app", serve, dict(os.environ), log)]
supervise(siblings, f"http://127.0.0.1:{port}/", lambda: print("ready", flush=True))
"""


@pytest.fixture
def studio(tmp_path):
    port = supervisor.free_port("127.0.0.1", 8621)
    process = subprocess.Popen(
        [sys.executable, "-c", STUDIO, str(port), str(tmp_path / "logs" / "web.log")],
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def lines_until(process, wanted: str) -> list[str]:
    lines = []
    while not lines or wanted not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], f"the studio ended before it said {wanted!r}: {lines}"
    return lines


def children(pid: int) -> list[int]:
    listing = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(line) for line in listing.stdout.split()]


def test_it_says_ready_once_and_ctrl_c_ends_both(studio):
    lines_until(studio, "ready")
    both = children(studio.pid)
    assert len(both) == 2
    studio.send_signal(signal.SIGINT)
    rest = studio.stdout.read()
    assert studio.wait(10) == 0
    assert "ready" not in rest
    assert "Stopping" in rest
    assert not any(alive(pid) for pid in both)


def test_a_crashed_sibling_is_started_again_and_the_line_says_so(studio):
    pid = int(re.search(r"pid (\d+)", lines_until(studio, "pid")[-1])[1])
    os.kill(pid, signal.SIGKILL)
    line = lines_until(studio, "stopped")[-1]
    assert line == "The worker stopped (SIGKILL); starting it again in 1 s.\n"
    again = int(re.search(r"pid (\d+)", lines_until(studio, "pid")[-1])[1])
    assert again != pid
    assert alive(again)


def test_kill_minus_nine_leaves_no_orphan(studio):
    lines_until(studio, "ready")
    both = children(studio.pid)
    studio.kill()
    assert wait_until(lambda: not any(alive(pid) for pid in both), 2.0)


def test_a_taken_port_gives_the_next_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert supervisor.free_port("127.0.0.1", port) > port
        with pytest.raises(ValueError, match=f"ports {port} to {port} on 127.0.0.1 are taken"):
            supervisor.free_port("127.0.0.1", port, tries=1)
