"""Databases on both engines: an empty one, and one with the schema of this version."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import migrate
from db.engine import Database
from tests.postgres import PROGRAMS, PostgresServer

ALONE = ("browser", "faults", "app/worker/test_ranks.py", "app/test_processes.py", "app/test_supervisor.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what must not run beside other tests."""
    here = Path(__file__).parent
    for item in items:
        if any(item.path.is_relative_to(here / place) for place in ALONE):
            item.add_marker("alone")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test run."""
    if PROGRAMS is None and not os.environ.get("CI"):
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_postgres(postgres) -> str:
    """Name of a migrated database to copy."""
    name = postgres.new_database()
    migrate.upgrade(postgres.url(name))
    return name


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory) -> Path:
    """A migrated database file to copy."""
    file = tmp_path_factory.mktemp("migrated") / "studio.db"
    migrate.upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_name(request) -> str:
    """Tests that ask for a database run on both engines."""
    return request.param


@pytest.fixture
def empty_url(engine_name, request, tmp_path) -> Iterator[str]:
    """A database without any table."""
    if engine_name == "sqlite":
        yield f"sqlite:///{tmp_path / 'studio.db'}"
        return
    server = request.getfixturevalue("postgres")
    name = server.new_database()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def database_url(engine_name, request, tmp_path) -> Iterator[str]:
    """A database with this version's schema and nothing in it."""
    if engine_name == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "studio.db")
        yield f"sqlite:///{tmp_path / 'studio.db'}"
        return
    server = request.getfixturevalue("postgres")
    name = server.new_database(request.getfixturevalue("migrated_postgres"))
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def database(database_url) -> Iterator[Database]:
    """The same, opened."""
    opened = Database(database_url)
    yield opened
    opened.dispose()
