"""Work to do, and who is there to do it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base


class Job(Base):
    """One piece of work. `attempt` counts the claims and is the fencing token of the worker that holds it."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("kind in ('import', 'round', 'snapshot', 'media')", name="kind"),
        CheckConstraint("state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="state"),
        CheckConstraint("(state = 'running') = (owner is not null)", name="owner"),
        Index("ix_jobs_state", "state", "kind", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(default="queued")
    stop_requested: Mapped[bool] = mapped_column(default=False)
    attempt: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]
    deaths: Mapped[int] = mapped_column(default=0)
    stage: Mapped[str | None]
    step: Mapped[int] = mapped_column(default=0)
    steps: Mapped[int] = mapped_column(default=0)
    eta_seconds: Mapped[float | None]
    message: Mapped[str | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class Worker(Base):
    """A worker process and when it was last seen."""

    __tablename__ = "workers"

    owner: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    device: Mapped[str]
    lanes: Mapped[list[str]] = mapped_column(JSON)  # job kinds it takes
    seen_at: Mapped[datetime]
