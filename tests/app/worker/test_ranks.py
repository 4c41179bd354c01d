"""A round in several processes under one worker: it ends, stops, and dies as one."""

import os
import random
import signal
import time

import pytest

from app.worker.loop import PATIENCE_SECONDS, Worker
from db.repositories import jobs
from tests.app.conftest import left_behind
from tests.app.test_processes import alive, wait_until
from tests.app.test_supervisor import children
from tests.app.worker import squares
from tests.faults.test_worker_faults import is_over, model_of, trains


@pytest.fixture
def worker(imported):
    worker = Worker(imported, nproc=2)
    yield worker
    worker.close()


def turn_until(worker: Worker, condition, seconds: float = 120) -> bool:
    def look() -> bool:
        worker.turn()
        return condition()

    return wait_until(look, seconds)


def ranks_of(worker: Worker) -> list[int]:
    running = worker.lanes[1].running
    return [] if running is None else children(running.process.pid)


def test_a_killed_launcher_leaves_no_process_and_the_round_ends_as_an_undisturbed_one(
    imported, imported_project, start_worker, tmp_path
):
    prepared = {"loader_workers": 2}  # batches come from processes of their own
    undisturbed = left_behind(imported_project, tmp_path / "undisturbed", nproc=2, **prepared)
    job_id = squares.queue_round(imported, **prepared)
    worker = start_worker("--nproc", "2")
    assert wait_until(lambda: trains(imported, job_id), 120)
    (launcher,) = children(worker.pid)
    ranks = children(launcher)
    assert len(ranks) == 2
    time.sleep(random.uniform(0, 1))
    os.kill(launcher, signal.SIGKILL)
    assert wait_until(lambda: not any(map(alive, ranks)), 2)
    assert wait_until(lambda: is_over(imported, job_id), 120)
    assert model_of(imported, job_id) == undisturbed
    assert squares.job(imported, job_id).attempt == 2


def test_a_killed_process_ends_the_others_and_a_stop_stops_all(imported, worker):
    job_id = squares.queue_round(imported)
    assert turn_until(worker, lambda: trains(imported, job_id))
    ranks = ranks_of(worker)
    os.kill(ranks[1], signal.SIGKILL)
    assert turn_until(worker, lambda: squares.job(imported, job_id).attempt == 2, 60)
    assert not any(map(alive, ranks))
    assert turn_until(worker, lambda: len(ranks_of(worker)) == 2, 60)
    assert turn_until(worker, lambda: squares.job(imported, job_id).stage is not None, 60)
    ranks = ranks_of(worker)
    with imported.database.write() as session:
        jobs.request_stop(session, job_id=job_id)
    asked = time.monotonic()
    assert turn_until(worker, lambda: squares.state(imported, job_id) == "cancelled", 60)
    assert time.monotonic() - asked < PATIENCE_SECONDS  # nobody had to be killed
    assert not any(map(alive, ranks))


def test_an_error_fails_the_job_with_its_own_words(imported, worker):
    job_id = squares.queue_round(imported, device="cuda")
    assert turn_until(worker, lambda: is_over(imported, job_id), 60)
    assert squares.job(imported, job_id).error.startswith("device is 'cuda' but torch finds no CUDA device")
