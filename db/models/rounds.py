"""Rounds: what they trained on, how they went, and which one is active."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base


class Round(Base):
    """One round. Its state, times and error are those of its job."""

    __tablename__ = "rounds"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)  # 1, 2, ...
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("rounds.id", ondelete="RESTRICT")
    )  # starts from its model
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="RESTRICT"), unique=True)
    preset: Mapped[str]
    config: Mapped[dict[str, Any]] = mapped_column(JSON)
    classes: Mapped[list[int]] = mapped_column(JSON)  # class ids, the order of every array of the round
    # frozen with the snapshot: class id -> name of the class that it meant then
    class_names: Mapped[dict[str, str]] = mapped_column(JSON, default=dict, deferred=True)
    # frozen too: {"pinned": {class id: [clip id]}, "banned": [clip id]}
    exemplar_choices: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, deferred=True)
    device: Mapped[str | None]
    iteration: Mapped[int] = mapped_column(default=-1)  # pass its pseudo-labels come from, -1 before any
    metrics: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)
    model_path: Mapped[str | None]  # relative to the project
    model_sha256: Mapped[str | None]
    note: Mapped[str | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    created_at: Mapped[datetime]


class RoundClip(Base):
    """One clip of the frozen snapshot: who takes part in a round, and with which label.

    role "labelled": people's label, trained on. role "unlabelled": the round proposes a label; `source`
    "pseudo" where it starts from the accepted label of the round before. role "test": measured on.
    """

    __tablename__ = "round_clips"
    __table_args__ = (
        CheckConstraint("role in ('labelled', 'unlabelled', 'test')", name="role"),
        CheckConstraint("source in ('imported', 'verdict', 'pseudo')", name="source"),
        CheckConstraint("(source is null) = (class_id is null)", name="label"),
        CheckConstraint("role <> 'labelled' or source in ('imported', 'verdict')", name="labelled"),
    )

    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id", ondelete="RESTRICT"), primary_key=True)
    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id", ondelete="RESTRICT"), primary_key=True)
    role: Mapped[str]
    class_id: Mapped[int | None] = mapped_column(ForeignKey("classes.id", ondelete="RESTRICT"))
    source: Mapped[str | None]
    weight: Mapped[float] = mapped_column(default=1.0)
    verdict_id: Mapped[int | None] = mapped_column(ForeignKey("verdicts.id", ondelete="RESTRICT"))


class RoundExemplar(Base):
    """A labelled clip that stood for its class in the round's gallery."""

    __tablename__ = "round_exemplars"

    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id", ondelete="RESTRICT"), primary_key=True)
    class_id: Mapped[int] = mapped_column(ForeignKey("classes.id", ondelete="RESTRICT"), primary_key=True)
    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id", ondelete="RESTRICT"), primary_key=True)
    rank: Mapped[int]


class TestPrediction(Base):
    """What f_E of a finished round says about a test clip."""

    __tablename__ = "test_predictions"
    __test__ = False  # for pytest: a table, not a test

    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id", ondelete="RESTRICT"), primary_key=True)
    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id", ondelete="RESTRICT"), primary_key=True)
    class_id: Mapped[int] = mapped_column(ForeignKey("classes.id", ondelete="RESTRICT"))


class RoundStep(Base):
    """Losses and shares of one training step, for the live curves."""

    __tablename__ = "round_steps"
    __table_args__ = (Index("ix_round_steps_round_id", "round_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id", ondelete="RESTRICT"))
    stage: Mapped[str]
    step: Mapped[int]
    steps: Mapped[int]
    values: Mapped[dict[str, float]] = mapped_column(JSON)
    at: Mapped[datetime]


class Promotion(Base):
    """A round becomes the active one; the newest row counts. Append-only: rolling back appends."""

    __tablename__ = "promotions"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id", ondelete="RESTRICT"))
    promoted_by: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="RESTRICT")
    )  # None: by finishing
    rolls_back_id: Mapped[int | None] = mapped_column(
        ForeignKey("promotions.id", ondelete="RESTRICT"), unique=True
    )
    promoted_at: Mapped[datetime]
