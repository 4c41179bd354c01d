"""Classes of actions."""

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.engine import now
from db.models import ActionClass


def listing(session: Session) -> list[ActionClass]:
    """Every class, in their order."""
    return list(session.scalars(select(ActionClass).order_by(ActionClass.position, ActionClass.id)))


def names(session: Session) -> dict[int, str]:
    """Class id -> name, in their order."""
    return {row.id: row.name for row in listing(session)}


def ensure(session: Session, *, names: Iterable[str]) -> dict[str, int]:
    """Class name -> id, for every class there is; those of `names` that are new are added at the end."""
    known = {row.name: row.id for row in listing(session)}
    fresh = [name for name in dict.fromkeys(names) if name not in known]
    last = session.scalar(select(func.max(ActionClass.position)))
    moment = now(session)
    for place, name in enumerate(fresh, start=0 if last is None else last + 1):
        row = ActionClass(name=name, position=place, created_at=moment)
        session.add(row)
        session.flush()
        known[name] = row.id
    return known
