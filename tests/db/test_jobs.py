"""Jobs: claimed once, fenced, taken over, and ended in every way there is."""

import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from db.engine import Database, now
from db.models import Job
from db.repositories import jobs
from db.repositories.jobs import Fence, LeaseLost


@pytest.fixture
def job_id(database) -> int:
    """One queued job."""
    with database.write() as session:
        return jobs.enqueue(session, kind="round", payload={"preset": "cpu-demo"}).id


def claim(database: Database, owner: str = "one", lease_seconds: float = 60) -> Fence | None:
    """Take the next job."""
    with database.write() as session:
        job = jobs.claim(session, owner=owner, kinds=["import", "round"], lease_seconds=lease_seconds)
        return Fence(job.id, job.attempt, owner) if job else None


def get(database: Database, job_id: int) -> Job:
    with database.read() as session:
        row = jobs.get(session, job_id=job_id)
        assert row is not None
        return row


def let_lease_run_out(database: Database) -> None:
    with database.write() as session:
        session.execute(update(Job).values(lease_expires_at=now(session) - timedelta(seconds=1)))


def writes(fence: Fence):
    """Every way to write as the worker that holds a job."""
    return {
        "heartbeat": lambda session: jobs.heartbeat(session, fence, lease_seconds=60),
        "hold": lambda session: jobs.hold(session, fence),
        "progress": lambda session: jobs.progress(session, fence, stage="action", step=1, steps=2),
        "finish": lambda session: jobs.finish(session, fence, state="succeeded"),
        "release": lambda session: jobs.release(session, fence),
        "give up": lambda session: jobs.give_up(session, fence),
        "survive": lambda session: jobs.survive(session, fence),
    }


def test_the_oldest_job_of_the_kinds_asked_for_comes_first(database):
    with database.write() as session:
        ids = [jobs.enqueue(session, kind=kind, payload={}).id for kind in ("round", "import", "import")]
        assert not jobs.is_waiting(session, kinds=[])
        assert jobs.is_waiting(session, kinds=["import"])
        claimed = jobs.claim(session, owner="one", kinds=["import"], lease_seconds=60)
    assert claimed.id == ids[1]
    assert claim(database).job_id == ids[0]
    assert claim(database).job_id == ids[2]
    assert claim(database) is None


def test_a_claim_shows_who_holds_the_job_and_since_when(database, job_id):
    assert claim(database, "one") == Fence(job_id, 1, "one")
    job = get(database, job_id)
    assert (job.state, job.owner, job.attempt, job.payload) == ("running", "one", 1, {"preset": "cpu-demo"})
    with database.read() as session:
        assert timedelta(seconds=50) < job.lease_expires_at - now(session) <= timedelta(seconds=60)
        assert jobs.running(session, kind="round").id == job_id
        assert jobs.running(session, kind="import") is None
    assert job.started_at is not None


def test_four_processes_take_forty_jobs_once_each(database, database_url):
    with database.write() as session:
        ids = [jobs.enqueue(session, kind="import", payload={"number": n}).id for n in range(40)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.db.claimants", database_url, f"worker {number}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(4)
    ]  # fmt: skip
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    taken = [[int(line) for line in worker.communicate(timeout=60)[0].split()] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0, 0]
    assert sorted(sum(taken, [])) == ids
    assert sum(bool(part) for part in taken) > 1
    with database.read() as session:
        rows = session.execute(select(Job.state, Job.attempt, Job.owner).distinct()).all()
    assert rows == [("succeeded", 1, None)]


@pytest.mark.parametrize("write", list(writes(Fence(0, 0, ""))))
def test_whoever_lost_the_lease_writes_nothing_more(database, job_id, write):
    lost = claim(database, "one")
    let_lease_run_out(database)
    with database.write() as session:
        assert [job.id for job in jobs.recover_stale(session)] == [job_id]
    held = claim(database, "two")
    assert held == Fence(job_id, 2, "two")
    before = get(database, job_id)
    for stale in (lost, Fence(job_id, 2, "one"), Fence(job_id, 1, "two")):
        with pytest.raises(LeaseLost), database.write() as session:
            writes(stale)[write](session)
    after = get(database, job_id)
    assert (after.state, after.owner, after.step, after.updated_at) == (
        "running",
        "two",
        0,
        before.updated_at,
    )
    with database.write() as session:
        writes(held)[write](session)


@pytest.mark.parametrize("write", list(writes(Fence(0, 0, ""))))
def test_nothing_is_written_to_a_job_that_is_over(database, job_id, write):
    fence = claim(database)
    with database.write() as session:
        jobs.finish(session, fence, state="failed", error="no room on the disk")
    with pytest.raises(LeaseLost), database.write() as session:
        writes(fence)[write](session)
    assert get(database, job_id).error == "no room on the disk"


def test_a_heartbeat_keeps_the_job(database, job_id):
    fence = claim(database, lease_seconds=1)
    with database.write() as session:
        assert jobs.heartbeat(session, fence, lease_seconds=60) is False
    with database.write() as session:
        assert jobs.recover_stale(session) == []
        left = session.get_one(Job, job_id).lease_expires_at - now(session)
    assert left > timedelta(seconds=50)


def test_a_dead_worker_s_jobs_are_taken_back_at_once_by_name(database):
    with database.write() as session:
        ids = [jobs.enqueue(session, kind="round", payload={}).id for _ in range(2)]
    claim(database, "one")
    claim(database, "two")
    with database.write() as session:
        assert [job.id for job in jobs.recover_stale(session, owner="one")] == ids[:1]
    assert [get(database, job_id).state for job_id in ids] == ["queued", "running"]


def test_five_deaths_end_a_job_with_a_reason(database, job_id):
    for deaths in range(1, 5):
        claim(database)
        let_lease_run_out(database)
        with database.write() as session:
            jobs.recover_stale(session)
        assert (get(database, job_id).state, get(database, job_id).deaths) == ("queued", deaths)
    fence = claim(database)
    with database.write() as session:
        jobs.give_up(session, fence)
    job = get(database, job_id)
    assert (job.state, job.deaths, job.attempt) == ("failed", 5, 5)
    assert "died 5 times" in job.error
    assert "Resume" in job.error
    assert job.finished_at is not None
    assert claim(database) is None


def test_deaths_are_forgotten_once_the_job_got_further(database, job_id):
    for _ in range(7):
        fence = claim(database)
        with database.write() as session:
            jobs.survive(session, fence)
        with database.write() as session:
            jobs.give_up(session, fence)
    assert (get(database, job_id).state, get(database, job_id).deaths) == ("queued", 1)


def test_a_job_given_back_in_order_is_no_death(database, job_id):
    fence = claim(database)
    with database.write() as session:
        jobs.release(session, fence)
    job = get(database, job_id)
    assert (job.state, job.deaths, job.owner) == ("queued", 0, None)
    assert claim(database).attempt == 2


def test_a_queued_job_is_cancelled_at_once(database, job_id):
    with database.write() as session:
        assert jobs.request_stop(session, job_id=job_id) == "cancelled"
    assert get(database, job_id).finished_at is not None
    assert claim(database) is None


def test_a_running_job_hears_of_the_stop_with_its_next_heartbeat(database, job_id):
    fence = claim(database)
    with database.write() as session:
        assert jobs.request_stop(session, job_id=job_id) == "running"
    with database.write() as session:
        assert jobs.heartbeat(session, fence, lease_seconds=60) is True
        jobs.finish(session, fence, state="cancelled")
    job = get(database, job_id)
    assert (job.state, job.stop_requested, job.owner) == ("cancelled", False, None)


def test_a_worker_that_dies_after_a_stop_leaves_a_cancelled_job(database, job_id):
    fence = claim(database)
    with database.write() as session:
        jobs.request_stop(session, job_id=job_id)
        jobs.give_up(session, fence)
    assert get(database, job_id).state == "cancelled"


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
def test_a_job_that_is_over_cannot_be_stopped(database, job_id, state):
    fence = claim(database)
    with database.write() as session:
        jobs.finish(session, fence, state=state)
        assert jobs.request_stop(session, job_id=job_id) == state
    assert get(database, job_id).stop_requested is False


def test_stopping_a_job_that_is_not_there_says_so(database):
    with database.write() as session:
        assert jobs.request_stop(session, job_id=99) is None


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_failed_or_cancelled_job_can_be_resumed(database, job_id, state):
    fence = claim(database)
    with database.write() as session:
        jobs.finish(session, fence, state=state, error="no room")
        assert jobs.resume(session, job_id=job_id)
    job = get(database, job_id)
    assert (job.state, job.error, job.deaths, job.finished_at) == ("queued", None, 0, None)
    assert claim(database) == Fence(job_id, 2, "one")


def test_a_job_that_is_queued_running_or_done_cannot_be_resumed(database, job_id):
    with database.write() as session:
        assert not jobs.resume(session, job_id=job_id)
    fence = claim(database)
    with database.write() as session:
        assert not jobs.resume(session, job_id=job_id)
        jobs.finish(session, fence, state="succeeded")
        assert not jobs.resume(session, job_id=job_id)
        assert not jobs.resume(session, job_id=99)


def test_progress_is_there_to_be_seen(database, job_id):
    fence = claim(database)
    with database.write() as session:
        jobs.progress(
            session, fence, stage="action", step=3, steps=9, eta_seconds=4.5, message="learning actions"
        )
    job = get(database, job_id)
    assert (job.stage, job.step, job.steps, job.eta_seconds) == ("action", 3, 9, 4.5)
    assert job.message == "learning actions"


def test_a_job_ends_only_in_one_of_three_ways(database, job_id):
    fence = claim(database)
    with pytest.raises(ValueError, match="does not end a job"), database.write() as session:
        jobs.finish(session, fence, state="queued")


@pytest.mark.parametrize("engine_name", ["postgresql"])  # SQLite's write lock keeps workers out altogether
def test_a_locked_job_is_passed_over_by_workers(database, job_id):
    with database.write() as session:
        jobs.lock(session, job_id=job_id)
        assert claim(database) is None
    assert claim(database) is not None


def test_workers_are_listed_while_they_are_there(database):
    with database.write() as session:
        for pid in (1, 2):
            jobs.see_worker(session, owner="one", host="desk", pid=pid, device="cpu", lanes=["import"])
        jobs.see_worker(session, owner="two", host="rack", pid=3, device="NVIDIA H200", lanes=["round"])
    with database.write() as session:
        listed = {(row.owner, row.pid, row.device) for row in jobs.workers(session)}
        assert listed == {("one", 2, "cpu"), ("two", 3, "NVIDIA H200")}
        jobs.forget_worker(session, owner="one")
        jobs.forget_worker(session, owner="nobody")
    with database.read() as session:
        assert [row.owner for row in jobs.workers(session)] == ["two"]
