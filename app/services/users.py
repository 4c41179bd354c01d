"""Who may use the studio. A person signs in with a token; only its sha256 is stored."""

from dataclasses import dataclass
from datetime import datetime

from app.services.studio import Studio


@dataclass(frozen=True)
class User:
    """A person who is allowed in; role is "admin" or "reviewer"."""

    id: int
    name: str
    role: str
    created_at: datetime


def create(studio: Studio, name: str, role: str = "reviewer") -> tuple[User, str]:
    """Add a person; returns them and their token, which is shown once and not kept.

    Raises:
        StudioError: the name is empty or taken, or there is no such role.
    """
    raise NotImplementedError


def sign_in(studio: Studio, token: str) -> User | None:
    """The person whose token this is, None for a wrong token or a removed person."""
    raise NotImplementedError


def get(studio: Studio, user_id: int) -> User | None:
    """A current person, None when unknown or removed."""
    raise NotImplementedError


def new_token(studio: Studio, user_id: int) -> str:
    """Replace a person's token; the old one stops working.

    Raises:
        StudioError: there is no such current person.
    """
    raise NotImplementedError


def remove(studio: Studio, user_id: int) -> None:
    """Take a person's access away; what they decided stays.

    Raises:
        StudioError: there is no such current person, or they are the last admin.
    """
    raise NotImplementedError


def listing(studio: Studio) -> tuple[User, ...]:
    """Current people by name."""
    raise NotImplementedError


def ensure_owner(studio: Studio) -> str:
    """A fresh token for the first admin, who is made when there is none yet."""
    raise NotImplementedError
