"""Labels go out as CSV and JSON lines, phases as CSV."""

import csv
import dataclasses
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.services.studio import Studio
from db.repositories import classes, clips, phase_marks, rounds

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class LabelRow:
    """One labelled clip. `source` is "imported", "verdict" or "pseudo"; confidence, alignability and round
    belong to pseudo-labels, reviewer and decided_at to verdicts."""

    key: str
    source_path: str
    start: float | None
    end: float | None
    split: str
    label: str
    source: str
    confidence: float | None
    alignability: float | None
    reviewer: str | None
    decided_at: datetime | None
    round: int | None


COLUMNS = tuple(field.name for field in dataclasses.fields(LabelRow))


def rows(studio: Studio) -> tuple[LabelRow, ...]:
    """Every ready clip with a label: people's first of all, else the accepted pseudo-label of the active
    round; sorted by key."""
    return tuple(row for row, _ in labelled_clips(studio))


def counts(studio: Studio) -> Mapping[str, int]:
    """Source -> how many of `rows` come from there."""
    with studio.database.read() as session:
        active = rounds.active(session)
        shown = (active.id, active.iteration) if active else (None, -1)
        return clips.label_sources(session, round_id=shown[0], iteration=shown[1])


def labelled_clips(studio: Studio) -> tuple[tuple[LabelRow, Any], ...]:
    """`rows`, each with its clip, whose frames and rate some formats need."""
    with studio.database.read() as session:
        names = classes.names(session)
        active = rounds.active(session)
        round_id, iteration = (active.id, active.iteration) if active else (None, -1)
        found = [
            row
            for label in ("labelled", "accepted")
            for row in clips.page(
                session, round_id=round_id, iteration=iteration, state="ready", label=label
            )[0]
        ]
    labelled = ((_label_row(row, names, active.number if active else None), row.Clip) for row in found)
    return tuple(sorted(((row, clip) for row, clip in labelled if row), key=lambda pair: pair[0].key))


def as_csv(studio: Studio) -> bytes:
    """`rows` as UTF-8 CSV with a header; cells that a spreadsheet would run as a formula are prefixed."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows(studio):
        writer.writerow([guarded(value) for value in _plain(row).values()])
    return text.getvalue().encode()


def as_jsonl(studio: Studio) -> bytes:
    """`rows` as one JSON object a line, UTF-8; absent values are null."""
    lines = (json.dumps(_plain(row), ensure_ascii=False) for row in rows(studio))
    return "".join(f"{line}\n" for line in lines).encode()


PHASE_COLUMNS = (
    "path", "phase", "start_frame", "end_frame", "start_seconds", "end_seconds", "source", "from_path",
    "confidence", "author", "marked_at",
)  # fmt: skip


def phases_as_csv(studio: Studio) -> bytes:
    """Phase marks of readable clips as `finepseudo_core.datasets.phase_annotations.read_csv` takes them.

    A row is a phase: it lasts until the next one begins or the clip ends, the end exclusive. Frames are those
    of the project's own copy of a clip, seconds count from its beginning. Frames before the first mark have
    no row: they belong to no phase.
    """
    with studio.database.read() as session:
        found = phase_marks.listing(session)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(PHASE_COLUMNS)
    for place, (mark, clip, author, from_key) in enumerate(found):
        if clip.frames is None:
            continue
        following = found[place + 1] if place + 1 < len(found) else None
        same = following is not None and following.PhaseMark.clip_id == mark.clip_id
        end = following.PhaseMark.start_frame if following is not None and same else clip.frames
        seconds = (f"{frame / clip.fps:.4f}" if clip.fps else "" for frame in (mark.start_frame, end))
        confidence = "" if mark.confidence is None else f"{mark.confidence:.4f}"
        values = (clip.key, mark.phase, mark.start_frame, end, *seconds, mark.source, from_key, confidence)
        writer.writerow([guarded(value) for value in (*values, author, mark.created_at.isoformat())])
    return text.getvalue().encode()


def phase_counts(studio: Studio) -> tuple[int, int, int]:
    """Phase marks, clips that have one, and marks that were carried over and nobody has looked at."""
    with studio.database.read() as session:
        return phase_marks.counts(session)


def _label_row(row: Any, names: dict[int, str], round_number: int | None) -> LabelRow | None:
    """A row of `clips.labels` as a label, None where nothing is known or people turned it down."""
    clip = row.Clip
    place = (clip.key, clip.source_path, clip.start, clip.end, clip.split)
    if row.class_id is not None:
        source = "verdict" if row.kind else "imported"
        return LabelRow(*place, names[row.class_id], source, None, None, row.reviewer, row.recorded_at, None)
    if row.accepted and row.kind is None and clip.split == "train":
        label = names[row.proposed_class_id]
        return LabelRow(*place, label, "pseudo", row.confidence, row.alignability, None, None, round_number)
    return None


def _plain(row: LabelRow) -> dict[str, Any]:
    return {**vars(row), "decided_at": row.decided_at.isoformat() if row.decided_at else None}


def guarded(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; empty for None."""
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
