"""Who did what when, from the tables where it is on record."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session, aliased

from db.models import Import, Round, User, UserEvent, Verdict


class VerdictDay(NamedTuple):
    """What one person answered on one day (UTC); `counts` is by kind of verdict."""

    reviewer: str
    last_at: datetime
    counts: dict[str, int]


def names(session: Session) -> list[str]:
    """Names of everybody who is or was there."""
    return list(session.scalars(select(User.name).order_by(User.name)))


def verdict_days(session: Session) -> list[VerdictDay]:
    """Verdicts per person and day, in no order."""
    day = func.date(Verdict.recorded_at)
    last_at = func.max(Verdict.recorded_at)
    counted = select(Verdict.reviewer_id, Verdict.kind, day, last_at, func.count())
    people = {row.id: row.name for row in session.execute(select(User.id, User.name))}
    days: dict[tuple[int, str], VerdictDay] = {}
    for reviewer_id, kind, date, at, count in session.execute(
        counted.group_by(Verdict.reviewer_id, day, Verdict.kind)
    ):
        known = days.get((reviewer_id, str(date)), VerdictDay(people[reviewer_id], at, {}))
        days[reviewer_id, str(date)] = known._replace(
            last_at=max(known.last_at, at), counts={**known.counts, kind: count}
        )
    return list(days.values())


def rounds_started(session: Session) -> list[Row[Any]]:
    """number, preset, created_at and who started it (None: the studio), newest first."""
    rows = select(Round.number, Round.preset, Round.created_at, User.name)
    return list(session.execute(rows.outerjoin(User, User.id == Round.created_by).order_by(Round.id.desc())))


def imports_started(session: Session) -> list[Row[Any]]:
    """folder, created_at and who started it (None: the command line), newest first."""
    rows = select(Import.folder, Import.created_at, User.name)
    rows = rows.outerjoin(User, User.id == Import.created_by)
    return list(session.execute(rows.order_by(Import.id.desc())))


def user_events(session: Session) -> list[Row[Any]]:
    """Changes to people: kind, role, made_at, name of the person, and author (None: the command line),
    newest first."""
    author = aliased(User)
    rows = (
        select(UserEvent.kind, UserEvent.role, UserEvent.made_at, User.name, author.name.label("author"))
        .join(User, User.id == UserEvent.user_id)
        .outerjoin(author, author.id == UserEvent.author_id)
    )
    return list(session.execute(rows.order_by(UserEvent.id.desc())))
