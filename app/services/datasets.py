"""Clips come in: a dry run, the import itself, and looking at what is there."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.services.clip_cards import ClipCard, ClipFilter, ClipPage, Proposed, Sprite
from app.services.clip_listing import clip, clips
from app.services.import_division import PlacedClip
from app.services.import_list import ImportRequest, place_fresh, read_list
from app.services.studio import Studio, StudioError
from app.services.users import current
from db.engine import Session
from db.repositories import classes as class_rows
from db.repositories import clips as repository
from db.repositories import jobs
from finepseudo_core import config

__all__ = [
    "ClipCard", "ClipFilter", "ClipPage", "ImportCard", "ImportPlan", "ImportRequest", "ProblemRow",
    "Proposed", "Sprite", "UnreadableClip", "check_again", "clip", "clips", "imports", "plan", "start_import",
]  # fmt: skip

ROWS_AT_ONCE = 500
STATES = ("waiting", "ready", "unreadable", "missing")


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


def plan(studio: Studio, request: ImportRequest) -> ImportPlan:
    """Dry run: what would come in; changes nothing.

    Raises:
        StudioError: the folder or list can't be read, or a share lies outside [0, 1].
    """
    listed = read_list(request)
    with studio.database.read() as session:
        placed = place_fresh(session, request, listed.clips)
    training = [one for one in placed if one.split == "train"]
    return ImportPlan(
        clips=len(placed),
        problems=tuple(ProblemRow(row.line or None, row.path, row.reason) for row in listed.problems),
        classes=dict(sorted(Counter(one.clip.label for one in placed if one.clip.label is not None).items())),
        labelled=sum(one.trains for one in training),
        hidden=sum(one.clip.label is not None and not one.trains for one in training),
        unlabelled=sum(one.clip.label is None for one in training),
        test=len(placed) - len(training),
        already=len(listed.clips) - len(placed),
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

    `then_round` names the preset of a round that starts by itself when the import is done. Where nothing new
    would come in, and an import of this folder has failed, that one is taken up again.

    Raises:
        ConfigError: unknown preset or setting, or a value outside its range.
        StudioError: as `plan`, or nothing new would come in.
    """
    if then_round is not None:
        config.preset(then_round).replace(changes or {})  # a mistake shows now, not after the import
    listed = read_list(request)
    with studio.database.write() as session:
        current(session, user_id)
        repository.lock_imports(session)
        placed = place_fresh(session, request, listed.clips)
        if not placed:
            return _take_up(session, request, bool(listed.clips))
        job = jobs.enqueue(session, kind="import", payload={})
        row = repository.add_import(
            session,
            folder=str(request.source),
            labels_csv=str(request.labels) if request.labels else None,
            labelled_share=request.labelled_share,
            test_share=request.test_share,
            seed=request.seed,
            created_by=user_id,
            job_id=job.id,
        )
        job.payload = {"import_id": row.id, "then_round": then_round, "changes": dict(changes or {})}
        job.steps = len(placed)
        rows = _rows(session, placed)
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
                created_by=creator or "the studio",
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


def go_on(studio: Studio, import_id: int) -> None:
    """Queue a failed or cancelled import again; what it has read stays.

    Raises:
        StudioError: there is no such import, or it neither failed nor was cancelled.
    """
    with studio.database.write() as session:
        job_id = next((row.job_id for row, _, _ in repository.imports(session) if row.id == import_id), None)
        if job_id is None:
            raise StudioError(f"There is no import {import_id}.")
        if not jobs.resume(session, job_id=job_id):
            raise StudioError("This import has not stopped; the Transfer page shows how far it is.")


def check_again(studio: Studio, clip_id: int) -> None:
    """Have an unreadable or missing clip read once more.

    Raises:
        StudioError: there is no such clip, it is neither unreadable nor missing, or its import is at work.
    """
    with studio.database.write() as session:
        row = repository.get(session, clip_id=clip_id)
        if row is None:
            raise StudioError(f"There is no clip {clip_id}.")
        if row.state not in ("unreadable", "missing"):
            raise StudioError(
                f"{row.key} is {row.state}; only unreadable or missing clips are checked again."
            )
        job = jobs.lock(session, job_id=repository.import_of(session, clip=row).job_id)
        if job.state == "running":  # it has listed its clips already, and shares its folder with nobody
            raise StudioError(f"The import of {row.key} is still at work; check again when it is done.")
        repository.mark_waiting(session, clip_id=clip_id)
        if job.state == "succeeded":
            again = jobs.enqueue(session, kind="import", payload={"import_id": row.import_id})
            repository.set_job(session, import_id=row.import_id, job_id=again.id)
        else:
            jobs.resume(session, job_id=job.id)


def _take_up(session: Session, request: ImportRequest, any_listed: bool) -> int:
    """Queue the failed import of this folder again."""
    for row, job, _ in repository.imports(session):
        if row.folder == str(request.source) and jobs.resume(session, job_id=job.id):
            return row.id
    known = "; all of its clips are in the project already" if any_listed else ""
    raise StudioError(f"There is nothing new to import in {request.source}{known}.")


def _rows(session: Session, placed: Sequence[PlacedClip]) -> list[dict[str, Any]]:
    """Rows for `clips.add`: the label of a clip that is not trained on becomes its truth."""
    names = sorted({one.clip.label for one in placed if one.clip.label is not None})
    ids = class_rows.ensure(session, names=names)
    rows = []
    for one in placed:
        clip, known = one.clip, ids.get(one.clip.label or "")
        rows.append(
            {
                "key": clip.key,
                "source_path": str(clip.path),
                "start": clip.start,
                "end": clip.end,
                "split": one.split,
                "given_class_id": known if one.trains else None,
                "truth_class_id": None if one.trains else known,
            }
        )
    return rows
