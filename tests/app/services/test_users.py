"""People and their tokens."""

import hashlib

import pytest
from sqlalchemy import select

from app.services import datasets, queue, rounds, users
from app.services.studio import StudioError
from db.models import User


def test_a_token_lets_its_owner_in_and_only_its_hash_is_kept(studio):
    user, token = users.create(studio, " ada ", "admin")
    assert (user.name, user.role) == ("ada", "admin")
    assert users.sign_in(studio, token) == users.get(studio, user.id) == user
    with studio.database.read() as session:
        assert session.scalar(select(User.token_hash)) == hashlib.sha256(token.encode()).hexdigest()
    assert len(token) >= 40


@pytest.mark.parametrize("token", ["", "x", "a" * 10_000, "\0", "\udcff", "' OR 1=1 --"])
def test_a_wrong_token_lets_nobody_in(studio, ada, token):
    assert users.sign_in(studio, token) is None


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\0", "x" * 101])
def test_a_name_that_is_none_is_refused(studio, name):
    with pytest.raises(StudioError, match="no name for a person"):
        users.create(studio, name)


def test_a_name_is_given_once_even_after_its_owner_left(studio, ada):
    users.remove(studio, ada)
    with pytest.raises(StudioError, match="'ada'; choose another name"):
        users.create(studio, "ada")


def test_there_are_two_roles(studio):
    with pytest.raises(StudioError, match="'owner' is no role; choose one of admin, reviewer"):
        users.create(studio, "ada", "owner")


def test_a_removed_person_is_out_at_once(studio):
    user, token = users.create(studio, "ada")
    users.remove(studio, user.id)
    assert users.sign_in(studio, token) is None
    assert users.get(studio, user.id) is None
    assert users.listing(studio) == ()
    for refused in (users.remove, users.new_token):
        with pytest.raises(StudioError, match="not signed in"):
            refused(studio, user.id)


def test_the_last_admin_cannot_be_removed(studio, ada):
    boss, _ = users.create(studio, "boss", "admin")
    with pytest.raises(StudioError, match="last admin"):
        users.remove(studio, boss.id)
    users.create(studio, "deputy", "admin")
    users.remove(studio, boss.id)
    assert [user.name for user in users.listing(studio)] == ["ada", "deputy"]


def test_a_new_token_ends_the_old_one(studio):
    user, old = users.create(studio, "ada")
    new = users.new_token(studio, user.id)
    assert users.sign_in(studio, old) is None
    assert users.sign_in(studio, new) == user


def test_there_is_an_owner_from_the_first_start_on(studio):
    first = users.ensure_owner(studio)
    owner = users.sign_in(studio, first)
    assert (owner.name, owner.role) == ("owner", "admin")
    second = users.ensure_owner(studio)
    assert users.sign_in(studio, second) == owner
    assert users.sign_in(studio, first) is None


def test_somebody_else_may_have_the_owner_s_name(studio):
    users.create(studio, "owner", "reviewer")
    assert users.sign_in(studio, users.ensure_owner(studio)).role == "admin"


def test_a_removed_person_starts_promotes_and_imports_nothing(studio, ada, tmp_path):
    users.remove(studio, ada)
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "dive.mp4").write_bytes(b"video")
    for attempt in (
        lambda: rounds.start(studio, "cpu-demo", {}, ada),
        lambda: rounds.promote(studio, 1, ada),
        lambda: rounds.roll_back(studio, ada),
        lambda: datasets.start_import(studio, datasets.ImportRequest(tmp_path / "clips"), ada),
        lambda: queue.next_items(studio, ada),
    ):
        with pytest.raises(StudioError, match="Ask an admin for a new link"):
            attempt()


def test_only_admins_change_people(studio, ada, bea):
    for attempt in (
        lambda: users.create(studio, "eve", by=ada),
        lambda: users.new_token(studio, bea, ada),
        lambda: users.set_role(studio, ada, "admin", ada),
        lambda: users.remove(studio, bea, ada),
    ):
        with pytest.raises(StudioError, match="Only an admin can"):
            attempt()
    assert [(user.name, user.role) for user in users.listing(studio)] == [
        ("ada", "reviewer"), ("bea", "reviewer"),
    ]  # fmt: skip


def test_the_last_admin_stays_an_admin(studio, ada):
    boss = users.create(studio, "boss", "admin")[0].id
    with pytest.raises(StudioError, match="last admin"):
        users.set_role(studio, boss, "reviewer", boss)
    users.set_role(studio, ada, "admin", boss)
    users.set_role(studio, boss, "reviewer", ada)
    assert users.get(studio, boss).role == "reviewer"
    with pytest.raises(StudioError, match="no role"):
        users.set_role(studio, boss, "owner", ada)
