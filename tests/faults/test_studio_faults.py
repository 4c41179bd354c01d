"""The whole studio, ended in order and by force, with a round at work."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from tests.app.test_processes import alive, wait_until
from tests.app.test_supervisor import children
from tests.app.worker import squares
from tests.faults.test_worker_faults import is_over, model_of, trains


@pytest.fixture
def start_studio(settings):
    started = []

    def start() -> tuple[subprocess.Popen, str]:
        """The running studio and the address it prints."""
        command = [
            sys.executable,
            "-m",
            "app",
            "studio",
            "--project",
            str(settings.project),
            "--port",
            "8623",
        ]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "FINEPSEUDO_LEASE_SECONDS": "3"}
        )
        started.append(process)
        for line in process.stdout:
            if found := re.search(r"ready: (http\S+)", line):
                return process, found[1]
        raise AssertionError("the studio ended before it was ready")

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def family(pid: int) -> list[int]:
    """All processes below one."""
    below = children(pid)
    return below + [each for child in below for each in family(child)]


def test_kill_minus_nine_of_the_studio_leaves_no_process_and_the_next_start_goes_on(
    imported, start_studio, undisturbed_model
):
    job_id = squares.queue_round(imported)
    running, _ = start_studio()
    assert wait_until(lambda: trains(imported, job_id), 60)
    everybody = family(running.pid)
    assert len(everybody) >= 3  # worker, web app, the round's own process
    running.kill()
    assert wait_until(lambda: not any(alive(pid) for pid in everybody), 2)
    start_studio()
    assert wait_until(lambda: is_over(imported, job_id), 120)
    assert model_of(imported, job_id) == undisturbed_model


def test_kill_minus_nine_while_the_dives_are_drawn_leaves_no_process(settings):
    command = [sys.executable, "-m", "app", "studio", "--project", str(settings.project), "--demo"]
    drawing = subprocess.Popen([*command, "--port", "8624"], stdout=subprocess.DEVNULL)
    clips = settings.project / "clips-source" / "clips"
    assert wait_until(lambda: clips.is_dir() and any(clips.iterdir()), 60)
    everybody = family(drawing.pid)
    assert len(everybody) >= 2
    drawing.kill()
    drawing.wait()
    assert wait_until(lambda: not any(alive(pid) for pid in everybody), 2)


def test_ctrl_c_ends_everything_in_order_and_keeps_the_round(imported, start_studio):
    job_id = squares.queue_round(imported)
    running, address = start_studio()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with browser.open(address) as answer:
        assert answer.status == 200
    assert wait_until(lambda: trains(imported, job_id), 60)
    everybody = family(running.pid)
    running.send_signal(signal.SIGINT)
    assert running.wait(20) == 0
    assert not any(alive(pid) for pid in everybody)
    job = squares.job(imported, job_id)
    assert (job.state, job.deaths) == ("queued", 0)


def test_a_killed_web_app_comes_back_and_the_worker_does_not_notice(studio, start_studio):
    running, _ = start_studio()
    worker, web = sorted(children(running.pid), key=lambda pid: b"app.web" in _command(pid))
    os.kill(web, signal.SIGKILL)
    line = running.stdout.readline()
    assert line.startswith("The web app stopped (SIGKILL); starting it again in 1 s; see ")
    assert wait_until(lambda: any(b"app.web" in _command(pid) for pid in children(running.pid)), 10)
    assert worker in children(running.pid)


def _command(pid: int) -> bytes:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()
