"""Jobs: queued -> running -> succeeded | failed | cancelled. Held by a lease, fenced by an attempt number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Update, func, select, update
from sqlalchemy.orm import Session

from db.engine import now
from db.models import Job, Round, Worker

MOST_DEATHS = 5
OVER = ("succeeded", "failed", "cancelled")


class LeaseLost(Exception):
    """Another worker holds the job now; whoever meets this stops at once and writes nothing more."""


@dataclass(frozen=True)
class Fence:
    """What a worker shows with every write: the job, the attempt it claimed, and its own name."""

    job_id: int
    attempt: int
    owner: str


def enqueue(session: Session, *, kind: str, payload: dict[str, Any]) -> Job:
    """A new queued job of kind "import" or "round"."""
    moment = now(session)
    job = Job(kind=kind, payload=payload, created_at=moment, updated_at=moment)
    session.add(job)
    session.flush()
    return job


def get(session: Session, *, job_id: int) -> Job | None:
    """The job, None when there is none."""
    return session.get(Job, job_id)


def lock(session: Session, *, job_id: int) -> Job:
    """The job, which no worker takes or changes until the transaction ends."""
    return session.get_one(Job, job_id, with_for_update=True, populate_existing=True)


def running(session: Session, *, kind: str) -> Job | None:
    """The job of a kind that runs, else the one next in line, None when there is neither."""
    rows = select(Job).where(Job.kind == kind, Job.state.in_(("queued", "running")))
    return session.scalars(rows.order_by(Job.state.desc(), Job.id).limit(1)).first()


def in_states(session: Session, *, states: Sequence[str], limit: int | None = None) -> list[Job]:
    """Jobs in these states, newest first."""
    rows = select(Job).where(Job.state.in_(states)).order_by(Job.id.desc()).limit(limit)
    return list(session.scalars(rows))


def rounds_of(session: Session) -> dict[int, int]:
    """Job id -> id of the round it trains."""
    return {row.job_id: row.id for row in session.execute(select(Round.job_id, Round.id))}


def is_waiting(session: Session, *, kinds: Sequence[str]) -> bool:
    """Whether a job of these kinds is queued; looked up without the write lock that a claim takes."""
    queued = select(Job.id).where(Job.state == "queued", Job.kind.in_(kinds))
    return session.scalar(queued.limit(1)) is not None


def claim(session: Session, *, owner: str, kinds: Sequence[str], lease_seconds: float) -> Job | None:
    """Take the oldest queued job of these kinds, None when there is none. Two workers never get the same."""
    moment = now(session)
    oldest = (
        select(Job.id)
        .where(Job.state == "queued", Job.kind.in_(kinds))
        .order_by(Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = (
        update(Job)
        .where(Job.id == oldest)
        .values(
            state="running",
            owner=owner,
            attempt=Job.attempt + 1,
            lease_expires_at=moment + timedelta(seconds=lease_seconds),
            started_at=func.coalesce(Job.started_at, moment),
            error=None,
            updated_at=moment,
        )
        .returning(Job)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return session.scalars(taken).first()


def heartbeat(session: Session, fence: Fence, *, lease_seconds: float) -> bool:
    """Renew the lease; returns whether the job was asked to stop.

    Raises:
        LeaseLost: the job is no longer this worker's.
    """
    _write(session, fence, lease_expires_at=now(session) + timedelta(seconds=lease_seconds))
    return bool(session.scalar(select(Job.stop_requested).where(Job.id == fence.job_id)))


def hold(session: Session, fence: Fence) -> None:
    """Make sure, until the transaction ends, that the job is still this worker's. Every write of a job's
    results begins with it.

    Raises:
        LeaseLost: it is not.
    """
    _write(session, fence)


def progress(session: Session, fence: Fence, *, stage: str | None, step: int, steps: int,
             eta_seconds: float | None = None, message: str | None = None) -> None:  # fmt: skip
    """Say how far the job is.

    Raises:
        LeaseLost: the job is no longer this worker's.
    """
    _write(session, fence, stage=stage, step=step, steps=steps, eta_seconds=eta_seconds, message=message)


def finish(session: Session, fence: Fence, *, state: str, error: str | None = None,
           message: str | None = None) -> None:  # fmt: skip
    """End the job as "succeeded", "failed" or "cancelled".

    Raises:
        LeaseLost: the job is no longer this worker's.
    """
    if state not in OVER:
        raise ValueError(f"{state!r} does not end a job; choose one of {', '.join(OVER)}.")
    _write(session, fence, state=state, error=error, message=message, owner=None, lease_expires_at=None,
           eta_seconds=None, stop_requested=False, finished_at=now(session))  # fmt: skip


def release(session: Session, fence: Fence) -> None:
    """Put the job back in the queue, for a worker that shuts down in order; this is no death.

    Raises:
        LeaseLost: the job is no longer this worker's.
    """
    _write(session, fence, state="queued", owner=None, lease_expires_at=None)


def request_stop(session: Session, *, job_id: int) -> str | None:
    """Ask a job to stop: a queued one is cancelled at once, a running one within a step.

    Returns its state afterwards, None when there is no such job; a job that is over stays as it is.
    """
    moment = now(session)
    queued = update(Job).where(Job.id == job_id, Job.state == "queued")
    session.execute(_quietly(queued.values(state="cancelled", finished_at=moment, updated_at=moment)))
    asked = update(Job).where(Job.id == job_id, Job.state == "running")
    session.execute(_quietly(asked.values(stop_requested=True, updated_at=moment)))
    return session.scalar(select(Job.state).where(Job.id == job_id))


def resume(session: Session, *, job_id: int) -> bool:
    """Queue a failed or cancelled job again, with its deaths forgotten; False when it is neither."""
    moment = now(session)
    again = update(Job).where(Job.id == job_id, Job.state.in_(("failed", "cancelled")))
    values = {"state": "queued", "deaths": 0, "error": None, "message": None, "finished_at": None}
    return _reached(session, again.values(**values, stop_requested=False, updated_at=moment))


def recover_stale(session: Session, *, owner: str | None = None) -> list[Job]:
    """Take jobs from workers whose lease ran out; with `owner`, from that worker at once, as it is dead.

    Such a job is queued again, cancelled if a stop was asked for, or failed for good after five deaths.
    Returns those jobs as they are now.
    """
    moment = now(session)
    stale = select(Job).where(Job.state == "running").with_for_update(skip_locked=True)
    stale = stale.where(Job.owner == owner if owner else Job.lease_expires_at < moment)
    jobs = list(session.scalars(stale))
    for job in jobs:
        _leave_behind(job, moment)
    session.flush()
    return jobs


def give_up(session: Session, fence: Fence) -> Job:
    """The process that ran the job died: as `recover_stale`, for this job, by the worker that holds it.

    Raises:
        LeaseLost: the job is no longer this worker's.
    """
    hold(session, fence)
    job = session.get_one(Job, fence.job_id, populate_existing=True)
    _leave_behind(job, now(session))
    session.flush()
    return job


def survive(session: Session, fence: Fence) -> None:
    """Forget earlier deaths, since the job got further than before: only dying on the spot ends it for good.

    Raises:
        LeaseLost: the job is no longer this worker's.
    """
    _write(session, fence, deaths=0)


def see_worker(session: Session, *, owner: str, host: str, pid: int, device: str, lanes: list[str]) -> None:
    """Note that a worker is alive."""
    session.merge(Worker(owner=owner, host=host, pid=pid, device=device, lanes=lanes, seen_at=now(session)))


def forget_worker(session: Session, *, owner: str) -> None:
    """Take a worker that has ended in order off the list."""
    worker = session.get(Worker, owner)
    if worker:
        session.delete(worker)


def workers(session: Session) -> list[Worker]:
    """Workers, the one seen last first."""
    return list(session.scalars(select(Worker).order_by(Worker.seen_at.desc(), Worker.owner)))


def _leave_behind(job: Job, moment: datetime) -> None:
    job.deaths += 1
    job.owner, job.lease_expires_at, job.eta_seconds, job.updated_at = None, None, None, moment
    if job.stop_requested:
        job.state, job.stop_requested, job.finished_at = "cancelled", False, moment
    elif job.deaths >= MOST_DEATHS:
        job.state, job.finished_at = "failed", moment
        job.error = (
            f"The worker died {job.deaths} times during this {job.kind}. Look into logs/worker.log for "
            "the reason (often too little memory); then choose Resume."
        )
    else:
        job.state = "queued"


def _write(session: Session, fence: Fence, **values: Any) -> None:
    held = update(Job).where(
        Job.id == fence.job_id,
        Job.attempt == fence.attempt,
        Job.owner == fence.owner,
        Job.state == "running",
    )
    if not _reached(session, held.values(updated_at=now(session), **values)):
        raise LeaseLost(f"job {fence.job_id}, attempt {fence.attempt} is no longer held by {fence.owner}.")


def _reached(session: Session, statement: Update) -> bool:
    """Whether the update found its row."""
    return session.scalar(_quietly(statement).returning(Job.id)) is not None


def _quietly(statement: Update) -> Update:
    return statement.execution_options(synchronize_session="fetch")
