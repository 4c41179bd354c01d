"""The verdict log: appended, never changed, and every change of it is found."""

import contextlib
import hashlib
import json
import sqlite3
import threading
import uuid
from datetime import UTC

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from db.engine import Database
from db.models import Promotion, Verdict
from db.repositories import classes, clips, rounds, verdicts
from tests.db.rows import MOMENT, add_clips, add_round, add_user, decide


@pytest.fixture
def reviewed(database) -> Database:
    """Three clips with a verdict each, by one person."""
    with database.write() as session:
        user_id, clip_ids = add_user(session), add_clips(session, 3, labelled=2)
        dive = classes.ensure(session, names=[])["dive"]
        decide(session, user_id, clip_ids[0], "correct", class_id=dive, note="ünsure", seconds=1.25)
        decide(session, user_id, clip_ids[1], "reject")
        decide(session, user_id, clip_ids[2], "novel")
        rounds.promote(session, round_id=add_round(session).id)
    return database


def standing(database) -> dict[int, str]:
    """Clip id -> kind of the verdict that stands."""
    with database.read() as session:
        rows, _ = clips.page(session, round_id=None, iteration=-1)
        return {row.Clip.id: row.kind for row in rows if row.kind}


def tamper(database, change: str) -> None:
    """Change the log past its triggers, as somebody with access to the file or server could."""
    if database.file:
        with contextlib.closing(sqlite3.connect(database.file)) as connection:
            connection.executescript(
                f"DROP TRIGGER verdicts_no_update; DROP TRIGGER verdicts_no_delete; {change}"
            )
        return
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE verdicts DISABLE TRIGGER ALL")
        connection.exec_driver_sql(change)


@pytest.mark.parametrize("table", ["verdicts", "promotions"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id + 100", "DELETE FROM {}"])
def test_the_database_itself_refuses_changes(reviewed, table, statement):
    with pytest.raises(DBAPIError, match="append-only"), reviewed.write() as session:
        session.execute(text(statement.format(table)))
    with reviewed.read() as session:
        assert session.scalar(select(func.count()).select_from(Verdict)) == 3
        assert session.scalar(select(func.count()).select_from(Promotion)) == 1


def test_replacing_or_emptying_is_no_way_around(reviewed):
    statement = "TRUNCATE verdicts, round_clips, audit_draws"
    if reviewed.file:
        statement = "INSERT OR REPLACE INTO verdicts SELECT * FROM verdicts WHERE kind = 'reject'"
    with pytest.raises(DBAPIError, match="append-only"), reviewed.write() as session:
        session.execute(text(statement))
    with reviewed.read() as session:
        assert session.scalar(select(func.count()).select_from(Verdict)) == 3


def test_the_same_uuid_is_appended_once(reviewed):
    with reviewed.write() as session:
        first = session.scalars(select(Verdict).order_by(Verdict.id)).first()
        values = {"uuid": first.uuid, "clip_id": first.clip_id, "reviewer_id": first.reviewer_id}
        assert not verdicts.append(session, **values, kind="reject", made_at=MOMENT)
    with reviewed.read() as session:
        assert session.scalar(select(func.count()).select_from(Verdict)) == 3
        assert verdicts.broken(session) == []


def test_each_hash_is_sha256_over_the_row_and_the_hash_before(reviewed):
    with reviewed.read() as session:
        rows = list(session.scalars(select(Verdict).order_by(Verdict.id)))
    previous = "0" * 64
    for row in rows:
        values = {
            name: getattr(row, name)
            for name in (
                "clip_id", "class_id", "kind", "note", "predicted_class_id", "reviewer_id", "round_id",
                "seconds", "undoes_uuid", "uuid",
            )
        }  # fmt: skip
        values |= {"previous_hash": previous}
        for name in ("made_at", "recorded_at"):
            values[name] = getattr(row, name).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
        canonical = json.dumps(dict(sorted(values.items())), separators=(",", ":"))
        previous = hashlib.sha256(canonical.encode("ascii")).hexdigest()
        assert row.hash == previous


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE verdicts SET kind = 'novel' WHERE id = 2", [2]),
        ("UPDATE verdicts SET note = 'unsure' WHERE id = 1", [1]),
        ("UPDATE verdicts SET seconds = 1.5 WHERE id = 1", [1]),
        ("UPDATE verdicts SET clip_id = 1 WHERE id = 3", [3]),
        ("DELETE FROM verdicts WHERE id = 1", [2]),
        ("DELETE FROM verdicts WHERE id = 2", [3]),
        ("UPDATE verdicts SET id = 4 WHERE id = 2", [3, 4]),
    ],
)
def test_a_changed_removed_or_moved_row_is_found(reviewed, change, found):
    with reviewed.read() as session:
        assert verdicts.broken(session) == []
    tamper(reviewed, change)
    with reviewed.read() as session:
        assert verdicts.broken(session) == found


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("accept", {}),
        ("reject", {"class_id": 1}),
        ("undo", {}),
        ("skip", {"undoes_uuid": "x"}),
        ("maybe", {}),
        ("correct", {"class_id": 99}),
    ],
)
def test_a_verdict_that_makes_no_sense_is_refused(reviewed, kind, values):
    with reviewed.read() as session:
        user_id = session.scalars(select(Verdict.reviewer_id)).first()
    with pytest.raises(IntegrityError), reviewed.write() as session:
        decide(session, user_id, 1, kind, **values)


def test_a_verdict_can_be_undone_once(reviewed):
    with reviewed.write() as session:
        first = session.scalars(select(Verdict).order_by(Verdict.id)).first()
        decide(session, first.reviewer_id, first.clip_id, "undo", undoes_uuid=first.uuid)
        assert verdicts.is_undone(session, uuid=first.uuid)
    with pytest.raises(IntegrityError), reviewed.write() as session:
        decide(session, first.reviewer_id, first.clip_id, "undo", undoes_uuid=first.uuid)


def test_the_newest_verdict_stands_until_it_is_undone(database):
    with database.write() as session:
        user_id, (clip_id, other) = add_user(session), add_clips(session, 2)
        decide(session, user_id, clip_id, "reject")
        newest = decide(session, user_id, clip_id, "novel")
        decide(session, user_id, clip_id, "skip")
        decide(session, user_id, other, "flag")
    assert standing(database) == {clip_id: "novel"}
    with database.write() as session:
        decide(session, user_id, clip_id, "undo", undoes_uuid=newest)
    assert standing(database) == {clip_id: "reject"}


def test_history_is_one_reviewer_s_newest_first_with_what_was_undone(reviewed):
    with reviewed.write() as session:
        first = session.scalars(select(Verdict).order_by(Verdict.id)).first()
        decide(session, first.reviewer_id, first.clip_id, "undo", undoes_uuid=first.uuid)
        other = add_user(session, "bea")
        decide(session, other, first.clip_id, "skip")
    with reviewed.read() as session:
        mine = verdicts.history(session, reviewer_id=first.reviewer_id, limit=10)
        assert [(row.kind, key, undone) for row, key, undone in mine] == [
            ("novel", "clip 002.mp4", False),
            ("reject", "clip 001.mp4", False),
            ("correct", "clip 000.mp4", True),
        ]
        assert len(verdicts.history(session, reviewer_id=first.reviewer_id, limit=2)) == 2
        assert verdicts.count_standing(session, reviewer_id=first.reviewer_id) == 2
        assert verdicts.count_standing(session, reviewer_id=other) == 0


def test_clips_set_aside_come_back_in_the_order_they_were_left(database):
    with database.write() as session:
        user_id, other, clip_ids = add_user(session), add_user(session, "bea"), add_clips(session, 5)
        row = add_round(session)
        for clip_id in (clip_ids[3], clip_ids[1], clip_ids[0]):
            decide(session, user_id, clip_id, "skip", round_id=row.id)
        decide(session, user_id, clip_ids[3], "flag", round_id=row.id)
        undone = decide(session, user_id, clip_ids[2], "skip", round_id=row.id)
        decide(session, user_id, clip_ids[2], "undo", undoes_uuid=undone, round_id=row.id)
        decide(session, other, clip_ids[4], "skip", round_id=row.id)
        aside = verdicts.skipped(session, reviewer_id=user_id, round_id=row.id)
    assert aside == [clip_ids[1], clip_ids[0], clip_ids[3]]


def test_many_uuids_are_looked_up_at_once(reviewed):
    with reviewed.read() as session:
        known = list(session.scalars(select(Verdict.uuid)))
        asked = [*known, *(str(uuid.uuid4()) for _ in range(1200))]
        assert set(verdicts.by_uuid(session, uuids=asked)) == set(known)


def test_writers_at_the_same_time_make_one_chain(database):
    with database.write() as session:
        user_id, clip_ids = add_user(session), add_clips(session, 4)
    failures: list[BaseException] = []

    def append_fifteen(clip_id: int) -> None:
        try:
            for _ in range(15):
                with database.write() as session:
                    decide(session, user_id, clip_id, "skip")
        except BaseException as error:  # noqa: BLE001  shown below, in the main thread
            failures.append(error)

    threads = [threading.Thread(target=append_fifteen, args=(clip_id,)) for clip_id in clip_ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Verdict)) == 60
        assert verdicts.broken(session) == []
