"""An open project: its settings, its database and its secret."""

from dataclasses import dataclass
from functools import cached_property

from app.settings import Settings
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
    """Make the project's folders, secret and database where they are absent, and open it."""
    raise NotImplementedError


def open_studio(settings: Settings) -> Studio:
    """Open an existing project.

    Raises:
        StudioError: there is no project in that folder.
        SchemaError: the database has another schema; names the command that upgrades it.
    """
    raise NotImplementedError
