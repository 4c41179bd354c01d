"""Children end with their parent, in order or by force."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from app import processes

PARENT = """
import sys, time
from app import processes
inner = "import sys, time; from app import processes;" \\
    "child = processes.start_bound([sys.executable, '-c', 'import time; time.sleep(60)']);" \\
    "print(child.pid, flush=True); time.sleep(60)"
child = processes.start_bound([sys.executable, "-c", inner])
print(child.pid, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    """True while the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_kill_minus_nine_of_the_parent_ends_children_and_grandchildren():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    pids = [int(parent.stdout.readline()) for _ in range(2)]
    assert all(alive(pid) for pid in pids)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert wait_until(lambda: not any(alive(pid) for pid in pids), 2.0)
    parent.stdout.close()


def test_a_child_that_ignores_sigterm_is_killed_after_the_patience():
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    stubborn = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    stubborn.stdout.readline()
    started = time.monotonic()
    processes.end([stubborn], patience=0.3)
    assert stubborn.returncode == -signal.SIGKILL
    assert time.monotonic() - started < 5
    stubborn.stdout.close()


def test_a_child_that_obeys_is_not_killed():
    obedient = processes.start_bound([sys.executable, "-c", "import time; time.sleep(60)"])
    processes.end([obedient], patience=5)
    assert obedient.returncode == -signal.SIGTERM
