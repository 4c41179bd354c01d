"""What rounds said against what is known: test clips, accepted proposals, confidence, and what it cost."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, Select, and_, case, cast, func, select
from sqlalchemy.orm import Session, aliased

from db.models import Clip, PseudoLabel, Round, TestPrediction, Truth, Verdict
from db.models.verdicts import DECIDING
from db.repositories import classes, verdicts


@dataclass(frozen=True)
class Confident:
    """Proposals whose confidence, rounded to four places, begins with the same two.

    Args:
        percent: 60 for confidences from 0.60 up to, not including, 0.61.
        proposed: proposals in all.
        known, known_right: those whose class was held back for measuring, and those of them it agrees with.
        judged, judged_right: the same by the verdicts that answered this round's proposals.
    """

    percent: int
    proposed: int
    known: int
    known_right: int
    judged: int
    judged_right: int


def tested(session: Session, *, round_ids: Collection[int]) -> dict[int, tuple[int, int, int]]:
    """Round id -> test clips that it told right, those whose class is known by now, and all it told."""
    known, ready = _known_class(session), Clip.state == "ready"
    right = func.count().filter(ready, _meant(session, TestPrediction.class_id) == known)
    rows = (
        select(TestPrediction.round_id, right, func.count().filter(ready, known.is_not(None)), func.count())
        .select_from(TestPrediction)
        .join(Clip, Clip.id == TestPrediction.clip_id)
        .outerjoin(_STANDS, _STANDS.id == verdicts.newest(Clip.id))
        .outerjoin(Truth, Truth.clip_id == Clip.id)
        .where(TestPrediction.round_id.in_(round_ids))
        .group_by(TestPrediction.round_id)
    )
    return {round_id: (good, of, told) for round_id, good, of, told in session.execute(rows)}


def accepted(session: Session, *, row: Round) -> Counter[tuple[int, int]]:
    """(class a round proposes and accepts, class it is) -> clips whose class is known."""
    said, is_it = _proposed(session).label("said"), _known_class(session).label("is_it")
    rows = _accepted(session, row, select(said, is_it, func.count())).group_by("said", "is_it")
    return Counter({(one, other): count for one, other, count in session.execute(rows)})


def confused(session: Session, *, row: Round, said_id: int, is_id: int, on_test: bool,
             limit: int) -> tuple[list[int], int]:  # fmt: skip
    """Clips of one class that a round takes for another, by key, at most `limit`, and how many there are."""
    if on_test:
        known = _known_test_clips(session).subquery()
        rows = (
            select(Clip.id)
            .join(TestPrediction, TestPrediction.clip_id == Clip.id)
            .join(known, known.c.clip_id == Clip.id)
            .where(TestPrediction.round_id == row.id, known.c.class_id == is_id)
            .where(_meant(session, TestPrediction.class_id) == said_id)
        )
    else:
        rows = _accepted(session, row, select(Clip.id)).where(
            _proposed(session) == said_id, _known_class(session) == is_id
        )
    total = session.scalar(select(func.count()).select_from(rows.subquery())) or 0
    return list(session.scalars(rows.order_by(Clip.key).limit(limit))), total


def by_confidence(session: Session, *, row: Round) -> list[Confident]:
    """Proposals of a round by the hundredth of their confidence, lowest first."""
    percent = cast(func.round(PseudoLabel.confidence * 10_000), Integer) // 100
    proposed, answer = _proposed(session), aliased(Verdict)
    truth = _meant(session, Truth.class_id)
    told = _meant(session, answer.class_id)
    rows = (
        select(
            percent.label("percent"), func.count(),
            func.count(Truth.class_id), func.count().filter(truth == proposed),
            func.count(answer.id), func.count().filter(told == proposed),
        )
        .select_from(PseudoLabel)
        .outerjoin(Truth, Truth.clip_id == PseudoLabel.clip_id)
        .outerjoin(
            answer,
            and_(
                PseudoLabel.settled, answer.id == verdicts.newest(PseudoLabel.clip_id),
                answer.round_id == row.id,
            ),
        )
        .where(PseudoLabel.round_id == row.id, PseudoLabel.iteration == row.iteration)
        .group_by("percent")
        .order_by("percent")
    )  # fmt: skip
    return [Confident(*one) for one in session.execute(rows)]


def spent(session: Session, *, round_ids: Collection[int], longest: float) -> dict[int, tuple[int, float]]:
    """Round id -> verdicts that stand of those given before it began, and the seconds spent until then.

    Time was spent on skipped and undone clips too, so it counts; a clip counts for `longest` seconds at most.
    """
    stands = and_(Verdict.kind.in_(DECIDING), ~verdicts.undone())
    seconds = case((Verdict.seconds > longest, longest), else_=Verdict.seconds)
    rows = (
        select(Round.id, func.count().filter(stands), func.sum(seconds))
        .join(Verdict, Verdict.recorded_at <= Round.created_at)
        .where(Round.id.in_(round_ids))
        .group_by(Round.id)
    )
    return {round_id: (count, total or 0.0) for round_id, count, total in session.execute(rows)}


def _known_test_clips(session: Session) -> Select[Any]:
    """Ready test clips (clip_id, class_id) whose class is known, as it is meant now."""
    rows = select(Clip.id.label("clip_id"), _known_class(session).label("class_id")).select_from(Clip)
    return _with_known(rows).where(Clip.split == "test")


def _accepted(session: Session, row: Round, columns: Any) -> Select[Any]:
    rows = columns.select_from(PseudoLabel).join(Clip, Clip.id == PseudoLabel.clip_id)
    return _with_known(rows).where(
        PseudoLabel.round_id == row.id, PseudoLabel.iteration == row.iteration, PseudoLabel.accepted
    )


_STANDS = aliased(Verdict)


def _with_known(rows: Any) -> Select[Any]:
    """People's newest word, or the label that came with the clip, or what was held back for measuring."""
    return (
        rows.outerjoin(_STANDS, _STANDS.id == verdicts.newest(Clip.id))
        .outerjoin(Truth, Truth.clip_id == Clip.id)
        .where(Clip.state == "ready", func.coalesce(_people(), Truth.class_id).is_not(None))
    )


def _people() -> Any:
    return case((_STANDS.kind.is_not(None), _STANDS.class_id), else_=Clip.given_class_id)


def _known_class(session: Session) -> Any:
    return _meant(session, func.coalesce(_people(), Truth.class_id))


def _proposed(session: Session) -> Any:
    return _meant(session, PseudoLabel.class_id)


def _meant(session: Session, column: Any) -> Any:
    return classes.meaning(column, classes.merged(session))
