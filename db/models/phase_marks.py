"""Where phases begin in clips."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base

STANDS = text("removed_at is null")


class PhaseMark(Base):
    """A phase begins at a frame of a clip; it lasts until the next mark, or until the clip ends.

    A mark stands until `removed_at`; moving one removes it and adds another, and a trigger refuses DELETE.
    In one clip a phase begins once, and two never begin together.

    source "person": someone set or confirmed it. source "transferred": it was carried over through the
    alignment with `from_clip_id` and nobody has looked at it. A confirmed one keeps `from_clip_id` and
    `confidence`.
    """

    __tablename__ = "phase_marks"
    __table_args__ = (
        CheckConstraint("source in ('person', 'transferred')", name="source"),
        CheckConstraint("phase <> '' and start_frame >= 0", name="place"),
        CheckConstraint("(from_clip_id is null) = (confidence is null)", name="carried"),
        CheckConstraint("source <> 'transferred' or from_clip_id is not null", name="transferred"),
        CheckConstraint("confidence between 0 and 1", name="confidence"),
        CheckConstraint("(removed_at is null) = (removed_by is null)", name="removed"),
        Index(
            "ix_phase_marks_phase", "clip_id", "phase", unique=True,
            sqlite_where=STANDS, postgresql_where=STANDS,
        ),
        Index(
            "ix_phase_marks_start_frame", "clip_id", "start_frame", unique=True,
            sqlite_where=STANDS, postgresql_where=STANDS,
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(unique=True)  # made by the client: what makes a retry harmless
    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id", ondelete="RESTRICT"), index=True)
    phase: Mapped[str]
    start_frame: Mapped[int]  # of the canonical clip, from 0
    source: Mapped[str]
    from_clip_id: Mapped[int | None] = mapped_column(ForeignKey("clips.id", ondelete="RESTRICT"))
    confidence: Mapped[float | None]
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
