"""How people review: several opinions on one clip, time per clip, habits, and their blind checks."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Integer, and_, case, cast, exists, func, literal_column, or_, select
from sqlalchemy.orm import Session, aliased

from db.models import AuditDraw, Clip, Round, Truth, User, Verdict
from db.models.verdicts import DECIDING
from db.repositories import classes, verdicts

NOVEL = 0  # stands for "none of these" where class ids are compared
TENTHS = 10


class Opinion(NamedTuple):
    """What one person says a clip is: a class as it is meant now, or `NOVEL`."""

    clip_id: int
    reviewer_id: int
    class_id: int


class Pace(NamedTuple):
    """Events of one person and kind that took so many tenths of a second, and how many there are."""

    reviewer_id: int
    kind: str
    tenths: int
    events: int


class Day(NamedTuple):
    """A person's day in UTC, "2026-03-01": verdicts that stand, and seconds spent on clips."""

    day: str
    reviewer_id: int
    verdicts: int
    seconds: float


class Habit(NamedTuple):
    """Answers of one person that stand, of one kind; `blind` where the proposal was hidden."""

    reviewer_id: int
    blind: bool
    kind: str
    answers: int


class Check(NamedTuple):
    """One answered blind check. `answer_id` is None where the clip was rejected or is of no class."""

    clip_id: int
    key: str
    reviewer: str
    proposed_id: int
    kind: str
    answer_id: int | None
    recorded_at: datetime


def opinions(session: Session) -> list[Opinion]:
    """Every person's last word on each clip that several people said something of, by clip.

    Undone verdicts are not there, nor those given to many clips at once. A rejection names no class and is
    left out.
    """
    said = (
        select(Verdict.clip_id, Verdict.reviewer_id, func.max(Verdict.id).label("last"))
        .where(_deciding(), ~verdicts.undone(), verdicts.one_by_one(), _judged_by_several())
        .group_by(Verdict.clip_id, Verdict.reviewer_id)
        .subquery()
    )
    answer = case(
        (Verdict.kind == "novel", NOVEL),
        else_=classes.meaning(Verdict.class_id, classes.merged(session)),
    )
    rows = (
        select(Verdict.clip_id, Verdict.reviewer_id, answer)
        .join(said, said.c.last == Verdict.id)
        .where(Verdict.kind != "reject")
        .order_by(Verdict.clip_id, Verdict.reviewer_id)
    )
    return [Opinion(*row) for row in session.execute(rows)]


def paces(session: Session, *, longest: float) -> list[Pace]:
    """Time per clip of everybody's verdicts and skips that no undo names; never more than `longest`."""
    spent = case((Verdict.seconds > longest, longest), else_=Verdict.seconds)
    tenths = cast(func.round(spent * TENTHS), Integer)
    rows = (
        select(Verdict.reviewer_id, Verdict.kind, tenths.label("tenths"), func.count())
        .where(Verdict.kind.in_((*DECIDING, "skip")), Verdict.seconds.is_not(None), ~verdicts.undone())
        .group_by(Verdict.reviewer_id, Verdict.kind, "tenths")
        .order_by(Verdict.reviewer_id, Verdict.kind, "tenths")
    )
    return [Pace(*row) for row in session.execute(rows)]


def days(session: Session, *, longest: float) -> list[Day]:
    """What each person did on each day, the first day first."""
    moment = Verdict.recorded_at
    if session.get_bind().dialect.name == "postgresql":
        day: Any = func.to_char(func.timezone("UTC", moment), "YYYY-MM-DD")
    else:
        day = func.substr(moment, 1, 10)
    spent = case((Verdict.seconds > longest, longest), else_=func.coalesce(Verdict.seconds, 0.0))
    rows = (
        select(
            day.label("day"), Verdict.reviewer_id,
            func.count().filter(Verdict.kind.in_(DECIDING), ~verdicts.undone()), func.sum(spent),
        )
        .where(Verdict.kind != "undo")
        .group_by("day", Verdict.reviewer_id)
        .order_by("day", Verdict.reviewer_id)
    )  # fmt: skip
    return [Day(*row) for row in session.execute(rows)]


def habits(session: Session) -> list[Habit]:
    """How often each person accepts, corrects, rejects or finds none of the classes, where a round proposed
    something; taken apart by whether they saw it. Verdicts given to many clips at once do not count."""
    blind = exists().where(AuditDraw.answer_uuid == Verdict.uuid).correlate(Verdict)
    rows = (
        select(Verdict.reviewer_id, blind.label("blind"), Verdict.kind, func.count())
        .where(_deciding(), ~verdicts.undone(), verdicts.one_by_one())
        .where(Verdict.predicted_class_id.is_not(None))
        .group_by(Verdict.reviewer_id, "blind", Verdict.kind)
        .order_by(Verdict.reviewer_id)
    )
    return [Habit(one, bool(unseen), kind, count) for one, unseen, kind, count in session.execute(rows)]


def wrong_proposals(session: Session) -> dict[int, tuple[int, int]]:
    """Reviewer id -> proposals in sight that held-back labels say were wrong, and those accepted all the
    same."""
    merges = classes.merged(session)
    truth = classes.meaning(Truth.class_id, merges)
    unseen = exists().where(AuditDraw.answer_uuid == Verdict.uuid).correlate(Verdict)
    rows = (
        select(Verdict.reviewer_id, func.count(), func.count().filter(Verdict.kind == "accept"))
        .join(Truth, Truth.clip_id == Verdict.clip_id)
        .where(_deciding(), ~verdicts.undone(), verdicts.one_by_one(), ~unseen)
        .where(classes.meaning(Verdict.predicted_class_id, merges) != truth)
        .group_by(Verdict.reviewer_id)
    )
    return {reviewer_id: (of, taken) for reviewer_id, of, taken in session.execute(rows)}


def drawn(session: Session, *, round_ids: Collection[int]) -> dict[int, int]:
    """Round id -> clips drawn for blind checks from the pass that it shows."""
    rows = (
        select(Round.id, func.count())
        .join(AuditDraw, and_(AuditDraw.round_id == Round.id, AuditDraw.iteration == Round.iteration))
        .where(Round.id.in_(round_ids))
        .group_by(Round.id)
    )
    return dict(session.execute(rows).all())


def checks(session: Session, *, row: Round) -> list[Check]:
    """Blind checks of the pass that a round shows, in the order in which they were answered."""
    merges = classes.merged(session)
    rows = (
        select(
            AuditDraw.clip_id, Clip.key, User.name, classes.meaning(AuditDraw.class_id, merges),
            Verdict.kind, classes.meaning(Verdict.class_id, merges), Verdict.recorded_at,
        )
        .join(Verdict, Verdict.uuid == AuditDraw.answer_uuid)
        .join(Clip, Clip.id == AuditDraw.clip_id)
        .join(User, User.id == Verdict.reviewer_id)
        .where(AuditDraw.round_id == row.id, AuditDraw.iteration == row.iteration)
        .where(Verdict.kind.in_(DECIDING), ~verdicts.undone())
        .order_by(Verdict.id)
    )  # fmt: skip
    return [Check(*found) for found in session.execute(rows)]


def people(session: Session) -> dict[int, str]:
    """Id -> name of everybody who ever was here, removed or not."""
    return dict(session.execute(select(User.id, User.name).order_by(User.name)).all())


def _judged_by_several() -> Any:
    other = aliased(Verdict)
    return (
        exists()
        .where(other.clip_id == Verdict.clip_id, other.reviewer_id != Verdict.reviewer_id)
        .where(or_(*(other.kind == literal_column(f"'{kind}'") for kind in DECIDING)))
        .correlate(Verdict)
    )


def _deciding() -> Any:
    return or_(*(Verdict.kind == literal_column(f"'{kind}'") for kind in DECIDING))
