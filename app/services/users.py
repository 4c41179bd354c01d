"""Who may use the studio. A person signs in with a token; only its sha256 is stored.

People are added, changed and removed by an admin, `by`, or by the command line (`by` is None), whose user
holds the project's files anyway. Every change is on record.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from app.services.studio import Studio, StudioError
from db.engine import Session, now
from db.models import User as Row
from db.repositories import users as repository

ROLES = ("admin", "reviewer")


@dataclass(frozen=True)
class User:
    """A person who is allowed in; role is "admin" or "reviewer"."""

    id: int
    name: str
    role: str
    created_at: datetime


def create(studio: Studio, name: str, role: str = "reviewer", by: int | None = None) -> tuple[User, str]:
    """Add a person; returns them and their token, which is shown once and not kept.

    Raises:
        StudioError: `by` is no admin, the name is empty or taken, or there is no such role.
    """
    name = name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise StudioError(f"{name!r} is no name for a person; use 1 to 100 visible characters.")
    _check_role(role)
    token = secrets.token_urlsafe(32)
    with studio.database.write() as session:
        _open(session, by, "add people")
        if repository.by_name(session, name=name):
            raise StudioError(f"There is or was a person called {name!r}; choose another name.")
        row = repository.add(session, name=name, role=role, token_hash=_hash(token))
        repository.add_event(session, kind="add", user_id=row.id, author_id=by, role=role)
        return _user(row), token


def sign_in(studio: Studio, token: str) -> User | None:
    """The person whose token this is, None for a wrong token or a removed person."""
    with studio.database.read() as session:
        row = repository.by_token_hash(session, token_hash=_hash(token))
        return _user(row) if row else None


def get(studio: Studio, user_id: int) -> User | None:
    """A current person, None when unknown or removed."""
    with studio.database.read() as session:
        row = repository.current(session, user_id=user_id)
        return _user(row) if row else None


def new_token(studio: Studio, user_id: int, by: int | None = None) -> str:
    """Replace a person's token; the old one stops working.

    Raises:
        StudioError: `by` is no admin, or there is no such current person.
    """
    token = secrets.token_urlsafe(32)
    with studio.database.write() as session:
        _open(session, by, "give people a new token")
        current(session, user_id).token_hash = _hash(token)
        repository.add_event(session, kind="token", user_id=user_id, author_id=by)
    return token


def set_role(studio: Studio, user_id: int, role: str, by: int | None = None) -> None:
    """Make a person an admin or a reviewer.

    Raises:
        StudioError: `by` is no admin, there is no such current person or role, or they are the last admin.
    """
    _check_role(role)
    with studio.database.write() as session:
        _open(session, by, "change roles")
        row = current(session, user_id)
        if row.role == role:
            return
        _keep_an_admin(session, row)
        row.role = role
        repository.add_event(session, kind="role", user_id=user_id, author_id=by, role=role)


def remove(studio: Studio, user_id: int, by: int | None = None) -> None:
    """Take a person's access away; what they decided stays.

    Raises:
        StudioError: `by` is no admin, there is no such current person, or they are the last admin.
    """
    with studio.database.write() as session:
        _open(session, by, "remove people")
        row = current(session, user_id)
        _keep_an_admin(session, row)
        row.removed_at = now(session)
        repository.add_event(session, kind="remove", user_id=user_id, author_id=by)


def listing(studio: Studio) -> tuple[User, ...]:
    """Current people by name."""
    with studio.database.read() as session:
        return tuple(_user(row) for row in repository.listing(session))


def ensure_owner(studio: Studio) -> str:
    """A fresh token for the first admin, who is made when there is none yet."""
    with studio.database.read() as session:
        owner = repository.first_admin(session)
        names = {row.name for row in repository.listing(session)}
    if owner:
        return new_token(studio, owner.id)
    _, token = create(studio, "owner" if "owner" not in names else f"owner-{len(names)}", "admin")
    return token


def current(session: Session, user_id: int) -> Row:
    """The row of a current person, for the services that check who asks.

    Raises:
        StudioError: unknown or removed.
    """
    row = repository.current(session, user_id=user_id)
    if row is None:
        raise StudioError("You are not signed in any more. Ask an admin for a new link.")
    return row


def admin(session: Session, user_id: int, to: str) -> Row:
    """The row of a current admin; `to` says what only admins may do, as in "rename classes".

    Raises:
        StudioError: unknown, removed, or no admin.
    """
    row = current(session, user_id)
    if row.role != "admin":
        raise StudioError(f"Only an admin can {to}; ask one of them.")
    return row


def _open(session: Session, by: int | None, to: str) -> None:
    """Wait for others who change people, then check who asks: two admins never remove each other."""
    repository.lock_people(session)
    if by is not None:
        admin(session, by, to)


def _keep_an_admin(session: Session, row: Row) -> None:
    if row.role == "admin" and repository.admins(session) == 1:
        raise StudioError(f"{row.name} is the last admin; make another one first.")


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise StudioError(f"{role!r} is no role; choose one of {', '.join(ROLES)}.")


def _user(row: Row) -> User:
    return User(row.id, row.name, row.role, row.created_at)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
