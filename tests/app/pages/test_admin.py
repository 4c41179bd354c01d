"""The Admin page through the router, as an admin and as a reviewer."""

import pytest

from app.services import backups, users
from app.signatures import make_cookie
from tests.app.pages.test_pages import texts

VIEWS = ("people", "log", "backups", "health")


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_opens_on_an_empty_and_on_a_filled_project(empty, filled, open_page, view):
    assert open_page(empty, "admin", view=view).title[0].value == "Admin"


@pytest.mark.parametrize("view", VIEWS)
def test_a_reviewer_is_sent_back(filled, open_page, view):
    reviewer, _ = users.create(filled.studio, "eve")
    cookie = make_cookie(filled.studio.secret, reviewer.id)
    test = open_page(filled, "admin", cookie=cookie, view=view)
    assert "This page is for admins" in test.info[0].value
    assert not test.button
    assert not test.dataframe


def test_somebody_new_gets_a_link_that_is_shown_until_it_is_passed_on(filled, open_page):
    test = open_page(filled, "admin")
    test.text_input(key="new_name").set_value("<b>eve</b>")
    test.button(key="add_person").click().run()
    token = test.code[0].value.partition("?token=")[2]
    assert users.sign_in(filled.studio, token).name == "<b>eve</b>"
    assert "\\<b\\>eve" in texts(test)
    test.button(key="passed_on").click().run()
    assert not test.code


def test_the_last_admin_cannot_give_the_role_away(filled, open_page):
    test = open_page(filled, "admin")
    test.selectbox(key=f"role_{filled.owner_id}_admin").select("reviewer").run()
    assert "last admin" in test.error[0].value
    assert test.selectbox(key=f"role_{filled.owner_id}_admin").value == "admin"
    assert users.get(filled.studio, filled.owner_id).role == "admin"


def test_a_person_gets_another_role_another_link_and_is_removed(filled, open_page):
    eve, old = users.create(filled.studio, "eve")
    test = open_page(filled, "admin")
    test.selectbox(key=f"role_{eve.id}_reviewer").select("admin").run()
    assert users.get(filled.studio, eve.id).role == "admin"
    test.button(key=f"renew_{eve.id}").click().run()
    assert users.sign_in(filled.studio, old) is None
    test.button(key=f"remove_{eve.id}").click().run()
    assert users.get(filled.studio, eve.id) is None


def test_the_log_is_narrowed_by_kind_and_person(filled, open_page):
    test = open_page(filled, "admin", view="log")
    assert {"Rounds", "Imports", "People"} <= set(test.dataframe[0].value["Kind"])
    test.selectbox(key="log_who").select("command line").run()
    assert set(test.dataframe[0].value["Who"]) == {"command line"}


def test_a_backup_is_made_checked_and_deleted(filled, open_page):
    test = open_page(filled, "admin", view="backups")
    test.button(key="back_up").click().run()
    (copy,) = backups.listing(filled.studio, filled.owner_id)
    assert "verified" in texts(test)
    test.button(key=f"delete_{copy.name}").click().run()
    assert backups.listing(filled.studio, filled.owner_id) == ()


def test_health_checks_the_chain_of_verdicts(filled, open_page):
    test = open_page(filled, "admin", view="health")
    test.button(key="check_chain").click().run()
    assert "Chain of verdicts" in texts(test)
    assert not test.error
