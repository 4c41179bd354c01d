"""Migrations: nothing is lost, a bad one is undone, and a strange schema is refused with what to do."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from db import migrate, triggers
from db.base import Base
from db.engine import Database
from tests.db.next_migration import REBUILD_CLIPS, add_migration, counts, filled, revision

__all__ = ["add_migration", "filled"]


def test_an_empty_database_gets_the_schema_that_the_models_describe(empty_url):
    database = Database(empty_url)
    assert migrate.is_empty(database)
    assert migrate.upgrade(empty_url) is None
    assert not migrate.is_empty(database)
    migrate.check(database)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        assert triggers.missing(connection) == []
    database.dispose()


def test_a_current_database_is_left_alone(filled, database_url, tmp_path):
    before, files = counts(filled), set(tmp_path.iterdir())
    assert migrate.upgrade(database_url) is None
    assert counts(filled) == before
    assert set(tmp_path.iterdir()) == files


def test_a_database_without_schema_is_refused_with_the_command(empty_url):
    database = Database(empty_url)
    with pytest.raises(migrate.SchemaError, match="python -m app upgrade --project"):
        migrate.check(database)
    database.dispose()


def test_an_older_schema_is_refused_with_the_command(filled, add_migration):
    add_migration("pass")
    with pytest.raises(migrate.SchemaError, match="needs next.*python -m app upgrade"):
        migrate.check(filled)


def test_a_schema_of_a_newer_version_is_refused_and_not_touched(filled, database_url):
    with filled.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0815'"))
    before = counts(filled)
    for refuse in (lambda: migrate.check(filled), lambda: migrate.upgrade(database_url)):
        with pytest.raises(migrate.SchemaError, match="0815.*install that one, or restore a backup"):
            refuse()
    assert counts(filled) == before


def test_rebuilding_a_table_that_others_refer_to_loses_no_row(filled, database_url, add_migration):
    before = counts(filled)
    add_migration(REBUILD_CLIPS)
    migrate.upgrade(database_url)
    migrate.check(filled)
    assert counts(filled) == before
    assert "weather" in {column["name"] for column in inspect(filled.engine).get_columns("clips")}


@pytest.mark.parametrize("engine_name", ["sqlite"])  # a server is backed up by its own tools
def test_before_a_migration_a_complete_copy_is_made(filled, database_url, add_migration):
    before = counts(filled)
    add_migration(REBUILD_CLIPS)
    copy = migrate.upgrade(database_url)
    assert isinstance(copy, Path)
    old = Database(f"sqlite:///{copy}")
    assert counts(old) == before
    assert revision(old) != revision(filled) == "next"
    old.dispose()


@pytest.mark.parametrize("damage", ["rows", "triggers", "chain", "error"])
def test_a_migration_that_does_damage_is_undone(filled, database_url, add_migration, damage):
    sqlite = filled.file is not None
    disarm = "DROP TRIGGER verdicts_no_update" if sqlite else "ALTER TABLE verdicts DISABLE TRIGGER ALL"
    drop = "DROP TRIGGER verdicts_no_delete" if sqlite else "DROP TRIGGER verdicts_no_change ON verdicts"
    change, message = {
        "rows": ("DELETE FROM truths WHERE clip_id = 1", "truths: 6 rows became 5"),
        "triggers": (drop, "trigger verdicts_no_.* is missing"),
        "chain": (f"{disarm}; UPDATE verdicts SET hash = 'x'", "the newest verdict is another one"),
        "error": ("DELETE FROM truths; SELECT nonsense", "nonsense"),
    }[damage]
    add_migration("\n    ".join(f'op.execute("{part}")' for part in change.split("; ")))
    before, old = counts(filled), revision(filled)
    with pytest.raises(Exception, match=message):
        migrate.upgrade(database_url)
    assert counts(filled) == before
    assert revision(filled) == old
    with filled.engine.connect() as connection:
        assert triggers.missing(connection) == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_migration_that_breaks_references_is_undone(filled, database_url, add_migration):
    add_migration("op.execute('UPDATE truths SET class_id = 99 WHERE clip_id = 1')")
    with pytest.raises(migrate.SchemaError, match="broken reference"):
        migrate.upgrade(database_url)
    assert revision(filled) != "next"
