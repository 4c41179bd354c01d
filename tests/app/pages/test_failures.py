"""What a page says when it fails."""

import errno
import logging
from collections import namedtuple

import pytest
from sqlalchemy.exc import OperationalError
from streamlit.testing.v1 import AppTest

from app.services import health
from finepseudo_core.errors import FinePseudoError
from tests.app.pages.test_pages import texts


def failing() -> None:
    """A page that draws a field and fails."""
    import streamlit as st

    from app.views.failures import explain

    st.text_input("Name", key="name")
    if error := st.session_state.to_dict().get("error"):
        explain(error)


def said(error: Exception) -> AppTest:
    """The page after that error."""
    test = AppTest.from_function(failing, default_timeout=30)
    test.session_state["error"] = error
    test.run()
    assert not test.exception
    return test


@pytest.fixture(autouse=True)
def project(empty, monkeypatch):
    """The project that the environment names."""
    monkeypatch.setenv("FINEPSEUDO_PROJECT", str(empty.studio.settings.project))


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (OperationalError("x", {}, Exception("database is locked")), "The database is busy"),
        (OperationalError("x", {}, Exception("database or disk is full")), "The disk is full"),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full"),
        (OperationalError("x", {}, Exception("no route to host")), "The database does not answer"),
        (ZeroDivisionError("secret detail"), "This page could not be drawn"),
    ],
)
def test_an_error_is_told_with_what_to_do_and_where_it_is_logged(error, title, caplog):
    with caplog.at_level(logging.ERROR):
        test = said(error)
    assert title in texts(test)
    assert "secret detail" not in texts(test)
    reference = texts(test).partition("Reference ")[2][:6]
    assert f"[{reference}]" in caplog.text
    assert test.button(key="try_again").label == "Try again"


def test_what_the_studio_refuses_is_said_in_its_own_words():
    test = said(FinePseudoError("Label *two* clips first."))
    assert test.error[0].value == "Label \\*two\\* clips first\\."
    assert not test.button


def test_a_database_of_another_version_names_the_command(empty):
    with empty.studio.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0005'")
    test = said(OperationalError("x", {}, Exception("no such column: users.tour_seen_at")))
    assert "belongs to another version" in texts(test)
    assert "python -m app upgrade --project" in texts(test)


def test_a_missing_worker_is_said_where_somebody_waits_for_it(filled, open_page):
    for page in ("today", "rounds", "transfer"):
        assert "python -m app worker --project" in open_page(filled, page).warning[0].value
    for page in ("review", "compare", "browse", "classes"):
        assert not open_page(filled, page).warning


def test_a_nearly_full_disk_is_said(filled, open_page, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(health.shutil, "disk_usage", lambda folder: usage(10, 9, health.LEAST_FREE_BYTES - 1))
    assert "nearly full: 2.1 GB left" in open_page(filled, "rounds").warning[1].value
    monkeypatch.setattr(health.shutil, "disk_usage", lambda folder: usage(10, 9, health.LEAST_FREE_BYTES))
    assert len(open_page(filled, "rounds").warning) == 1
