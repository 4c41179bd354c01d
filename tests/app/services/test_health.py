"""The alive line."""

from datetime import timedelta

from sqlalchemy import update

from app.services import health
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
