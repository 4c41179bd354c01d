"""The studio's pages without a browser, through the router."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import resources
from app.signatures import make_cookie
from tests.filled_project import Filled, empty_project, filled_project

ROUTER = Path(__file__).parents[3] / "app" / "streamlit_app.py"
Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit puts its script in the place of `__main__`; processes spawned later would run the page."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Filled]:
    """A project without a clip."""
    project = empty_project(tmp_path / "project")
    yield project
    project.studio.close()


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    """A project with two finished rounds."""
    project = filled_project(tmp_path / "project", unlabelled=24, finished_rounds=2)
    yield project
    project.studio.close()


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens a page of a project, signed in as its owner unless another cookie is given."""

    def open_page(
        project: Filled, page: str | None = None, /, cookie: str | None = "", **query: str
    ) -> AppTest:
        monkeypatch.setenv("FINEPSEUDO_PROJECT", str(project.studio.settings.project))
        signed = make_cookie(project.studio.secret, project.owner_id) if cookie == "" else cookie
        monkeypatch.setattr(resources, "signed_cookie", lambda: signed)
        test = AppTest.from_file(str(ROUTER), default_timeout=30)
        for name, value in query.items():
            test.query_params[name] = value
        if page:
            test.switch_page(f"app_pages/{page}.py")
        test.run()
        assert not test.exception, test.exception
        return test

    yield open_page
    resources.studio().close()
    st.cache_resource.clear()
    st.cache_data.clear()
