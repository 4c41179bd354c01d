"""Imports and the clips they bring in."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base


class Import(Base):
    """One import: where clips came from, how labels were divided, and the job that reads the files."""

    __tablename__ = "imports"

    id: Mapped[int] = mapped_column(primary_key=True)
    folder: Mapped[str]
    labels_csv: Mapped[str | None]
    labelled_share: Mapped[float]
    test_share: Mapped[float]
    seed: Mapped[int]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    created_at: Mapped[datetime]
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="RESTRICT"))


class Clip(Base):
    """One clip. Everything from `source_sha256` on is known once the worker has read the file."""

    __tablename__ = "clips"
    __table_args__ = (
        CheckConstraint("split in ('train', 'test')", name="split"),
        CheckConstraint("state in ('waiting', 'ready', 'unreadable', 'missing')", name="state"),
        CheckConstraint("state <> 'ready' or (sha256 is not null and path is not null)", name="ready"),
        Index("ix_clips_state_split", "state", "split", "given_class_id"),
        Index("ix_clips_import_id_state", "import_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("imports.id", ondelete="RESTRICT"))
    source_path: Mapped[str]
    start: Mapped[float | None]  # seconds into the source
    end: Mapped[float | None]
    split: Mapped[str]
    # label that came with the import and is trained on
    given_class_id: Mapped[int | None] = mapped_column(
        ForeignKey("classes.id", ondelete="RESTRICT"), index=True
    )
    state: Mapped[str] = mapped_column(default="waiting")
    reason: Mapped[str | None]
    source_sha256: Mapped[str | None]
    sha256: Mapped[str | None]  # of the canonical file
    path: Mapped[str | None]  # of the canonical file, relative to the project
    fps: Mapped[float | None]
    frames: Mapped[int | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    sprite: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True)
    )  # frames columns width height step
    created_at: Mapped[datetime]


class Truth(Base):
    """A clip's known class, for measuring only. Nothing that trains reads this table."""

    __tablename__ = "truths"

    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id", ondelete="RESTRICT"), primary_key=True)
    class_id: Mapped[int] = mapped_column(ForeignKey("classes.id", ondelete="RESTRICT"), index=True)
