"""Verdicts given to many clips at once. The end of their note, the mark, names the action they belong to."""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from db.models import Clip, Verdict
from db.repositories import clips, verdicts

AT_ONCE = 500


def standing(session: Session, *, round_id: int | None, iteration: int,
             clip_ids: Collection[int]) -> Iterator[Row[Any]]:  # fmt: skip
    """What stands about these clips: id, state, kind, class_id, proposed_class_id, as in `clips.labels`."""
    rows = clips.labels(session, round_id=round_id, iteration=iteration)
    wanted = [rows.selected_columns[name] for name in ("kind", "class_id", "proposed_class_id")]
    narrow = rows.with_only_columns(Clip.id, Clip.state, *wanted)
    ordered = sorted(clip_ids)
    for start in range(0, len(ordered), AT_ONCE):
        yield from session.execute(narrow.where(Clip.id.in_(ordered[start : start + AT_ONCE])))


def marked(session: Session, *, reviewer_id: int, mark: str,
           clip_ids: Collection[int] | None = None) -> list[Verdict]:  # fmt: skip
    """A reviewer's verdicts that bear a mark and that no undo names, in their order."""
    rows = select(Verdict).where(
        Verdict.reviewer_id == reviewer_id,
        Verdict.note.endswith(mark, autoescape=True),
        ~verdicts.undone(),
    )
    if clip_ids is not None:
        rows = rows.where(Verdict.clip_id.in_(clip_ids))
    return list(session.scalars(rows.order_by(Verdict.id)))


def count_marked(session: Session, *, reviewer_id: int, mark: str) -> int:
    """How many `marked` would give."""
    rows = select(func.count()).select_from(Verdict)
    rows = rows.where(Verdict.reviewer_id == reviewer_id, Verdict.note.endswith(mark, autoescape=True))
    return session.scalar(rows.where(~verdicts.undone())) or 0


def newest(session: Session, *, reviewer_id: int) -> Verdict | None:
    """A reviewer's newest verdict that no undo names, None without any."""
    rows = select(Verdict).where(Verdict.reviewer_id == reviewer_id, Verdict.kind != "undo")
    return session.scalar(rows.where(~verdicts.undone()).order_by(Verdict.id.desc()).limit(1))
