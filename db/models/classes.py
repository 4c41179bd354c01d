"""Classes of actions, how they came to be what they are, and the clips that stand for them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base


class ActionClass(Base):
    """A class a clip can belong to; `position` is its place in every list.

    Rows that name a class keep its id for ever. A class that was merged into another one means that one
    wherever it is read: `db.repositories.classes.meaning`. What it was merged into is never merged itself.
    """

    __tablename__ = "classes"
    __table_args__ = (CheckConstraint("merged_into_id <> id", name="merged"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    position: Mapped[int]
    created_at: Mapped[datetime]
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("classes.id", ondelete="RESTRICT"))
    removed: Mapped[bool] = mapped_column(default=False)  # its creation was undone
    attributes: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)


class ClassEvent(Base):
    """A change to classes; append-only, and an undo appends.

    `before` and `after` hold class id -> column -> value, of the columns that changed. The `uuid` is made by
    the client, so that a retry changes nothing.
    """

    __tablename__ = "class_events"
    __table_args__ = (
        CheckConstraint("kind in ('create', 'rename', 'merge', 'attributes', 'undo')", name="kind"),
        CheckConstraint("(kind = 'undo') = (undoes_id is not null)", name="undo"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    before: Mapped[dict[str, dict[str, Any]]] = mapped_column(JSON)
    after: Mapped[dict[str, dict[str, Any]]] = mapped_column(JSON)
    undoes_id: Mapped[int | None] = mapped_column(
        ForeignKey("class_events.id", ondelete="RESTRICT"), unique=True
    )
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    made_at: Mapped[datetime]


class ExemplarChoice(Base):
    """A labelled clip that people want as an exemplar of a class, or never want as one."""

    __tablename__ = "exemplar_choices"
    __table_args__ = (
        CheckConstraint("choice in ('pinned', 'banned')", name="choice"),
        Index("ix_exemplar_choices_clip_id", "clip_id"),
    )

    class_id: Mapped[int] = mapped_column(ForeignKey("classes.id", ondelete="RESTRICT"), primary_key=True)
    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id", ondelete="RESTRICT"), primary_key=True)
    choice: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    made_at: Mapped[datetime]
