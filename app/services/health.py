"""Is everything in order that the studio stands on? Workers, disk, database, and what an error means."""

import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from app.services.studio import Studio
from app.services.users import admin
from app.settings import Settings
from db import migrate
from db.engine import DATABASE_ERRORS, Database, now, trouble
from db.repositories import jobs, verdicts

LEAST_FREE_BYTES = 2 << 30
LIBRARIES = ("streamlit", "sqlalchemy", "torch", "torchvision", "av", "numpy")


@dataclass(frozen=True)
class WorkerCard:
    """A worker process; alive when seen within the lease time."""

    owner: str
    host: str
    device: str
    seen_seconds_ago: float
    alive: bool


@dataclass(frozen=True)
class Standstill:
    """No worker is alive. `since` is when one was last heard of, None where none ever was; `waiting` jobs are
    queued or were left behind; `command` starts a worker."""

    since: datetime | None
    waiting: int
    command: str


@dataclass(frozen=True)
class StoppedJob:
    """A job that waits, or that failed; `retry` is the id of the round that can be resumed, if any."""

    id: int
    kind: str
    state: str
    error: str | None
    updated_at: datetime
    retry: int | None


@dataclass(frozen=True)
class Report:
    """The health of a project. `database_bytes` is None on a server."""

    workers: tuple[WorkerCard, ...]
    stopped: tuple[StoppedJob, ...]
    database_bytes: int | None
    free_bytes: int
    verdicts: int
    schema: str
    versions: tuple[tuple[str, str], ...]


def workers(studio: Studio) -> tuple[WorkerCard, ...]:
    """Workers, the one seen last first."""
    with studio.database.read() as session:
        moment = now(session)
        cards = []
        for row in jobs.workers(session):
            silent = max(0.0, (moment - row.seen_at).total_seconds())
            alive = silent < studio.settings.lease_seconds
            cards.append(WorkerCard(row.owner, row.host, row.device, silent, alive))
        return tuple(cards)


def standstill(studio: Studio) -> Standstill | None:
    """Since when nobody works, None while somebody does."""
    if any(worker.alive for worker in workers(studio)):
        return None
    with studio.database.read() as session:
        queued = jobs.in_states(session, states=("queued", "running"))
        waiting = sum(job.kind != "media" for job in queued)  # pictures are no reason to worry
        seen = [row.seen_at for row in jobs.workers(session)]
    log = studio.settings.logs / "worker.log"  # a worker that ended in order is off the list; its log is not
    if log.is_file():
        seen.append(datetime.fromtimestamp(log.stat().st_mtime, UTC))
    command = f"python -m app worker --project {studio.settings.project}"
    return Standstill(max(seen, default=None), waiting, command)


def free_bytes(studio: Studio) -> int:
    """Room left on the project's disk."""
    return shutil.disk_usage(studio.settings.project).free


def is_nearly_full(studio: Studio) -> bool:
    """Whether the project's disk has less room than an import or a round may ask for."""
    return free_bytes(studio) < LEAST_FREE_BYTES


def report(studio: Studio, user_id: int) -> Report:
    """Everything at a glance, for admins.

    Raises:
        StudioError: the person is no admin.
    """
    file = studio.database.file
    with studio.database.read() as session:
        admin(session, user_id, "look into the studio's health")
        rounds = jobs.rounds_of(session)
        stopped = tuple(
            StoppedJob(job.id, job.kind, job.state, job.error, job.updated_at,
                       rounds.get(job.id) if job.state == "failed" else None)
            for job in jobs.in_states(session, states=("queued", "failed"), limit=50)
        )  # fmt: skip
        recorded = verdicts.last_id(session)
    return Report(
        workers=workers(studio),
        stopped=stopped,
        database_bytes=_bytes(file) if file else None,
        free_bytes=free_bytes(studio),
        verdicts=recorded,
        schema=migrate.newest(),
        versions=(("python", sys.version.split()[0]), *((name, _version(name)) for name in LIBRARIES)),
    )


def broken_verdicts(studio: Studio, user_id: int) -> list[int]:
    """Ids of verdicts that were changed or follow a removed row, by reading the whole chain.

    Raises:
        StudioError: the person is no admin.
    """
    with studio.database.read() as session:
        admin(session, user_id, "check the chain of verdicts")
        return verdicts.broken(session)


def schema_problem(settings: Settings) -> str | None:
    """What to do about a database whose schema is not this version's; None where it is, or can't be asked."""
    database = Database(settings.database_url)
    try:
        migrate.check(database)
    except migrate.SchemaError as error:
        return str(error)
    except DATABASE_ERRORS:
        return None
    finally:
        database.dispose()
    return None


def database_trouble(error: BaseException) -> str | None:
    """What an error says about the database: "busy", "full", "schema", "away"; None where it says nothing."""
    return "schema" if isinstance(error, migrate.SchemaError) else trouble(error)


def _bytes(file: Path) -> int:
    parts = (file, file.with_name(f"{file.name}-wal"))
    return sum(part.stat().st_size for part in parts if part.is_file())


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"
