"""A project on either engine."""

from collections.abc import Iterator

import pytest

from app.services import users
from app.services.studio import Studio, create_project
from app.settings import load


@pytest.fixture
def studio(database_url, tmp_path) -> Iterator[Studio]:
    """A fresh project."""
    opened = create_project(load(tmp_path / "project", {"FINEPSEUDO_DATABASE_URL": database_url}))
    yield opened
    opened.close()


@pytest.fixture
def ada(studio) -> int:
    """A reviewer."""
    return users.create(studio, "ada")[0].id


@pytest.fixture
def bea(studio) -> int:
    """Another reviewer."""
    return users.create(studio, "bea")[0].id
