"""The alive line, and what keeps the studio from working."""

from datetime import timedelta
from importlib.metadata import version

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError

from app.services import health, users
from app.services.studio import StudioError
from db.engine import now
from db.models import Worker
from db.repositories import jobs


def test_a_worker_is_alive_while_it_is_seen_within_the_lease_time(studio):
    assert health.workers(studio) == ()
    with studio.database.write() as session:
        jobs.see_worker(session, owner="old", host="desk", pid=1, device="cpu", lanes=["import"])
        session.execute(update(Worker).values(seen_at=now(session) - timedelta(seconds=61)))
        jobs.see_worker(session, owner="new", host="desk", pid=2, device="cpu", lanes=["import", "round"])
    new, old = health.workers(studio)
    assert (new.owner, new.host, new.device, new.alive) == ("new", "desk", "cpu", True)
    assert new.seen_seconds_ago < 10
    assert (old.owner, old.alive) == ("old", False)
    assert 61 <= old.seen_seconds_ago < 90


def test_a_standstill_says_since_when_and_how_to_end_it(studio):
    still = health.standstill(studio)
    assert (still.since, still.waiting) == (None, 0)
    assert still.command == f"python -m app worker --project {studio.settings.project}"
    with studio.database.write() as session:
        jobs.see_worker(session, owner="one", host="desk", pid=1, device="cpu", lanes=["import"])
        jobs.enqueue(session, kind="import", payload={})
    assert health.standstill(studio) is None
    with studio.database.write() as session:
        gone = now(session) - timedelta(seconds=90)
        session.execute(update(Worker).values(seen_at=gone))
    still = health.standstill(studio)
    assert (still.since, still.waiting) == (gone, 1)


def test_the_report_is_for_admins_and_names_failed_jobs(studio, ada):
    with pytest.raises(StudioError, match="Only an admin can look"):
        health.report(studio, ada)
    with pytest.raises(StudioError, match="Only an admin can check"):
        health.broken_verdicts(studio, ada)
    boss = users.create(studio, "boss", "admin")[0].id
    with studio.database.write() as session:
        job = jobs.enqueue(session, kind="round", payload={})
        job.state, job.error = "failed", "no memory"
    report = health.report(studio, boss)
    assert [(job.kind, job.state, job.error, job.retry) for job in report.stopped] == [
        ("round", "failed", "no memory", None)
    ]
    assert report.free_bytes > 0
    assert ("streamlit", version("streamlit")) in report.versions
    assert health.broken_verdicts(studio, boss) == []


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        ("database is locked", "busy"),
        ("database or disk is full", "full"),
        ("no such table: clips", "schema"),
        ("unable to open database file", "away"),
    ],
)
def test_an_error_of_the_database_is_told_by_its_kind(said, trouble):
    assert health.database_trouble(OperationalError("SELECT 1", {}, Exception(said))) == trouble
    assert health.database_trouble(ValueError(said)) is None


def test_a_schema_of_another_version_is_told_with_the_command(studio):
    assert health.schema_problem(studio.settings) is None
    with studio.database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0005'"))
    assert "python -m app upgrade" in health.schema_problem(studio.settings)
    with studio.database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert "newer version" in health.schema_problem(studio.settings)
