"""What a snapshot of a project holds, and what a restored one has to forget and to move."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from db.engine import now
from db.models import Clip, Import, Job, Lease, Round, Worker
from db.repositories import clips, jobs

AT_ONCE = 500


def finished_rounds(session: Session) -> list[int]:
    """Numbers of the rounds that succeeded."""
    rows = select(Round.number).join(Job, Job.id == Round.job_id).where(Job.state == "succeeded")
    return list(session.scalars(rows.order_by(Round.number)))


def checksums(session: Session) -> list[str]:
    """Checksums of the canonical clips, each once."""
    rows = select(Clip.sha256).where(Clip.state == "ready", Clip.sha256.is_not(None)).distinct()
    return [str(sha256) for sha256 in session.scalars(rows.order_by(Clip.sha256))]


def sources(session: Session) -> list[tuple[int, int, str, str | None]]:
    """Ready clips by id: (clip id, import id, source, checksum of the canonical file)."""
    rows = select(Clip.id, Clip.import_id, Clip.source_path, Clip.sha256).where(Clip.state == "ready")
    found = session.execute(rows.order_by(Clip.id))
    return [(clip_id, import_id, source, sha256) for clip_id, import_id, source, sha256 in found]


def come_to_rest(session: Session) -> int:
    """Cancel unfinished jobs and forget workers and leases, which belong to the machine that was left;
    returns how many jobs."""
    session.execute(delete(Lease))
    session.execute(delete(Worker))
    left = update(Job).where(Job.state.in_(("queued", "running")))
    moment = now(session)
    values: dict[str, Any] = {
        "state": "cancelled", "owner": None, "lease_expires_at": None, "stop_requested": False,
        "eta_seconds": None, "finished_at": moment, "updated_at": moment,
        "message": "it was not finished when the snapshot was made; resume it to go on.",
    }  # fmt: skip
    stopped = session.scalars(
        left.values(**values).returning(Job.id).execution_options(synchronize_session=False)
    )
    return len(stopped.all())


def move(session: Session, *, old: str, new: str) -> int:
    """Look for sources under another folder; returns how many clips that concerns."""
    for column in (Import.folder, Import.labels_csv):
        session.execute(_moved(Import, column, old, new))
    return len(session.scalars(_moved(Clip, Clip.source_path, old, new).returning(Clip.id)).all())


def read_again(session: Session, *, import_id: int, clip_ids: Collection[int]) -> None:
    """Have clips of an import read from their sources once more, by a job of its own."""
    found = list(clip_ids)
    for start in range(0, len(found), AT_ONCE):
        part = Clip.id.in_(found[start : start + AT_ONCE])
        session.execute(update(Clip).where(part).values(state="waiting", reason=None))
    job = jobs.enqueue(session, kind="import", payload={"import_id": import_id})
    job.steps = len(found)
    clips.set_job(session, import_id=import_id, job_id=job.id)


def made(session: Session) -> list[Job]:
    """Jobs that make snapshots, newest first."""
    return list(session.scalars(select(Job).where(Job.kind == "snapshot").order_by(Job.id.desc())))


def _moved(table: Any, column: Any, old: str, new: str) -> Any:
    inside = func.substr(column, 1, len(old) + 1) == f"{old}/"
    rest = func.substr(column, len(old) + 1)
    return (
        update(table)
        .where((column == old) | inside)
        .values({column: new + rest})
        .execution_options(synchronize_session=False)
    )
