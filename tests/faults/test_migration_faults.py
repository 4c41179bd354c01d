"""Killed in the middle of a migration: the database is the old one, whole, and the next try succeeds."""

import subprocess
import sys

import pytest
from sqlalchemy import text

from db import migrate
from db.engine import Database
from tests.db.next_migration import REBUILD_CLIPS, add_migration, counts, filled, revision

__all__ = ["add_migration", "filled"]

MIGRATE = """
import sys
from pathlib import Path
from db import migrate
migrate.FOLDER = Path(sys.argv[1])
migrate.upgrade(sys.argv[2])
"""
DIE = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize("moment", ["before the rebuild", "after the rebuild", "after rows were deleted"])
def test_kill_minus_nine_in_a_migration_changes_nothing(filled, database_url, add_migration, moment):
    before, old = counts(filled), revision(filled)
    filled.dispose()
    changes = {
        "before the rebuild": DIE,
        "after the rebuild": f"{REBUILD_CLIPS}    {DIE}",
        "after rows were deleted": f"op.execute('DELETE FROM truths')\n    {DIE}",
    }
    add_migration(changes[moment])
    killed = subprocess.run([sys.executable, "-c", MIGRATE, str(migrate.FOLDER), database_url], check=False)
    assert killed.returncode == -9
    database = Database(database_url)
    assert (counts(database), revision(database)) == (before, old)
    database.dispose()
    add_migration(REBUILD_CLIPS)
    migrate.upgrade(database_url)
    database = Database(database_url)
    assert (counts(database), revision(database)) == (before, "next")
    if database.file:
        with database.read() as session:
            assert session.scalar(text("PRAGMA integrity_check")) == "ok"
    database.dispose()
