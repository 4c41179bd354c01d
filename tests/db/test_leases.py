"""Two reviewers never get the same clip, and a claim ends by itself."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from db.engine import now
from db.models import Lease
from db.repositories import leases
from tests.db.rows import add_clips, add_user


@pytest.fixture
def desk(database):
    """Database, two reviewers, and three clips of which the first two are ada's."""
    with database.write() as session:
        ada, bea, clip_ids = add_user(session, "ada"), add_user(session, "bea"), add_clips(session, 3)
        leases.take(session, reviewer_id=ada, clip_ids=clip_ids[:2])
    return database, ada, bea, clip_ids


def test_a_claim_lasts_ten_minutes_of_the_database_s_clock(desk):
    database, _, _, clip_ids = desk
    with database.read() as session:
        left = session.get_one(Lease, clip_ids[0]).expires_at - now(session)
    assert timedelta(minutes=9, seconds=50) < left <= timedelta(minutes=10)


def test_others_see_what_is_held_and_the_holder_does_not(desk):
    database, ada, bea, clip_ids = desk
    with database.read() as session:
        assert leases.held_by_others(session, reviewer_id=bea) == set(clip_ids[:2])
        assert leases.held_by_others(session, reviewer_id=ada) == set()


def test_asking_again_renews(desk):
    database, ada, _, clip_ids = desk
    with database.write() as session:
        session.execute(update(Lease).values(expires_at=now(session) + timedelta(seconds=1)))
        leases.take(session, reviewer_id=ada, clip_ids=clip_ids[:2])
    with database.read() as session:
        assert session.scalar(select(func.min(Lease.expires_at))) > now(session) + timedelta(minutes=9)


def test_a_claim_that_ran_out_is_free(desk):
    database, ada, bea, clip_ids = desk
    with database.write() as session:
        session.execute(update(Lease).values(expires_at=now(session) - timedelta(milliseconds=1)))
    with database.write() as session:
        assert leases.held_by_others(session, reviewer_id=bea) == set()
        leases.take(session, reviewer_id=bea, clip_ids=[clip_ids[0]])
        assert leases.held_by_others(session, reviewer_id=ada) == {clip_ids[0]}
        assert session.scalar(select(func.count()).select_from(Lease)) == 1


def test_only_one_s_own_claims_are_given_back(desk):
    database, ada, bea, clip_ids = desk
    with database.write() as session:
        leases.drop(session, reviewer_id=bea, clip_ids=clip_ids)
        assert leases.held_by_others(session, reviewer_id=bea) == set(clip_ids[:2])
        leases.drop(session, reviewer_id=ada, clip_ids=clip_ids[:1])
        assert leases.held_by_others(session, reviewer_id=bea) == {clip_ids[1]}
