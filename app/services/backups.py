"""Backups of the database: complete copies below PROJECT/backups, each read once more after it was made."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.services.studio import Studio, StudioError
from app.services.users import admin
from app.signatures import is_signed, sign
from db import migrate
from db.engine import DATABASE_ERRORS
from db.repositories import users

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}\.db")


@dataclass(frozen=True)
class Backup:
    """One copy.

    Args:
        made_by: who made it on the Admin page; empty for the command line and before upgrades.
        checked_at: when it was last read as a whole, None where never.
        problem: what was wrong then; empty for a sound one.
    """

    name: str
    bytes: int
    made_at: datetime
    made_by: str
    checked_at: datetime | None
    problem: str


def make(studio: Studio, user_id: int) -> str:
    """Copy the database while everybody goes on working, and check the copy; returns its name.

    Raises:
        StudioError: the person is no admin, the disk has no room for it, or the database is a server's.
    """
    folder = _folder(studio)
    with studio.database.read() as session:
        person = admin(session, user_id, "make backups")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"studio-{datetime.now():%Y%m%d-%H%M%S-%f}.db"
    try:
        migrate.backup(studio.database.url, target)
    except DATABASE_ERRORS as error:
        target.unlink(missing_ok=True)
        raise StudioError(
            f"The backup could not be made ({error}). Make room on the disk of {folder}, then try again."
        ) from error
    _check(target, person.name)
    return target.name


def check(studio: Studio, name: str, user_id: int) -> None:
    """Read a backup as a whole once more, and note what was found.

    Raises:
        StudioError: the person is no admin, or there is no such backup.
    """
    with studio.database.read() as session:
        admin(session, user_id, "check backups")
    path = _present(studio, name)
    _check(path, _notes(path).get("made_by", ""))


def delete(studio: Studio, name: str, user_id: int) -> None:
    """Delete a backup.

    Raises:
        StudioError: the person is no admin, or there is no such backup.
    """
    with studio.database.read() as session:
        admin(session, user_id, "delete backups")
    path = _present(studio, name)
    path.unlink()
    _notes_file(path).unlink(missing_ok=True)


def listing(studio: Studio, user_id: int) -> tuple[Backup, ...]:
    """Backups, newest first.

    Raises:
        StudioError: the person is no admin, or the database is a server's.
    """
    with studio.database.read() as session:
        admin(session, user_id, "see backups")
    return kept(studio)


def kept(studio: Studio) -> tuple[Backup, ...]:
    """Backups, newest first: those made here, and those made before upgrades."""
    cards = []
    for path in [*_folder(studio).glob("*.db"), *_folder(studio).parent.glob("*.before-*.db")]:
        if not path.is_file() or path.is_symlink() or not NAME.fullmatch(path.name):
            continue
        notes, stat = _notes(path), path.stat()
        current = notes.get("bytes") == stat.st_size and notes.get("modified") == stat.st_mtime
        checked = datetime.fromisoformat(notes["checked_at"]) if current else None
        made_at = datetime.fromtimestamp(stat.st_mtime, UTC)
        problem = notes.get("problem", "") if current else ""
        cards.append(Backup(path.name, stat.st_size, made_at, notes.get("made_by", ""), checked, problem))
    return tuple(sorted(cards, key=lambda card: card.made_at, reverse=True))


def address(secret: bytes, name: str, user_id: int) -> str:
    """Where an admin's browser fetches a backup."""
    return f"/backups/{name}?u={user_id}&s={sign(secret, 'backup', name, user_id)}"


def addressed(studio: Studio, name: str, user_id: str, signature: str) -> Path | None:
    """The file that `address` was made for, None for any other address and once that person is no admin."""
    if not user_id.isascii() or not user_id.isdecimal():
        return None
    if not is_signed(studio.secret, signature, "backup", name, int(user_id)):
        return None
    with studio.database.read() as session:
        person = users.current(session, user_id=int(user_id))
    return _file(studio, name) if person and person.role == "admin" else None


def _check(path: Path, made_by: str) -> None:
    problem = migrate.damage(path) or ""
    stat = path.stat()
    notes = {
        "made_by": made_by,
        "checked_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "bytes": stat.st_size,
        "modified": stat.st_mtime,
        "problem": problem,
    }
    _notes_file(path).write_text(json.dumps(notes), encoding="utf-8")


def _notes(path: Path) -> dict[str, str]:
    try:
        found = json.loads(_notes_file(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _notes_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _file(studio: Studio, name: str) -> Path | None:
    """The file of a backup by its name, None where there is none."""
    if not NAME.fullmatch(name) or ".." in name:
        return None
    folder = _folder(studio)
    for path in (folder / name, folder.parent / name):
        is_copy = path.parent == folder or ".before-" in name
        if is_copy and path.is_file() and not path.is_symlink():
            return path
    return None


def _present(studio: Studio, name: str) -> Path:
    path = _file(studio, name)
    if path is None:
        raise StudioError(f"There is no backup {name!r} any more; load the page again.")
    return path


def _folder(studio: Studio) -> Path:
    if studio.database.file is None:
        raise StudioError(
            "This project's database lies on a PostgreSQL server. Back it up with `pg_dump --format=custom`."
        )
    return studio.settings.project / "backups"
