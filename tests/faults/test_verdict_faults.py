"""No verdict is lost, doubled, or changed without being found."""

import random
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DatabaseError, OperationalError

from app.services import export, queue, review, today, users
from app.services.studio import create_project, open_studio
from app.settings import Settings, load
from db.engine import Database
from db.models import Verdict
from db.repositories import verdicts
from tests.db.rows import add_clips, add_round, add_user, publish
from tests.faults import reviewers

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def place(database_url, tmp_path) -> Settings:
    """A project on either engine, with two reviewers (1, 2) and a round that proposes labels for 24 clips."""
    settings = load(tmp_path, {"FINEPSEUDO_DATABASE_URL": database_url})
    studio = create_project(settings)
    with studio.database.write() as session:
        add_user(session, "ada"), add_user(session, "bob")
        clip_ids = add_clips(session, 30, labelled=6)
        row = add_round(session)
        proposals = {clip_id: (row.classes[0], clip_id / 100, True) for clip_id in clip_ids[6:]}
        publish(session, row, proposals)
    studio.close()
    return settings


@pytest.fixture
def studio(place) -> Iterator:
    """The same, opened."""
    opened = open_studio(place)
    yield opened
    opened.close()


@pytest.fixture
def start(place) -> Iterator[Start]:
    """Starts reviewers as processes that wait for the word; kills what is left of them."""
    started: list[subprocess.Popen[str]] = []

    def begin(how: str, reviewer_id: int, seed: int = 0) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.faults.reviewers", how, place.project, reviewer_id, seed]
        process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"PATH": "", "FINEPSEUDO_DATABASE_URL": place.database_url},
        )  # fmt: skip
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def go(processes: list[subprocess.Popen[str]]) -> None:
    """Let all of them begin at one moment."""
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()


def saved(database: Database) -> dict[str, int]:
    """uuid -> how often it is in the log, whose chain is sound."""
    with database.read() as session:
        assert verdicts.broken(session) == []
        rows = select(Verdict.uuid, func.count()).group_by(Verdict.uuid)
        return dict(session.execute(rows).all())


def test_kill_minus_nine_of_writers_loses_no_acknowledged_verdict(studio, start):
    acknowledged: set[str] = set()
    for attempt in range(2):
        writers = [start("on", 1 + number % 2, seed=10 * attempt + number + 1) for number in range(3)]
        go(writers)
        firsts = [writer.stdout.readline().strip() for writer in writers]
        time.sleep(0.1 * attempt)
        for writer in writers:
            writer.kill()
        for first, writer in zip(firsts, writers, strict=True):
            acknowledged |= {first, *writer.communicate()[0].split()}
    found = saved(studio.database)
    assert len(acknowledged) >= 6
    assert acknowledged <= set(found)
    assert set(found.values()) == {1}
    assert list(reviewers.save(studio, 1, uuid.uuid4(), clip_id=1)), "the next verdict is saved as ever"


def test_the_same_log_sent_by_four_at_once_is_saved_once(studio, start):
    writers = [start("forty", 1, seed=7) for _ in range(4)]
    go(writers)
    answers = [writer.communicate(timeout=60)[0].split() for writer in writers]
    assert all(len(answer) == 40 for answer in answers), "each of them is told that its verdicts are saved"
    found = saved(studio.database)
    assert len(found) == 40
    assert set(found.values()) == {1}


def test_no_clip_is_shown_to_two_reviewers(studio, start):
    people = [start("all", 1), start("all", 2)]
    go(people)
    decided = [process.communicate(timeout=60)[0].split() for process in people]
    assert sorted(int(clip_id) for clip_id in decided[0] + decided[1]) == list(range(7, 31))


def test_two_verdicts_on_one_clip_are_both_kept_and_the_later_one_stands(studio):
    item = queue.next_items(studio, 1, limit=1).items[0]
    about = {"clip_id": item.clip_id, "predicted_class_id": item.predicted_class_id}
    review.record(studio, 1, [about | {"uuid": str(uuid.uuid4()), "kind": "accept"}])
    review.record(studio, 2, [about | {"uuid": str(uuid.uuid4()), "kind": "reject"}])
    assert len(saved(studio.database)) == 2
    assert item.key not in {row.key for row in export.rows(studio)}, "the later one turned it down"


def test_a_removed_reviewer_s_verdict_is_refused_as_a_whole(studio):
    users.remove(studio, 2)
    with pytest.raises(users.StudioError, match="Ask an admin"):
        list(reviewers.save(studio, 2, uuid.uuid4(), clip_id=1))
    assert saved(studio.database) == {}


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_outsider_who_holds_the_write_lock_delays_a_verdict_and_no_reader(studio):
    outsider = sqlite3.connect(studio.database.file, isolation_level=None, check_same_thread=False)
    outsider.execute("BEGIN IMMEDIATE")
    release = threading.Timer(1.0, lambda: (outsider.execute("ROLLBACK"), outsider.close()))
    release.start()
    began = time.monotonic()
    assert today.overview(studio, 1).waiting == 24
    assert time.monotonic() - began < 0.9, "reading does not wait"
    assert list(reviewers.save(studio, 1, uuid.uuid4(), clip_id=1))
    release.join()
    assert len(saved(studio.database)) == 1


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_full_disk_is_an_error_and_costs_nothing_that_was_saved(studio):
    with studio.database.write() as session:
        connection = session.connection()
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 4}")
    acknowledged: list[str] = []
    with pytest.raises(OperationalError, match="full"):
        acknowledged.extend(reviewers.write_on(studio, 1, seed=1))
    assert acknowledged
    assert set(saved(studio.database)) == set(acknowledged)
    studio.database.dispose()  # the limit belongs to the connection, as a full disk does to its day
    acknowledged += reviewers.save(studio, 1, uuid.uuid4(), clip_id=1)
    assert set(saved(studio.database)) == set(acknowledged)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_eight_changed_bytes_in_a_verdict_are_found(studio, tmp_path):
    for _ in range(40):
        list(reviewers.save(studio, 1, uuid.uuid4(), clip_id=1))
    with studio.database.read() as session:
        notes = list(session.scalars(select(Verdict.note)))
    whole = tmp_path / "whole.db"
    with closing(sqlite3.connect(studio.database.file)) as connection:
        connection.execute("VACUUM INTO ?", (str(whole),))
    unnoticed_by_sqlite = 0
    for number, note in enumerate(notes):
        content = bytearray(whole.read_bytes())
        start = content.index(note.encode()) + random.Random(number).randrange(len(note) - 8)
        for position in range(start, start + 8):
            content[position] ^= 1
        damaged = tmp_path / "damaged.db"
        damaged.write_bytes(content)
        with closing(sqlite3.connect(damaged)) as connection:
            unnoticed_by_sqlite += connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert finds_damage(damaged)
        damaged.unlink()
    assert unnoticed_by_sqlite > 20, "SQLite's own check is no replacement"


def finds_damage(file) -> bool:
    """Whether the chain, or reading itself, shows that something is wrong."""
    database = Database(f"sqlite:///{file}")
    try:
        with database.read() as session:
            return verdicts.broken(session) != []
    except DatabaseError:
        return True
    finally:
        database.dispose()
