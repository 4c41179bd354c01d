"""Phase marks: adding, removing without loss, and reading what stands."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from db.engine import now, take_turns
from db.models import Clip, PhaseMark, User

MARKS_LOCK = 4_620_006

Values = dict[str, Any]


def lock_marks(session: Session) -> None:
    """Let nobody else change marks until the transaction ends."""
    take_turns(session, MARKS_LOCK)


def add(session: Session, *, author_id: int, rows: Sequence[Values]) -> None:
    """New marks. A row holds uuid, clip_id, phase, start_frame, source, from_clip_id and confidence."""
    moment = now(session)
    if rows:
        session.execute(
            insert(PhaseMark), [{**row, "author_id": author_id, "created_at": moment} for row in rows]
        )


def remove(session: Session, *, mark_ids: Collection[int], removed_by: int) -> None:
    """Take standing marks away; their rows stay, with who removed them and when."""
    gone = update(PhaseMark).where(PhaseMark.id.in_(mark_ids), PhaseMark.removed_at.is_(None))
    values = {"removed_at": now(session), "removed_by": removed_by}
    session.execute(gone.values(**values).execution_options(synchronize_session=False))


def by_uuid(session: Session, *, uuid: str) -> PhaseMark | None:
    """The mark of that uuid, standing or not; None when there is none."""
    return session.scalar(select(PhaseMark).where(PhaseMark.uuid == uuid))


def standing(session: Session, *, clip_ids: Collection[int]) -> dict[int, list[PhaseMark]]:
    """Clip id -> its standing marks by start frame; clips without any are absent."""
    rows = select(PhaseMark).where(PhaseMark.clip_id.in_(clip_ids), PhaseMark.removed_at.is_(None))
    found: dict[int, list[PhaseMark]] = {}
    for mark in session.scalars(rows.order_by(PhaseMark.clip_id, PhaseMark.start_frame)):
        found.setdefault(mark.clip_id, []).append(mark)
    return found


def listing(session: Session) -> list[Row[PhaseMark, Clip, str, str | None]]:
    """Every standing mark by clip key and start frame, as (PhaseMark, Clip, author's name, from_key)."""
    source = aliased(Clip)
    rows = (
        select(PhaseMark, Clip, User.name.label("author"), source.key.label("from_key"))
        .join(Clip, Clip.id == PhaseMark.clip_id)
        .join(User, User.id == PhaseMark.author_id)
        .outerjoin(source, source.id == PhaseMark.from_clip_id)
        .where(PhaseMark.removed_at.is_(None))
        .order_by(Clip.key, PhaseMark.start_frame)
    )
    return list(session.execute(rows))


def counts(session: Session) -> tuple[int, int, int]:
    """Standing marks, clips that have one, and how many of the marks nobody has looked at."""
    carried = func.count().filter(PhaseMark.source == "transferred")
    rows = select(func.count(), func.count(PhaseMark.clip_id.distinct()), carried)
    marks, clips, unseen = session.execute(rows.where(PhaseMark.removed_at.is_(None))).one()
    return marks, clips, unseen


def phases(session: Session, *, limit: int = 200) -> list[str]:
    """Names of phases used before, those on most clips first."""
    rows = select(PhaseMark.phase).where(PhaseMark.removed_at.is_(None)).group_by(PhaseMark.phase)
    return list(session.scalars(rows.order_by(func.count().desc(), PhaseMark.phase).limit(limit)))
