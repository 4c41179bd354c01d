"""Clips come in: a dry run, the import itself, and looking at what is there."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from app.services.import_division import PlacedClip, divide
from app.services.studio import Studio, StudioError
from db.engine import Session
from db.models import Clip, Round
from db.repositories import classes as class_rows
from db.repositories import clips as repository
from db.repositories import jobs, rounds
from finepseudo_core import config
from finepseudo_core.datasets.formats import csv_folder
from finepseudo_core.datasets.formats.csv_folder import ImportList, ListedClip
from finepseudo_core.errors import DatasetError

LABELS_CSV = "labels.csv"
ROWS_AT_ONCE = 500
STATES = ("waiting", "ready", "unreadable", "missing")
COPIED = (
    "id", "key", "state", "reason", "split", "import_id", "source_path", "start", "end", "sha256", "path",
    "fps", "frames", "width", "height",
)  # fmt: skip


@dataclass(frozen=True)
class ImportRequest:
    """What to bring in.

    Args:
        folder: folder of videos.
        labels_csv: `path,label[,split,start,end]`; None reads `labels.csv` of the folder, if there.
        labelled_share: share of each class's training clips whose label is trained on; the other labels
            are held back as known truth, for measuring only. At least two of a class with four clips or more
            are trained on, unless it is 0.
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
        unlabelled: training clips without any label.
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
    listed = _read(request)
    with studio.database.read() as session:
        fresh = _fresh(session, request.folder, listed.clips)
    placed = _divide(fresh, request)
    training = [one for one in placed if one.split == "train"]
    return ImportPlan(
        clips=len(fresh),
        problems=tuple(ProblemRow(row.line or None, row.path, row.reason) for row in listed.problems),
        classes=dict(sorted(Counter(clip.label for clip in fresh if clip.label is not None).items())),
        labelled=sum(one.trains for one in training),
        hidden=sum(one.clip.label is not None and not one.trains for one in training),
        unlabelled=sum(one.clip.label is None for one in training),
        test=len(placed) - len(training),
        already=len(listed.clips) - len(fresh),
    )


def start_import(
    studio: Studio,
    request: ImportRequest,
    user_id: int,
    *,
    then_round: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> int:
    """Register the clips of the plan and queue the job that reads them; returns the import's id.

    `then_round` names the preset of a round that starts by itself when the import is done.

    Raises:
        StudioError: as `plan`, or nothing new would come in.
    """
    if then_round is not None:
        config.preset(then_round).replace(changes or {})  # a mistake shows now, not after the import
    listed = _read(request)
    with studio.database.write() as session:
        fresh = _fresh(session, request.folder, listed.clips)
        if not fresh:
            known = "; all of its clips are in the project already" if listed.clips else ""
            raise StudioError(f"There is nothing new to import in {request.folder}{known}.")
        job = jobs.enqueue(session, kind="import", payload={})
        row = repository.add_import(
            session,
            folder=str(request.folder),
            labels_csv=str(request.labels_csv) if request.labels_csv else None,
            labelled_share=request.labelled_share,
            test_share=request.test_share,
            seed=request.seed,
            created_by=user_id,
            job_id=job.id,
        )
        job.payload = {"import_id": row.id, "then_round": then_round, "changes": dict(changes or {})}
        job.steps = len(fresh)
        ids = class_rows.ensure(
            session, names=sorted({clip.label for clip in fresh if clip.label is not None})
        )
        rows = []
        for placed in _divide(fresh, request):
            clip, class_id = placed.clip, ids.get(placed.clip.label or "")
            rows.append(
                {
                    "key": clip.key,
                    "source_path": str(clip.path),
                    "start": clip.start,
                    "end": clip.end,
                    "split": placed.split,
                    "given_class_id": class_id if placed.trains else None,
                    "truth_class_id": None if placed.trains else class_id,
                }
            )
        for start in range(0, len(rows), ROWS_AT_ONCE):
            repository.add(session, import_id=row.id, rows=rows[start : start + ROWS_AT_ONCE])
        return row.id


def imports(studio: Studio) -> tuple[ImportCard, ...]:
    """All imports, newest first."""
    with studio.database.read() as session:
        states = repository.states(session)
        reasons: dict[int, list[UnreadableClip]] = {}
        for row in repository.unusable(session):
            reasons.setdefault(row.import_id, []).append(UnreadableClip(row.id, row.key, row.reason or ""))
        return tuple(
            ImportCard(
                id=row.id,
                folder=row.folder,
                labels_csv=row.labels_csv,
                created_by=creator or "",
                created_at=row.created_at,
                job_id=job.id,
                state=job.state,
                step=job.step,
                steps=job.steps,
                eta_seconds=job.eta_seconds,
                message=job.message,
                error=job.error,
                clips=sum(states.get(row.id, {}).values()),
                **{state: states.get(row.id, {}).get(state, 0) for state in STATES},
                reasons=tuple(reasons.get(row.id, ())),
            )
            for row, job, creator in repository.imports(session)
        )


def clips(studio: Studio, which: ClipFilter = ClipFilter(), offset: int = 0, limit: int = 60) -> ClipPage:
    """Clips that match, by key."""
    with studio.database.read() as session:
        cards, total = _cards(session, offset=offset, limit=limit, **vars(which))
    return ClipPage(cards, total, offset)


def clip(studio: Studio, clip_id: int) -> ClipCard | None:
    """One clip, None when there is none of that id."""
    with studio.database.read() as session:
        cards, _ = _cards(session, clip_id=clip_id)
    return cards[0] if cards else None


def check_again(studio: Studio, clip_id: int) -> None:
    """Have an unreadable or missing clip read once more.

    Raises:
        StudioError: there is no such clip, or it is not unreadable or missing.
    """
    with studio.database.write() as session:
        row = repository.get(session, clip_id=clip_id)
        if row is None:
            raise StudioError(f"There is no clip {clip_id}.")
        if row.state not in ("unreadable", "missing"):
            raise StudioError(
                f"{row.key} is {row.state}; only unreadable or missing clips are checked again."
            )
        repository.mark_waiting(session, clip_id=clip_id)
        job = jobs.enqueue(session, kind="import", payload={"import_id": row.import_id})
        repository.set_job(session, import_id=row.import_id, job_id=job.id)


def _read(request: ImportRequest) -> ImportList:
    for name, share in (("labelled", request.labelled_share), ("test", request.test_share)):
        if not 0 <= share <= 1:
            raise StudioError(f"The {name} share is {share}; it must lie between 0 and 1.")
    beside = request.folder / LABELS_CSV
    labels_csv = request.labels_csv or (beside if beside.is_file() else None)
    try:
        return csv_folder.read(request.folder, labels_csv)
    except DatasetError as error:
        raise StudioError(str(error)) from error


def _divide(fresh: Sequence[ListedClip], request: ImportRequest) -> list[PlacedClip]:
    return divide(
        fresh, labelled_share=request.labelled_share, test_share=request.test_share, seed=request.seed
    )


def _fresh(session: Session, folder: Path, listed: Sequence[ListedClip]) -> list[ListedClip]:
    """Clips that the project does not have yet, under keys that no other clip bears."""
    keys, sources = repository.keys(session), repository.sources(session)
    fresh = []
    for clip in listed:
        if (str(clip.path), clip.start, clip.end) in sources:
            continue
        key, number = clip.key, 1
        while key in keys:  # another folder has a clip of this name
            key = f"{folder.name}/{clip.key}" if number == 1 else f"{folder.name} {number}/{clip.key}"
            number += 1
        keys.add(key)
        fresh.append(replace(clip, key=key))
    return fresh


def _cards(session: Session, **which: Any) -> tuple[tuple[ClipCard, ...], int]:
    shown = rounds.under_review(session)
    names = class_rows.names(session)
    rows, total = repository.page(
        session, round_id=shown.id if shown else None, iteration=shown.iteration if shown else -1, **which
    )
    return tuple(_card(row, names, shown) for row in rows), total


def _card(row: Any, names: Mapping[int, str], shown: Round | None) -> ClipCard:
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
