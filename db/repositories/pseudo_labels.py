"""Pseudo-labels: publishing a pass, choosing the next for review, comparing rounds, measuring."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import and_, delete, exists, func, insert, select, update
from sqlalchemy.orm import Session

from db.models import Clip, PseudoLabel, Round, Truth, Verdict
from db.repositories import classes, review_queues, verdicts

NOT_READY = ("waiting", "unreadable", "missing")

Values = dict[str, Any]


def add(session: Session, *, rows: Sequence[Values]) -> None:
    """Write rows of a pass that the round does not show yet; a row holds every column but `settled` and those
    that `review_queues.columns` gives."""
    if rows:
        session.execute(insert(PseudoLabel), review_queues.columns(session, rows=rows))
        verdicts.settle(session, clip_ids=[row["clip_id"] for row in rows])


def clear_hidden(session: Session, *, round_id: int, limit: int = 500) -> int:
    """Delete at most `limit` rows of passes the round does not show; returns how many went."""
    shown = select(Round.iteration).where(Round.id == round_id).scalar_subquery()
    hidden = select(PseudoLabel.iteration, PseudoLabel.clip_id).where(
        PseudoLabel.round_id == round_id, PseudoLabel.iteration != shown
    )
    found = session.execute(hidden.limit(limit)).all()
    for iteration in {row.iteration for row in found}:
        ids = [row.clip_id for row in found if row.iteration == iteration]
        session.execute(
            delete(PseudoLabel).where(
                PseudoLabel.round_id == round_id,
                PseudoLabel.iteration == iteration,
                PseudoLabel.clip_id.in_(ids),
            )
        )
    return len(found)


def show(session: Session, *, round_id: int, iteration: int, classes: list[int]) -> None:
    """Let the round show a pass; `classes` is the order of its arrays."""
    session.execute(update(Round).where(Round.id == round_id).values(iteration=iteration, classes=classes))


def turned_down(session: Session) -> set[int]:
    """Clips whose standing verdict is reject or novel: what is proposed for them is never accepted."""
    no = Verdict.kind.in_(("reject", "novel"))
    return set(
        session.scalars(select(Verdict.clip_id).where(no, Verdict.id == verdicts.newest(Verdict.clip_id)))
    )


def get(session: Session, *, row: Round, clip_id: int) -> tuple[PseudoLabel, Clip] | None:
    """What a round shows for a clip, None when it shows nothing or the clip is not ready."""
    found = session.execute(review_queues.shown(row).where(PseudoLabel.clip_id == clip_id)).first()
    return (found[0], found[1]) if found else None


def next_for_review(session: Session, *, row: Round, limit: int,
                    without: Collection[int]) -> list[tuple[PseudoLabel, Clip]]:  # fmt: skip
    """Clips of a round that nobody has decided on, least margin first."""
    return review_queues.proposals(session, row=row, name="margin", limit=limit, without=without)


def among(session: Session, *, row: Round, clip_ids: Sequence[int],
          settled: bool = False) -> list[tuple[PseudoLabel, Clip]]:  # fmt: skip
    """Those of `clip_ids` that nobody has decided on (with `settled` those too that people have), in the
    order given. Those held out for the blind audit are left out."""
    rows = review_queues.shown(row).where(PseudoLabel.clip_id.in_(clip_ids), ~review_queues.held_out())
    if not settled:
        rows = rows.where(PseudoLabel.settled.is_(False))
    found = {label.clip_id: (label, clip) for label, clip in session.execute(rows)}
    return [found[clip_id] for clip_id in clip_ids if clip_id in found]


def proposed_among(session: Session, *, row: Round, clip_ids: Collection[int]) -> set[int]:
    """Those of `clip_ids` for which a round shows a proposal, whether anyone decided on it or not."""
    rows = select(PseudoLabel.clip_id).where(
        PseudoLabel.round_id == row.id, PseudoLabel.iteration == row.iteration,
        PseudoLabel.clip_id.in_(clip_ids),
    )  # fmt: skip
    return set(session.scalars(rows))


def settled_among(session: Session, *, round_id: int, clip_ids: Collection[int]) -> set[int]:
    """Those of `clip_ids` that somebody decided on."""
    rows = select(PseudoLabel.clip_id).where(
        PseudoLabel.round_id == round_id, PseudoLabel.clip_id.in_(clip_ids), PseudoLabel.settled
    )
    return set(session.scalars(rows))


def review_counts(session: Session, *, row: Round) -> tuple[int, int]:
    """Clips of a round still to decide on, and those decided."""
    settled = func.count().filter(PseudoLabel.settled)
    shown = and_(PseudoLabel.round_id == row.id, PseudoLabel.iteration == row.iteration)
    total, reviewed = session.execute(select(func.count(), settled).where(shown)).one()
    open_here = exists().where(shown, PseudoLabel.settled.is_(False), PseudoLabel.clip_id == Clip.id)
    gone = select(func.count()).select_from(Clip).where(Clip.state.in_(NOT_READY), open_here)
    return total - reviewed - (session.scalar(gone) or 0), reviewed


def counts(session: Session, *, round_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Round id -> clips it proposes a label for, and how many of those are accepted."""
    accepted = func.count().filter(PseudoLabel.accepted)
    shown = and_(Round.id == PseudoLabel.round_id, Round.iteration == PseudoLabel.iteration)
    rows = select(Round.id, func.count(), accepted).join(PseudoLabel, shown)
    rows = rows.where(Round.id.in_(round_ids)).group_by(Round.id)
    return {round_id: (proposed, taken) for round_id, proposed, taken in session.execute(rows)}


def against_truth(session: Session, *, round_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Round id -> right and all of its accepted pseudo-labels whose true class is known."""
    meant = _meant(session, PseudoLabel.class_id), _meant(session, Truth.class_id)
    right = func.count().filter(meant[0] == meant[1])
    rows = _accepted(select(Round.id, right, func.count()), round_ids).join(
        Truth, Truth.clip_id == PseudoLabel.clip_id
    )
    return {round_id: (good, of) for round_id, good, of in session.execute(rows.group_by(Round.id))}


def against_verdicts(session: Session, *, round_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Round id -> right and all of its accepted pseudo-labels that people have looked at and decided on."""
    meant = _meant(session, PseudoLabel.class_id), _meant(session, Verdict.class_id)
    right = func.count().filter(meant[0] == meant[1])
    rows = _accepted(select(Round.id, right, func.count()), round_ids)
    rows = rows.where(PseudoLabel.settled, verdicts.one_by_one()).join(
        Verdict, and_(Verdict.id == verdicts.newest(PseudoLabel.clip_id), Verdict.round_id == Round.id)
    )
    return {round_id: (good, of) for round_id, good, of in session.execute(rows.group_by(Round.id))}


def accepted_per_class(session: Session, *, row: Round) -> dict[int, int]:
    """Class id as the round knew it -> accepted labels of the pass that it shows."""
    rows = select(PseudoLabel.class_id, func.count()).where(
        PseudoLabel.round_id == row.id, PseudoLabel.iteration == row.iteration, PseudoLabel.accepted
    )
    return dict(session.execute(rows.group_by(PseudoLabel.class_id)).all())


def _meant(session: Session, column: Any) -> Any:
    return classes.meaning(column, classes.merged(session))


def _accepted(columns: Any, round_ids: Collection[int]) -> Any:
    shown = and_(Round.id == PseudoLabel.round_id, Round.iteration == PseudoLabel.iteration)
    return (
        columns.select_from(Round)
        .join(PseudoLabel, shown)
        .where(PseudoLabel.accepted, Round.id.in_(round_ids))
    )
