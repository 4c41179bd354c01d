"""The verdict log: appending, reading what stands, and checking that nothing was changed."""

import hashlib
import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from db.engine import now, take_turns
from db.models import Clip, PseudoLabel, User, Verdict
from db.models.verdicts import DECIDING

FIRST_HASH = "0" * 64
CHAIN_LOCK = 4_620_002
BULK = "[bulk "  # so begins the end of the note of a verdict that was given to many clips at once
HASHED = (
    "uuid", "clip_id", "reviewer_id", "kind", "class_id", "predicted_class_id", "round_id", "undoes_uuid",
    "note", "seconds", "made_at", "recorded_at", "previous_hash",
)  # fmt: skip


def lock_chain(session: Session) -> None:
    """Let nobody else append until the transaction ends."""
    take_turns(session, CHAIN_LOCK)


def append(session: Session, *, uuid: str, clip_id: int, reviewer_id: int, kind: str, made_at: datetime,
           class_id: int | None = None, predicted_class_id: int | None = None, round_id: int | None = None,
           undoes_uuid: str | None = None, note: str | None = None,
           seconds: float | None = None) -> bool:  # fmt: skip
    """Append one event unless its uuid is there already; returns whether it was new."""
    lock_chain(session)
    if session.scalar(select(Verdict.id).where(Verdict.uuid == uuid)) is not None:
        return False
    last = session.scalar(select(Verdict.hash).order_by(Verdict.id.desc()).limit(1))
    verdict = Verdict(
        uuid=uuid, clip_id=clip_id, reviewer_id=reviewer_id, kind=kind, class_id=class_id,
        predicted_class_id=predicted_class_id, round_id=round_id, undoes_uuid=undoes_uuid, note=note,
        seconds=seconds, made_at=made_at, recorded_at=now(session), previous_hash=last or FIRST_HASH,
    )  # fmt: skip
    verdict.hash = digest(verdict)
    session.add(verdict)
    session.flush()
    settle(session, clip_ids=[clip_id])
    return True


def digest(verdict: Verdict) -> str:
    """sha256 over the canonical JSON of a verdict and the hash before it."""
    values = {name: getattr(verdict, name) for name in HASHED}
    for name in ("made_at", "recorded_at"):
        values[name] = values[name].astimezone(UTC).isoformat(timespec="microseconds")
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def broken(session: Session) -> list[int]:
    """Ids of verdicts that were changed or that follow a removed or moved row; empty when sound."""
    wrong, previous = [], FIRST_HASH
    for verdict in session.scalars(select(Verdict).order_by(Verdict.id).execution_options(yield_per=1000)):
        if verdict.previous_hash != previous or verdict.hash != digest(verdict):
            wrong.append(verdict.id)
        previous = verdict.hash
        session.expunge(verdict)
    return wrong


def by_uuid(session: Session, *, uuids: Collection[str]) -> dict[str, Verdict]:
    """uuid -> verdict, for those there are."""
    found: dict[str, Verdict] = {}
    for part in _parts(list(uuids)):
        found.update(
            (row.uuid, row) for row in session.scalars(select(Verdict).where(Verdict.uuid.in_(part)))
        )
    return found


def is_undone(session: Session, *, uuid: str) -> bool:
    """Whether an undo names this verdict."""
    return session.scalar(select(Verdict.id).where(Verdict.undoes_uuid == uuid)) is not None


def undone(verdict: Any = Verdict) -> ColumnElement[bool]:
    """Condition: an undo names this verdict."""
    undo = aliased(Verdict)
    return exists().where(undo.undoes_uuid == verdict.uuid).correlate(verdict)


def one_by_one(verdict: Any = Verdict) -> ColumnElement[bool]:
    """Condition: somebody looked at this very clip, and did not decide on many at once."""
    return func.coalesce(verdict.note, "").not_like(f"%{BULK}%]")


def newest(clip_id: Any) -> ScalarSelect[int]:
    """Id of the verdict that stands for a clip: its newest deciding one that no undo names, if any.

    Join it as `aliased(Verdict).id == newest(Clip.id)`: one look into an index per clip, in any plan.
    """
    deciding = aliased(Verdict)
    return (
        select(deciding.id)
        .where(deciding.clip_id == clip_id, deciding.kind.in_(DECIDING), ~undone(deciding))
        .order_by(deciding.id.desc())
        .limit(1)
        .correlate_except(deciding)  # also two levels up, as in `settle`
        .scalar_subquery()
    )


def settles(verdict: Any, round_id: Any) -> ColumnElement[bool]:
    """Condition: with this standing verdict, its clip needs no review in a round.

    It says what the clip is, or turned down a proposal of this round or a later one.
    """
    turned_down = func.coalesce(verdict.round_id, round_id) >= round_id
    return or_(verdict.kind.in_(("accept", "correct")), turned_down)


def settle(session: Session, *, clip_ids: Collection[int]) -> None:
    """Bring `pseudo_labels.settled`, which the queue is read by, in line with what stands for these clips."""
    lock_chain(session)  # a verdict given meanwhile would not see new rows, nor they it
    standing = aliased(Verdict)
    settled = exists().where(
        standing.id == newest(PseudoLabel.clip_id), settles(standing, PseudoLabel.round_id)
    )
    changed = and_(PseudoLabel.clip_id.in_(clip_ids), PseudoLabel.settled != settled)
    session.execute(
        update(PseudoLabel)
        .where(changed)
        .values(settled=settled)
        .execution_options(synchronize_session=False)
    )


def skipped(session: Session, *, reviewer_id: int, round_id: int,
            kinds: Collection[str] = ("skip", "flag")) -> list[int]:  # fmt: skip
    """Clips this reviewer set aside in a round and did not undo, the longest ago first."""
    rows = (
        select(Verdict.clip_id, func.max(Verdict.id).label("last"))
        .where(Verdict.round_id == round_id, Verdict.kind.in_(kinds), ~undone())
        .where(Verdict.reviewer_id == reviewer_id)
        .group_by(Verdict.clip_id)
        .order_by("last")
    )
    return [row.clip_id for row in session.execute(rows)]


def history(session: Session, *, reviewer_id: int, limit: int) -> list[tuple[Verdict, str, bool]]:
    """A reviewer's verdicts without the undo events, newest first, with the clip's key and whether undone."""
    rows = (
        select(Verdict, Clip.key, undone())
        .join(Clip, Clip.id == Verdict.clip_id)
        .where(Verdict.reviewer_id == reviewer_id, Verdict.kind != "undo")
        .order_by(Verdict.id.desc())
        .limit(limit)
    )
    return [(verdict, key, bool(gone)) for verdict, key, gone in session.execute(rows)]


def of_classes(session: Session, *, class_ids: Collection[int],
               limit: int) -> list[tuple[Verdict, str, str, bool]]:  # fmt: skip
    """Verdicts that name one of these classes or answer a proposal of one, newest first, with the clip's key,
    the reviewer's name and whether undone."""
    named = or_(Verdict.class_id.in_(class_ids), Verdict.predicted_class_id.in_(class_ids))
    rows = (
        select(Verdict, Clip.key, User.name, undone())
        .join(Clip, Clip.id == Verdict.clip_id)
        .join(User, User.id == Verdict.reviewer_id)
        .where(named, Verdict.kind != "undo")
        .order_by(Verdict.id.desc())
        .limit(limit)
    )
    return [(verdict, key, name, bool(gone)) for verdict, key, name, gone in session.execute(rows)]


def count_since(session: Session, *, moment: datetime) -> int:
    """Deciding verdicts after a moment that no undo names."""
    later = and_(Verdict.recorded_at > moment, Verdict.kind.in_(DECIDING), ~undone())
    return session.scalar(select(func.count()).select_from(Verdict).where(later)) or 0


def last_id(session: Session) -> int:
    """Id of the newest verdict, 0 before any."""
    return session.scalar(select(func.max(Verdict.id))) or 0


def count_standing(session: Session, *, reviewer_id: int) -> int:
    """Deciding verdicts of a reviewer that no undo names."""
    mine = and_(Verdict.reviewer_id == reviewer_id, Verdict.kind.in_(DECIDING), ~undone())
    return session.scalar(select(func.count()).select_from(Verdict).where(mine)) or 0


def count_events(session: Session, *, reviewer_id: int, round_id: int) -> int:
    """Events of a reviewer in a round, less those taken back."""
    one = case((Verdict.kind == "undo", -1), else_=1)
    rows = select(func.sum(one)).where(Verdict.reviewer_id == reviewer_id, Verdict.round_id == round_id)
    return int(session.scalar(rows) or 0)


def _parts(values: list[str], size: int = 500) -> list[list[str]]:
    return [values[start : start + size] for start in range(0, len(values), size)]
