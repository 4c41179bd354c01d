"""People come and go; a name is given once."""

import pytest
from sqlalchemy.exc import IntegrityError

from db.engine import now
from db.repositories import users
from tests.db.rows import add_user


def test_a_removed_person_is_no_longer_current_but_keeps_the_name(database):
    with database.write() as session:
        ada, bea = add_user(session, "ada", "admin"), add_user(session, "bea", "admin")
        assert users.admins(session) == 2
        users.current(session, user_id=ada).removed_at = now(session)
    with database.read() as session:
        assert users.current(session, user_id=ada) is None
        assert users.by_token_hash(session, token_hash="hash of ada") is None
        assert users.by_token_hash(session, token_hash="hash of bea").id == bea
        assert users.by_name(session, name="ada").id == ada
        assert [row.name for row in users.listing(session)] == ["bea"]
        assert users.first_admin(session).id == bea
        assert users.admins(session) == 1


def test_two_people_cannot_share_a_name(database):
    with database.write() as session:
        add_user(session, "ada")
    with pytest.raises(IntegrityError), database.write() as session:
        add_user(session, "ada")


def test_nobody_is_found_where_nobody_is(database):
    with database.read() as session:
        assert users.current(session, user_id=1) is None
        assert users.by_name(session, name="ada") is None
        assert users.first_admin(session) is None
