"""Which clips' pictures are needed, and how soon."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Clip, RoundExemplar
from db.repositories import pseudo_labels, rounds


def ready(session: Session) -> list[str]:
    """Checksums of the clips that can be shown, by id, each once."""
    rows = select(Clip.sha256).where(Clip.state == "ready", Clip.sha256.is_not(None)).order_by(Clip.id)
    return list(dict.fromkeys(str(sha256) for sha256 in session.scalars(rows)))


def soon(session: Session, *, limit: int) -> list[str]:
    """Checksums of the clips that people are about to see: those next in line for review, the labelled clips
    beside each of them, and the examples of every class."""
    row = rounds.under_review(session)
    if row is None:
        return []
    waiting = pseudo_labels.next_for_review(session, row=row, limit=limit, without=())
    first = [clip.sha256 for _, clip in waiting]
    beside = {near["clip_id"] for label, _ in waiting for near in label.nearest}
    beside.update(session.scalars(select(RoundExemplar.clip_id).where(RoundExemplar.round_id == row.id)))
    listed = sorted(beside)
    for start in range(0, len(listed), 500):
        part = select(Clip.sha256).where(Clip.id.in_(listed[start : start + 500]), Clip.state == "ready")
        first += session.scalars(part)
    return list(dict.fromkeys(str(sha256) for sha256 in first if sha256))
