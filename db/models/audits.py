"""Clips whose accepted pseudo-label is checked by somebody who does not see it."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base


class AuditDraw(Base):
    """One accepted pseudo-label drawn for a blind check, in the order of `place`; frozen per round and pass.

    `class_id` is what the pass proposed. `answer_uuid` names the newest verdict given blind, None before; an
    undone one makes the check open again.
    """

    __tablename__ = "audit_draws"

    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id", ondelete="RESTRICT"), primary_key=True)
    iteration: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id", ondelete="RESTRICT"), primary_key=True)
    place: Mapped[int]
    class_id: Mapped[int] = mapped_column(ForeignKey("classes.id", ondelete="RESTRICT"))
    answer_uuid: Mapped[str | None] = mapped_column(ForeignKey("verdicts.uuid", ondelete="RESTRICT"))
    drawn_at: Mapped[datetime]
