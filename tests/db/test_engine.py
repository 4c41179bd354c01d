"""Sessions: what is written stays or is undone as a whole, and readers change nothing."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from db.engine import now
from db.models import Clip, Import, Job, User
from db.repositories import users
from tests.db.rows import add_clips, add_user


def count_users(database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(User))


def test_what_is_written_can_be_read(database):
    with database.write() as session:
        add_user(session, "ada")
    with database.read() as session:
        assert [row.name for row in users.listing(session)] == ["ada"]


def test_an_error_undoes_everything_since_the_beginning(database):
    def half(session):
        add_user(session, "ada")
        raise RuntimeError

    with pytest.raises(RuntimeError), database.write() as session:
        half(session)
    assert count_users(database) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE users SET name = 'eve'",
        "DELETE FROM users",
        "INSERT INTO classes (name, position, created_at) VALUES ('dive', 0, '2026-01-01')",
    ],
)
def test_a_reading_session_cannot_write(database, statement):
    with database.read() as session, pytest.raises(DBAPIError):
        session.execute(text(statement))


def test_a_connection_that_only_read_can_write_again(database):
    for name in ("ada", "bea"):
        assert count_users(database) == (name == "bea")
        with database.write() as session:
            add_user(session, name)
    assert count_users(database) == 2


def test_a_reading_session_stays_on_the_state_it_began_with(database):
    with database.read() as reader:
        assert reader.scalar(select(func.count()).select_from(User)) == 0
        with database.write() as writer:
            add_user(writer)
        assert reader.scalar(select(func.count()).select_from(User)) == 0
    assert count_users(database) == 1


def test_the_clock_is_the_database_s_and_in_utc(database):
    with database.read() as session:
        moment = now(session)
    assert moment.tzinfo is UTC
    assert abs(datetime.now(UTC) - moment) < timedelta(seconds=5)


def test_moments_come_back_in_utc_whatever_zone_they_had(database):
    there = datetime(2026, 7, 1, 12, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=2)))
    with database.write() as session:
        user_id = add_user(session)
        session.get_one(User, user_id).removed_at = there
    with database.read() as session:
        back = session.get_one(User, user_id).removed_at
    assert back == there
    assert back.utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_refused(database):
    with pytest.raises(StatementError, match="no time zone"), database.write() as session:
        session.get_one(User, add_user(session)).removed_at = datetime(2026, 7, 1)


def test_a_row_that_others_refer_to_cannot_be_deleted(database):
    with database.write() as session:
        add_clips(session, 1)
    for table in (Import, Job):
        with pytest.raises(IntegrityError), database.write() as session:
            session.execute(delete(table))
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Clip)) == 1


def test_a_reference_to_nothing_is_refused(database):
    with database.write() as session:
        clip_id = add_clips(session, 1)[0]
    with pytest.raises(IntegrityError), database.write() as session:
        session.get_one(Clip, clip_id).given_class_id = 999


@pytest.mark.parametrize(("column", "value"), [("state", "gone"), ("split", "dev"), ("path", None)])
def test_a_clip_can_only_be_what_the_schema_allows(database, column, value):
    with database.write() as session:
        clip_id = add_clips(session, 1)[0]
    with pytest.raises(IntegrityError), database.write() as session:
        setattr(session.get_one(Clip, clip_id), column, value)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_sqlite_keeps_what_it_acknowledged_even_when_the_power_goes(database):
    with database.engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
