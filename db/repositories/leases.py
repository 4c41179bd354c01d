"""Reviewers' claims on clips."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from db.engine import now, take_turns
from db.models import Lease

MINUTES = 10
QUEUE_LOCK = 4_620_003


def lock_queue(session: Session) -> None:
    """Let nobody else choose clips until the transaction ends."""
    take_turns(session, QUEUE_LOCK)


def take(session: Session, *, reviewer_id: int, clip_ids: Collection[int]) -> None:
    """Claim clips for a reviewer, or renew the claim; claims of anyone that ran out are dropped."""
    moment = now(session)
    session.execute(delete(Lease).where(Lease.expires_at <= moment))
    until = moment + timedelta(minutes=MINUTES)
    claim = {"reviewer_id": reviewer_id, "expires_at": until}
    renewed = update(Lease).where(Lease.clip_id.in_(clip_ids)).values(claim)
    held = set(session.scalars(renewed.returning(Lease.clip_id)))
    fresh = [{"clip_id": clip_id, **claim} for clip_id in clip_ids if clip_id not in held]
    if fresh:
        session.execute(insert(Lease), fresh)


def drop(session: Session, *, reviewer_id: int, clip_ids: Collection[int]) -> None:
    """Give claims of a reviewer back."""
    session.execute(delete(Lease).where(Lease.reviewer_id == reviewer_id, Lease.clip_id.in_(clip_ids)))


def drop_all(session: Session, *, reviewer_id: int) -> None:
    """Give every claim of a reviewer back."""
    session.execute(delete(Lease).where(Lease.reviewer_id == reviewer_id))


def held_by_others(session: Session, *, reviewer_id: int) -> set[int]:
    """Clips that somebody else holds now."""
    others = select(Lease.clip_id).where(Lease.reviewer_id != reviewer_id, Lease.expires_at > now(session))
    return set(session.scalars(others))
