"""People, and what was changed about them."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.engine import now, take_turns
from db.models import User, UserEvent

PEOPLE_LOCK = 4_620_008


def lock_people(session: Session) -> None:
    """Let nobody else add, change or remove people until the transaction ends."""
    take_turns(session, PEOPLE_LOCK)


def add(session: Session, *, name: str, role: str, token_hash: str) -> User:
    """A new person."""
    user = User(name=name, role=role, token_hash=token_hash, created_at=now(session))
    session.add(user)
    session.flush()
    return user


def current(session: Session, *, user_id: int) -> User | None:
    """The person, None when unknown or removed."""
    user = session.get(User, user_id)
    return user if user and user.removed_at is None else None


def by_name(session: Session, *, name: str) -> User | None:
    """The person of that name, removed or not, None when there is none."""
    return session.scalar(select(User).where(User.name == name))


def by_token_hash(session: Session, *, token_hash: str) -> User | None:
    """The current person whose token has this hash, None when there is none."""
    return session.scalar(select(User).where(User.token_hash == token_hash, User.removed_at.is_(None)))


def listing(session: Session) -> list[User]:
    """Current people by name."""
    return list(session.scalars(select(User).where(User.removed_at.is_(None)).order_by(User.name)))


def first_admin(session: Session) -> User | None:
    """The admin who is here longest, None when there is none."""
    admins = select(User).where(User.role == "admin", User.removed_at.is_(None))
    return session.scalar(admins.order_by(User.id).limit(1))


def admins(session: Session) -> int:
    """Number of current admins."""
    rows = select(func.count()).select_from(User).where(User.role == "admin", User.removed_at.is_(None))
    return session.scalar(rows) or 0


def add_event(session: Session, *, kind: str, user_id: int, author_id: int | None,
              role: str | None = None) -> None:  # fmt: skip
    """Note that a person was changed: kind "add", "role", "token" or "remove"."""
    session.add(UserEvent(kind=kind, user_id=user_id, role=role, author_id=author_id, made_at=now(session)))
    session.flush()
