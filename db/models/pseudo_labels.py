"""What a round proposes for unlabelled clips."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base

QUEUES = {
    "disagreement": ("disagrees", "margin"),
    "flipped": ("flipped", "margin"),
    "alignability": ("alignability",),
    "class": ("class_id", "margin"),
    "random": ("shuffle",),
}
# what thresholds and differences of rounds are worked out from, without the wide rows
THRESHOLDS = (
    "round_id", "iteration", "clip_id", "class_id", "confidence", "accepted", "settled", "alignability",
)  # fmt: skip


class PseudoLabel(Base):
    """A round's proposal for one clip. The arrays are float32, little endian, in the order of rounds.classes.

    Only the pass that `rounds.iteration` names is shown; a later one is written in small transactions before
    the round points to it. `margin`, the queue's order, is the gap between the two best combined
    probabilities.

    The other queues are read by `disagrees` (the likeliest class of p_E is not that of p_A), `flipped` (the
    class is not the one that the parent round shows; None where that shows none) and `shuffle` (a number
    that looks drawn at random and is the same whenever it is asked for).
    """

    __tablename__ = "pseudo_labels"
    __table_args__ = (
        Index("ix_pseudo_labels_queue", "round_id", "iteration", "settled", "margin", "clip_id"),
        *(
            Index(f"ix_pseudo_labels_{name}", "round_id", "iteration", "settled", *columns, "clip_id")
            for name, columns in QUEUES.items()
        ),
        Index("ix_pseudo_labels_clip_id", "clip_id"),
        Index("ix_pseudo_labels_accepted", "round_id", "iteration", "accepted", "clip_id", "class_id"),
        Index("ix_pseudo_labels_confidence", *THRESHOLDS),
    )

    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id", ondelete="RESTRICT"), primary_key=True)
    iteration: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id", ondelete="RESTRICT"), primary_key=True)
    class_id: Mapped[int] = mapped_column(ForeignKey("classes.id", ondelete="RESTRICT"))
    confidence: Mapped[float]
    alignability: Mapped[float]
    margin: Mapped[float]
    accepted: Mapped[bool]
    settled: Mapped[bool] = mapped_column(default=False)  # follows from the verdict log: needs no review
    disagrees: Mapped[bool] = mapped_column(default=False)
    flipped: Mapped[bool | None]
    shuffle: Mapped[int] = mapped_column(default=0)
    action_probabilities: Mapped[bytes] = mapped_column(LargeBinary)
    alignability_probabilities: Mapped[bytes] = mapped_column(LargeBinary)
    probabilities: Mapped[bytes] = mapped_column(LargeBinary)
    class_alignabilities: Mapped[bytes] = mapped_column(LargeBinary)
    nearest: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # [{"clip_id", "class_id", "alignability"}]
