"""Clips counted by class: labels, proposals, what people said to them, and how test clips are told."""

from collections import Counter
from typing import Any

from sqlalchemy import Row, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from db.models import Clip, PseudoLabel, Round, TestPrediction, Truth, Verdict
from db.repositories import classes, verdicts


def labelled(session: Session) -> Counter[int]:
    """Class id -> ready training clips that people labelled with it."""
    stands, people = _people()
    rows = _counted(select(people, func.count()), stands).group_by(people)
    return _folded(session, rows.where(Clip.split == "train", people.is_not(None)))


def test(session: Session) -> Counter[int]:
    """Class id -> ready test clips that are known to be of it."""
    stands, people = _people()
    known = func.coalesce(people, Truth.class_id)
    rows = _counted(select(known, func.count()), stands).outerjoin(Truth, Truth.clip_id == Clip.id)
    return _folded(session, rows.where(Clip.split == "test", known.is_not(None)).group_by(known))


def proposed(session: Session, *, row: Round) -> tuple[Counter[int], Counter[int]]:
    """Proposals of a round that nobody has decided on, class id -> number: those accepted, and all."""
    shown = and_(PseudoLabel.round_id == row.id, PseudoLabel.iteration == row.iteration)
    rows = (
        select(PseudoLabel.class_id, func.count())
        .join(Clip, Clip.id == PseudoLabel.clip_id)
        .where(shown, PseudoLabel.settled.is_(False), Clip.state == "ready")
        .group_by(PseudoLabel.class_id)
    )
    return _folded(session, rows.where(PseudoLabel.accepted)), _folded(session, rows)


def answers(session: Session) -> Counter[tuple[int, str, int | None]]:
    """(class that was proposed, kind of the verdict, class it named) -> clips whose verdict stands."""
    meant = classes.merged(session)
    rows = (
        select(func.coalesce(Verdict.predicted_class_id, 0), Verdict.kind, Verdict.class_id, func.count())
        .where(Verdict.predicted_class_id.is_not(None), Verdict.id == verdicts.newest(Verdict.clip_id))
        .group_by(Verdict.predicted_class_id, Verdict.kind, Verdict.class_id)
    )
    found: Counter[tuple[int, str, int | None]] = Counter()
    for proposed_id, kind, class_id, count in session.execute(rows):
        said, is_it = meant.get(proposed_id, proposed_id), meant.get(class_id or 0, class_id)
        found[said, kind, is_it] += count
    return found


def tested(session: Session, *, round_id: int) -> Counter[tuple[int, int]]:
    """(class a round says, class it is) -> test clips."""
    meant = classes.merged(session)
    stands, people = _people()
    known = func.coalesce(people, Truth.class_id)
    rows = (
        _counted(select(TestPrediction.class_id, known, func.count()), stands)
        .join(TestPrediction, TestPrediction.clip_id == Clip.id)
        .outerjoin(Truth, Truth.clip_id == Clip.id)
        .where(TestPrediction.round_id == round_id, known.is_not(None))
        .group_by(TestPrediction.class_id, known)
    )
    found: Counter[tuple[int, int]] = Counter()
    for said, is_it, count in session.execute(rows):
        found[meant.get(said, said), meant.get(is_it, is_it)] += count
    return found


def scores(session: Session, *, row: Round) -> list[Row[Any]]:
    """Clips of a round whose class is known or accepted, as (class_id, class_alignabilities).

    The class is people's label, else the accepted proposal that nobody has decided on, unresolved.
    """
    stands, people = _people()
    undecided = and_(people.is_(None), stands.kind.is_(None), PseudoLabel.accepted)
    rows = (
        select(
            func.coalesce(people, PseudoLabel.class_id).label("class_id"), PseudoLabel.class_alignabilities
        )
        .select_from(PseudoLabel)
        .join(Clip, Clip.id == PseudoLabel.clip_id)
        .outerjoin(stands, stands.id == verdicts.newest(Clip.id))
        .where(
            PseudoLabel.round_id == row.id, PseudoLabel.iteration == row.iteration, Clip.state == "ready",
            or_(people.is_not(None), undecided),
        )
    )  # fmt: skip
    return list(session.execute(rows))


def _people() -> tuple[Any, Any]:
    stands = aliased(Verdict)
    return stands, case((stands.kind.is_not(None), stands.class_id), else_=Clip.given_class_id)


def _counted(columns: Any, stands: Any) -> Any:
    rows = columns.select_from(Clip).outerjoin(stands, stands.id == verdicts.newest(Clip.id))
    return rows.where(Clip.state == "ready")


def _folded(session: Session, rows: Any) -> Counter[int]:
    """Counts by class id, merged classes with those they mean."""
    meant = classes.merged(session)
    found: Counter[int] = Counter()
    for class_id, count in session.execute(rows):
        found[meant.get(class_id, class_id)] += count
    return found
