"""One more migration on top of this version's, and a database that has something to lose."""

import shutil

import pytest
from sqlalchemy import inspect, text

from db import migrate
from db.engine import Database
from tests.db.rows import add_clips, add_round, add_user, decide

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{before}"


def upgrade():
    {change}
"""
REBUILD_CLIPS = """
    rebuilt = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("clips", recreate=rebuilt) as table:
        table.add_column(sa.Column("weather", sa.String(), nullable=True))
"""


@pytest.fixture
def add_migration(tmp_path, monkeypatch):
    """Puts one more migration on top of this version's."""
    before = migrate.newest()
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))

    def add(change: str) -> None:
        program = NEXT.format(before=before, change=change.strip())
        (folder / "versions" / "next.py").write_text(program)
        monkeypatch.setattr(migrate, "FOLDER", folder)

    return add


@pytest.fixture
def filled(database) -> Database:
    """A database with rows that refer to each other."""
    with database.write() as session:
        user_id, clip_ids = add_user(session), add_clips(session, 6, truths=True)
        add_round(session)
        decide(session, user_id, clip_ids[0], "reject")
    return database


def counts(database: Database) -> dict[str, int]:
    with database.engine.connect() as connection:
        names = inspect(connection).get_table_names()
        return {name: connection.scalar(text(f"SELECT count(*) FROM {name}")) for name in names}


def revision(database: Database) -> str:
    with database.engine.connect() as connection:
        return connection.scalar(text("SELECT version_num FROM alembic_version"))
