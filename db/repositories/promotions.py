"""Which round was under review when, and by whose choice."""

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from db.models import Promotion, Round, User


def listing(session: Session) -> list[Row[Promotion, int, str | None]]:
    """Promotions with the round's number and the name of who chose it, newest first."""
    rows = select(Promotion, Round.number, User.name).join(Round, Round.id == Promotion.round_id)
    rows = rows.outerjoin(User, User.id == Promotion.promoted_by)
    return list(session.execute(rows.order_by(Promotion.id.desc())))


def trail(session: Session) -> list[Promotion]:
    """Promotions that count, oldest first: those that were rolled back do not."""
    found: list[Promotion] = []
    for promotion in session.scalars(select(Promotion).order_by(Promotion.id)):
        if promotion.rolls_back_id is None:
            found.append(promotion)
        else:
            found.pop()
    return found


def rolls_back_to(session: Session) -> int | None:
    """Id of the round that a roll back would make active, None when there is none."""
    found = trail(session)
    return found[-2].round_id if len(found) > 1 else None
