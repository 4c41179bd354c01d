"""Whatever happens to a worker, no round is lost, doubled, or different from an undisturbed one."""

import contextlib
import os
import random
import signal
import sqlite3
import threading
import time

from app import artifacts
from app.services.studio import Studio
from app.worker.loop import Worker
from db.repositories import jobs
from tests.app.test_processes import alive, wait_until
from tests.app.test_supervisor import children
from tests.app.worker import squares


def trains(studio: Studio, job_id: int) -> bool:
    """True once a round is under way and has a checkpoint to go on from."""
    workspace = artifacts.round_folder(studio.settings, squares.round_of(studio, job_id).number)
    return squares.state(studio, job_id) == "running" and (workspace / "checkpoint.pt").exists()


def is_over(studio: Studio, job_id: int) -> bool:
    return squares.state(studio, job_id) in ("succeeded", "failed", "cancelled")


def model_of(studio: Studio, job_id: int) -> str | None:
    assert squares.job(studio, job_id).error is None
    return squares.round_of(studio, job_id).model_sha256


def freeze_between_writes(studio: Studio, *pids: int) -> None:
    """Stop processes at a moment at which none of them holds SQLite's write lock: it would stop everybody."""
    while True:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        with contextlib.closing(sqlite3.connect(studio.database.file, timeout=0)) as probe:
            try:
                probe.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError:
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)
                time.sleep(0.05)


def test_kill_minus_nine_of_child_and_worker_changes_nothing(imported, start_worker, undisturbed_model):
    job_id = squares.queue_round(imported)
    worker = start_worker()
    assert wait_until(lambda: trains(imported, job_id), 60)
    time.sleep(random.uniform(0, 0.5))
    os.kill(children(worker.pid)[0], signal.SIGKILL)  # the round's own process
    assert wait_until(lambda: squares.job(imported, job_id).attempt == 2, 60)
    assert wait_until(lambda: len(children(worker.pid)) == 1, 10)
    child = children(worker.pid)[0]
    time.sleep(random.uniform(3, 4))
    worker.kill()
    assert wait_until(lambda: not alive(child), 2)
    assert squares.state(imported, job_id) == "running"
    start_worker()
    assert wait_until(lambda: is_over(imported, job_id), 120)
    assert model_of(imported, job_id) == undisturbed_model
    assert squares.job(imported, job_id).attempt == 3


def test_a_restarted_worker_takes_its_own_jobs_back_without_waiting_for_the_lease(imported):
    first, job_id = Worker(imported), squares.queue_round(imported)
    with imported.database.write() as session:
        job = jobs.claim(session, owner=first.owner.name, kinds=["round"], lease_seconds=1000)
    assert job.id == job_id
    other = Worker(imported)  # a living worker's jobs are left alone
    assert squares.state(imported, job_id) == "running"
    assert other.owner.name != first.owner.name
    first.owner.release()  # what the kernel does when the process dies
    second = Worker(imported)
    assert second.owner.name == first.owner.name
    assert squares.state(imported, job_id) == "queued"
    for worker in (other, second):
        worker.close()


def test_a_job_that_its_process_has_just_ended_is_no_lost_lease(imported, caplog):
    job_id = squares.queue_round(imported)
    worker = Worker(imported)
    worker.turn()
    running = worker.lanes[1].running
    assert running is not None
    with imported.database.write() as session:
        jobs.finish(session, running.fence, state="succeeded")
    running.renew_at = 0.0  # a heartbeat falls due before the process is gone
    worker.turn()
    assert worker.lanes[1].running is running
    assert "no longer held" not in caplog.text
    running.process.kill()
    running.process.wait()
    worker.turn()
    assert worker.lanes[1].running is None
    worker.close()
    assert squares.state(imported, job_id) == "succeeded"


def test_cancel_takes_effect_at_once_and_a_resumed_round_ends_the_same(
    imported, start_worker, undisturbed_model
):
    job_id = squares.queue_round(imported)
    with imported.database.write() as session:
        assert jobs.request_stop(session, job_id=job_id) == "cancelled"  # while queued
        assert jobs.resume(session, job_id=job_id)
    start_worker()
    assert wait_until(lambda: trains(imported, job_id), 60)
    with imported.database.write() as session:
        assert jobs.request_stop(session, job_id=job_id) == "running"
    asked = time.monotonic()
    assert wait_until(lambda: squares.state(imported, job_id) == "cancelled", 10)
    assert time.monotonic() - asked < 5  # a step takes some 20 ms, a busy machine more
    with imported.database.write() as session:
        assert jobs.resume(session, job_id=job_id)
    assert wait_until(lambda: is_over(imported, job_id), 120)
    assert model_of(imported, job_id) == undisturbed_model


def test_sigterm_gives_the_round_back_and_this_is_no_death(imported, start_worker):
    job_id = squares.queue_round(imported)
    worker = start_worker()
    assert wait_until(lambda: trains(imported, job_id), 60)
    worker.terminate()
    assert worker.wait(20) == 0
    job = squares.job(imported, job_id)
    assert (job.state, job.deaths, job.owner) == ("queued", 0, None)
    with imported.database.read() as session:
        assert jobs.workers(session) == []


def test_a_worker_frozen_beyond_its_lease_is_replaced_and_writes_nothing_more(
    imported, start_worker, undisturbed_model
):
    job_id = squares.queue_round(imported)
    frozen = start_worker()
    assert wait_until(lambda: trains(imported, job_id), 60)
    child = children(frozen.pid)[0]
    freeze_between_writes(imported, frozen.pid, child)
    start_worker()
    assert wait_until(lambda: squares.job(imported, job_id).attempt == 2, 30)
    frozen.send_signal(signal.SIGCONT)
    os.kill(child, signal.SIGCONT)
    assert wait_until(lambda: not alive(child), 10)
    assert wait_until(lambda: is_over(imported, job_id), 120)
    assert model_of(imported, job_id) == undisturbed_model
    assert squares.job(imported, job_id).attempt == 2
    assert frozen.poll() is None


def test_a_round_that_kills_every_process_fails_for_good_after_five_deaths(imported):
    job_id = squares.queue_round(imported)
    worker = Worker(imported)
    for _ in range(jobs.MOST_DEATHS):
        worker.turn()
        running = worker.lanes[1].running
        assert running is not None
        running.process.kill()
        running.process.wait()
        worker.turn()
    job = squares.job(imported, job_id)
    worker.close()
    assert job.state == "failed"
    assert "died 5 times during this round" in job.error


def test_two_workers_never_do_the_same_job(studio, drawn, start_worker):
    ids = []
    for part in range(6):
        folder, names = drawn
        chosen = dict(list(names.items())[part * 4 : part * 4 + 4])
        ids.append(squares.register(studio, folder, chosen))
    for _ in range(2):
        start_worker()
    assert wait_until(lambda: all(is_over(studio, job_id) for job_id in ids), 60)
    assert {squares.state(studio, job_id) for job_id in ids} == {"succeeded"}
    assert {squares.job(studio, job_id).attempt for job_id in ids} == {1}


def test_an_outsider_who_holds_the_write_lock_only_delays(studio, drawn, start_worker):
    file = studio.database.file
    outsider = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    outsider.execute("BEGIN IMMEDIATE")
    let_go = threading.Timer(3, lambda: outsider.execute("ROLLBACK"))
    worker = start_worker()
    let_go.start()
    let_go.join()
    outsider.close()
    job_id = squares.register(studio, *drawn)
    assert wait_until(lambda: is_over(studio, job_id), 60)
    assert squares.state(studio, job_id) == "succeeded"
    assert worker.poll() is None
