"""People's decisions, and who is deciding on what right now."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base

DECIDING = ("accept", "correct", "reject", "novel")  # kinds that settle a clip
KINDS = (*DECIDING, "skip", "flag", "undo")
FLAGS = text("kind = 'flag'")
DECIDES = text("kind in ('accept', 'correct', 'reject', 'novel')")


class Verdict(Base):
    """One event of the append-only log; triggers refuse UPDATE and DELETE.

    A verdict stands until an `undo` names it. `hash` is sha256 over the row and the hash before it, so that
    a changed, removed or reordered row is found.
    """

    __tablename__ = "verdicts"
    __table_args__ = (
        CheckConstraint(
            "kind in ('accept', 'correct', 'reject', 'novel', 'skip', 'flag', 'undo')", name="kind"
        ),
        CheckConstraint("(kind in ('accept', 'correct')) = (class_id is not null)", name="class"),
        CheckConstraint("(kind = 'undo') = (undoes_uuid is not null)", name="undo"),
        Index(
            "ix_verdicts_deciding", "clip_id", "id", "uuid", sqlite_where=DECIDES, postgresql_where=DECIDES
        ),
        Index("ix_verdicts_flags", "clip_id", "id", sqlite_where=FLAGS, postgresql_where=FLAGS),
        Index("ix_verdicts_reviewer_id", "reviewer_id", "id"),
        Index("ix_verdicts_round_id_kind", "round_id", "kind", "clip_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(unique=True)  # made by the client: what makes a retry harmless
    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id", ondelete="RESTRICT"), index=True)
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    kind: Mapped[str]
    class_id: Mapped[int | None] = mapped_column(ForeignKey("classes.id", ondelete="RESTRICT"))
    predicted_class_id: Mapped[int | None] = mapped_column(ForeignKey("classes.id", ondelete="RESTRICT"))
    round_id: Mapped[int | None] = mapped_column(ForeignKey("rounds.id", ondelete="RESTRICT"))
    undoes_uuid: Mapped[str | None] = mapped_column(
        ForeignKey("verdicts.uuid", ondelete="RESTRICT"), unique=True
    )
    note: Mapped[str | None]
    seconds: Mapped[float | None]  # time spent on the clip
    made_at: Mapped[datetime]  # the client's clock
    recorded_at: Mapped[datetime]  # the database's clock
    previous_hash: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)


class Lease(Base):
    """A reviewer's claim on a clip: nobody else gets it until `expires_at`."""

    __tablename__ = "leases"

    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id", ondelete="RESTRICT"), primary_key=True)
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    expires_at: Mapped[datetime]
