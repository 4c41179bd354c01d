"""Clips as pages show them: files, label as it stands, and what is proposed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.models import Clip, Round

COPIED = (
    "id", "key", "state", "reason", "split", "import_id", "source_path", "start", "end", "sha256", "path",
    "fps", "frames", "width", "height",
)  # fmt: skip


@dataclass(frozen=True)
class Sprite:
    """Frames of a clip in one picture: `frames` cells of `width` x `height` pixels in `columns` columns;
    cell i shows frame int(i * step) of the clip."""

    frames: int
    columns: int
    width: int
    height: int
    step: float


@dataclass(frozen=True)
class Proposed:
    """What the round under review proposes for a clip."""

    round_id: int
    round_number: int
    class_id: int
    class_name: str
    confidence: float
    alignability: float
    accepted: bool


@dataclass(frozen=True)
class ClipCard:
    """One clip with its label as it stands.

    Args:
        state: "waiting", "ready", "unreadable" or "missing"; `reason` says why for the last two.
        label_id: class that people gave it (a verdict, or the import), None without one.
        label_source: "verdict", "imported", or None.
        decision: kind of the newest standing verdict ("accept", "correct", "reject", "novel"), or None.
        reviewer: who made that verdict; `decided_at` when.
    """

    id: int
    key: str
    state: str
    reason: str | None
    split: str
    import_id: int
    source_path: str
    start: float | None
    end: float | None
    sha256: str | None
    path: str | None
    fps: float | None
    frames: int | None
    width: int | None
    height: int | None
    sprite: Sprite | None
    label_id: int | None
    label_name: str | None
    label_source: str | None
    decision: str | None
    reviewer: str | None
    decided_at: datetime | None
    proposed: Proposed | None


@dataclass(frozen=True)
class ClipFilter:
    """Which clips to list; None or empty leaves a condition out.

    Args:
        search: part of the key.
        state: "waiting", "ready", "unreadable" or "missing".
        split: "train" or "test".
        label: "labelled" (by people), "unlabelled", "accepted" (proposed and accepted, no verdict yet),
            "proposed" (proposed, not accepted, no verdict yet), "rejected" (rejected or no known class).
        class_id: people's label or, where there is none, the proposed class.
        import_id: clips of one import.
        said_id: the class that was proposed when people decided on the clip.
        tested_id: the class that the round under review says of a test clip.
        decision: kind of the verdict that stands, "reject" or "novel" among them.
        known_id: people's label or, where there is none, the class known for measuring.
        reviewer_id: who gave the verdict that stands.
        least_confidence, most_confidence, least_alignability, most_alignability: bounds in [0, 1] on what is
            proposed; clips without a proposal lie outside.
        clip_ids: these clips.
        round_number: the round whose proposals are meant; None for the one under review.
    """

    search: str = ""
    state: str | None = None
    split: str | None = None
    label: str | None = None
    class_id: int | None = None
    import_id: int | None = None
    said_id: int | None = None
    tested_id: int | None = None
    known_id: int | None = None
    decision: str | None = None
    reviewer_id: int | None = None
    least_confidence: float | None = None
    most_confidence: float | None = None
    least_alignability: float | None = None
    most_alignability: float | None = None
    clip_ids: tuple[int, ...] | None = None
    round_number: int | None = None


@dataclass(frozen=True)
class ClipPage:
    """A stretch of the clips that match, in their order, and how many match in all."""

    clips: tuple[ClipCard, ...]
    total: int
    offset: int


def clip_card(row: Any, names: Mapping[int, str], shown: Round | None) -> ClipCard:
    """The card of a row of `clips.labels`; `shown` is the round that proposes."""
    clip: Clip = row.Clip
    proposed = None
    if shown is not None and row.proposed_class_id is not None:
        proposed = Proposed(
            shown.id,
            shown.number,
            row.proposed_class_id,
            names[row.proposed_class_id],
            row.confidence,
            row.alignability,
            row.accepted,
        )
    source = None if row.class_id is None else "verdict" if row.kind else "imported"
    return ClipCard(
        **{name: getattr(clip, name) for name in COPIED},
        sprite=Sprite(**clip.sprite) if clip.sprite else None,
        label_id=row.class_id,
        label_name=names.get(row.class_id),
        label_source=source,
        decision=row.kind,
        reviewer=row.reviewer,
        decided_at=row.recorded_at,
        proposed=proposed,
    )
