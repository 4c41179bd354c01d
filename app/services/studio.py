"""An open project: its settings, its database and its secret."""

import os
import secrets
from dataclasses import dataclass
from functools import cached_property

from app.settings import Settings
from db import migrate
from db.engine import Database
from finepseudo_core.errors import FinePseudoError


class StudioError(FinePseudoError):
    """A use case can't be done as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Studio:
    """What every service takes first."""

    settings: Settings
    database: Database

    @cached_property
    def secret(self) -> bytes:
        """32 bytes that sign cookies and clip addresses."""
        return self.settings.secret_file.read_bytes()

    def close(self) -> None:
        """Give the database connections back."""
        self.database.dispose()


def create_project(settings: Settings) -> Studio:
    """Make the project's folders, secret and database where they are absent, and open it.

    Raises:
        SchemaError: there is a database already and it needs an upgrade.
    """
    for folder in (settings.clips, settings.media, settings.artifacts, settings.uploads, settings.logs):
        folder.mkdir(parents=True, exist_ok=True)
    _make_secret(settings)
    database = Database(settings.database_url)
    if migrate.is_empty(database):
        migrate.upgrade(settings.database_url)
    return _checked(settings, database)


def open_studio(settings: Settings) -> Studio:
    """Open an existing project.

    Raises:
        StudioError: there is no project in that folder.
        SchemaError: the database has another schema; names the command that upgrades it.
    """
    if not settings.secret_file.exists():
        raise StudioError(
            f"There is no project in {settings.project}. Make one with: "
            f"python -m app studio --project {settings.project}"
        )
    return _checked(settings, Database(settings.database_url))


def _checked(settings: Settings, database: Database) -> Studio:
    try:
        migrate.check(database)
    except migrate.SchemaError:
        database.dispose()
        raise
    return Studio(settings, database)


def _make_secret(settings: Settings) -> None:
    """Written under another name and linked, so that no process ever reads half of it or a second one."""
    if settings.secret_file.exists():
        return
    fresh = settings.secret_file.with_name(f"secret.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, settings.secret_file)
    except FileExistsError:
        pass  # another process was first; its secret counts
    finally:
        fresh.unlink()
