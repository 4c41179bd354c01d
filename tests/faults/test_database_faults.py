"""What happens to the database itself: updates at the same time, copies under writers, a crashing server."""

import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.services import rounds
from app.services.studio import StudioError, create_project, open_studio
from app.settings import load
from db import migrate
from db.engine import Database
from db.models import Job, Verdict
from db.repositories import jobs, verdicts
from tests.db.rows import add_clips, add_user, decide
from tests.postgres import PostgresServer


def run(*arguments: object) -> "subprocess.Popen[str]":
    """A program of this folder, waiting for the word to begin."""
    command = [sys.executable, "-m", *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def begin(process: "subprocess.Popen[str]") -> None:
    process.stdin.write("go\n")
    process.stdin.flush()


def count_together(how: str, url: str) -> tuple[int, int]:
    """What eight processes believe to have added, and what was added."""
    database = Database(url)
    with database.write() as session:
        jobs.enqueue(session, kind="import", payload={})
    processes = [run("tests.faults.counters", how, url, 25) for _ in range(8)]
    for process in processes:
        begin(process)
    believed = sum(int(process.communicate(timeout=60)[0]) for process in processes)
    with database.read() as session:
        counted = session.scalars(select(Job.step)).one()
    database.dispose()
    return believed, counted


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_eight_processes_lose_no_update(database_url):
    assert count_together("ours", database_url) == (200, 200)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_default_engine_would_lose_updates_without_a_word(database_url):
    believed, counted = count_together("default", database_url)
    assert counted < believed


@pytest.fixture
def reviewed(tmp_path):
    """A project in a file, with a reviewer and five clips."""
    studio = create_project(load(tmp_path / "project", {}))
    with studio.database.write() as session:
        add_user(session)
        add_clips(session, 5)
    yield studio
    studio.close()


def uuids(file: Path) -> set[str]:
    """uuids of the verdicts in a file whose chain is sound."""
    database = Database(f"sqlite:///{file}")
    with database.read() as session:
        assert verdicts.broken(session) == []
        found = set(session.scalars(select(Verdict.uuid)))
    database.dispose()
    return found


def test_a_backup_under_writers_misses_nothing_that_was_saved_before(reviewed, tmp_path):
    writers = [run("tests.faults.reviewers", "on", reviewed.settings.project, 1, seed) for seed in (1, 2)]
    for writer in writers:
        begin(writer)
    acknowledged: set[str] = set()
    copies = []
    for number in range(3):
        acknowledged |= {writer.stdout.readline().strip() for writer in writers for _ in range(5)}
        copies.append((set(acknowledged), tmp_path / f"copy {number}.db"))
        migrate.backup(reviewed.settings.database_url, copies[-1][1])
    for writer in writers:
        writer.kill()
        writer.communicate()
    for before, copy in copies:
        assert before <= uuids(copy)


def test_a_restored_backup_is_a_project_again(reviewed, tmp_path):
    with reviewed.database.write() as session:
        kept = decide(session, 1, 1, "reject")
    copy = migrate.backup(reviewed.settings.database_url, tmp_path / "copy.db")
    with reviewed.database.write() as session:
        decide(session, 1, 2, "reject")
    reviewed.close()
    for file in reviewed.settings.project.glob("studio.db*"):
        file.unlink()
    shutil.copy(copy, reviewed.settings.project / "studio.db")
    again = open_studio(reviewed.settings)
    with again.database.write() as session:
        new = decide(session, 1, 2, "novel")
    again.close()
    assert uuids(reviewed.settings.project / "studio.db") == {kept, new}


def test_of_rounds_started_at_the_same_moment_one_goes_on_and_the_others_are_told(database_url, tmp_path):
    studio = create_project(load(tmp_path, {"FINEPSEUDO_DATABASE_URL": database_url}))
    with studio.database.write() as session:
        add_clips(session, 12, labelled=6)
    together = threading.Barrier(4)

    def start(_: int) -> str:
        together.wait()
        try:
            return f"round {rounds.start(studio, 'cpu-demo', {}, None).number}"
        except StudioError as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(start, range(4)))
    studio.close()
    assert answers[3] == "round 1"
    assert all("queued or running already" in answer for answer in answers[:3])


def test_a_crash_of_postgresql_costs_a_moment_and_no_verdict(postgres):
    """A server of its own: the others of this test run are in use."""
    server = PostgresServer()
    try:
        url = server.url(server.new_database())
        migrate.upgrade(url)
        database = Database(url)
        with database.write() as session:
            add_user(session)
            add_clips(session, 1)
        acknowledged = set()
        for _ in range(20):
            with database.write() as session:
                acknowledged.add(decide(session, 1, 1, "skip"))
        server.crash()
        acknowledged.add(decide_patiently(database))
        with database.read() as session:
            assert set(session.scalars(select(Verdict.uuid))) == acknowledged
            assert verdicts.broken(session) == []
        database.dispose()
    finally:
        server.stop()


def decide_patiently(database: Database) -> str:
    """A verdict, sent again until it is saved, as the browser does."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with database.write() as session:
                return decide(session, 1, 1, "skip")
        except OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
