"""Clips come in: a dry run, the import itself, and looking at what is there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.services.studio import Studio


@dataclass(frozen=True)
class ImportRequest:
    """What to bring in.

    Args:
        folder: folder of videos.
        labels_csv: `path,label[,split,start,end]`; None reads `labels.csv` of the folder, if there.
        labelled_share: share of each class's training clips whose label is trained on; the other labels
            are held back as known truth, for measuring only.
        test_share: share of each class kept for testing, where the list names no split.
        seed: seed of both choices.
    """

    folder: Path
    labels_csv: Path | None = None
    labelled_share: float = 1.0
    test_share: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class ProblemRow:
    """A line or file that will not come in, and why; line is None for a file of the folder."""

    line: int | None
    path: str
    reason: str


@dataclass(frozen=True)
class ImportPlan:
    """What an import will do.

    Args:
        clips: clips that come in.
        problems: rows and files that do not, each with its reason.
        classes: class name -> clips of it.
        labelled: clips whose label is trained on.
        hidden: training clips whose label is held back as truth.
        unlabelled: clips without any label.
        test: clips kept for testing.
        already: listed clips that are in the project already and are left as they are.
    """

    clips: int
    problems: tuple[ProblemRow, ...]
    classes: Mapping[str, int]
    labelled: int
    hidden: int
    unlabelled: int
    test: int
    already: int


@dataclass(frozen=True)
class UnreadableClip:
    """A clip that can't take part, and why."""

    clip_id: int
    key: str
    reason: str


@dataclass(frozen=True)
class ImportCard:
    """One import and how far it is. `state` is that of its job; the counts are of its clips."""

    id: int
    folder: str
    labels_csv: str | None
    created_by: str
    created_at: datetime
    job_id: int
    state: str
    step: int
    steps: int
    eta_seconds: float | None
    message: str | None
    error: str | None
    clips: int
    waiting: int
    ready: int
    unreadable: int
    missing: int
    reasons: tuple[UnreadableClip, ...]


@dataclass(frozen=True)
class Sprite:
    """Frames of a clip in one picture: `frames` cells of `width` x `height` pixels in `columns` columns;
    cell i shows frame i * step of the clip."""

    frames: int
    columns: int
    width: int
    height: int
    step: int


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
    """

    search: str = ""
    state: str | None = None
    split: str | None = None
    label: str | None = None
    class_id: int | None = None
    import_id: int | None = None


@dataclass(frozen=True)
class ClipPage:
    """A stretch of the clips that match, by key, and how many match in all."""

    clips: tuple[ClipCard, ...]
    total: int
    offset: int


def plan(studio: Studio, request: ImportRequest) -> ImportPlan:
    """Dry run: what would come in; changes nothing.

    Raises:
        StudioError: the folder or list can't be read, or a share lies outside [0, 1].
    """
    raise NotImplementedError


def start_import(studio: Studio, request: ImportRequest, user_id: int, *,
                 then_round: str | None = None, changes: Mapping[str, Any] | None = None) -> int:  # fmt: skip
    """Register the clips of the plan and queue the job that reads them; returns the import's id.

    `then_round` names the preset of a round that starts by itself when the import is done.

    Raises:
        StudioError: as `plan`, or nothing new would come in.
    """
    raise NotImplementedError


def imports(studio: Studio) -> tuple[ImportCard, ...]:
    """All imports, newest first."""
    raise NotImplementedError


def clips(studio: Studio, which: ClipFilter = ClipFilter(), offset: int = 0, limit: int = 60) -> ClipPage:
    """Clips that match, by key."""
    raise NotImplementedError


def clip(studio: Studio, clip_id: int) -> ClipCard | None:
    """One clip, None when there is none of that id."""
    raise NotImplementedError


def check_again(studio: Studio, clip_id: int) -> None:
    """Have an unreadable or missing clip read once more.

    Raises:
        StudioError: there is no such clip, or it is not unreadable or missing.
    """
    raise NotImplementedError
