"""The blind audit: accepted pseudo-labels drawn at random, and what people say without seeing them."""

from collections.abc import Collection

from sqlalchemy import and_, func, insert, select, update
from sqlalchemy.orm import Session

from db import shuffles
from db.engine import now
from db.models import AuditDraw, Clip, PseudoLabel, Round, Verdict
from db.models.verdicts import DECIDING
from db.repositories import classes, clips, review_queues, verdicts

SHARE = 10  # one proposal in ten is checked blind ...
MOST = 200  # ... up to so many, which make the interval about 10 points wide


def draw(session: Session, *, row: Round) -> int:
    """Draw from the accepted labels of the pass that a round shows, and keep the draw; returns how many.

    The order is that of a hash of round and clip, so that a later pass draws the same clips where it accepts
    them again, and answers given blind to an earlier pass of the round count for them. Clips that people
    judged with the proposal before their eyes are left out. A pass is drawn from once.
    """
    drawn_before = select(AuditDraw.clip_id).where(
        AuditDraw.round_id == row.id, AuditDraw.iteration == row.iteration
    )
    if session.scalar(drawn_before.limit(1)) is not None:
        return 0
    shown = (PseudoLabel.round_id == row.id, PseudoLabel.iteration == row.iteration)
    proposed = session.scalar(select(func.count()).select_from(PseudoLabel).where(*shown)) or 0
    answers = _answers(session, row)
    accepted = session.execute(
        select(PseudoLabel.clip_id, PseudoLabel.class_id, PseudoLabel.settled)
        .join(Clip, Clip.id == PseudoLabel.clip_id)
        .where(*shown, PseudoLabel.accepted, Clip.state == "ready")
    )
    open_to_all = [label for label in accepted if not label.settled or label.clip_id in answers]
    open_to_all.sort(key=lambda label: shuffles.place("audit", row.id, label.clip_id))
    drawn = open_to_all[: min(MOST, -(-proposed // SHARE))]
    moment = now(session)
    rows = [
        {
            "round_id": row.id, "iteration": row.iteration, "clip_id": label.clip_id, "place": place,
            "class_id": label.class_id, "answer_uuid": answers.get(label.clip_id), "drawn_at": moment,
        }
        for place, label in enumerate(drawn)
    ]  # fmt: skip
    if rows:
        session.execute(insert(AuditDraw), rows)
    return len(rows)


def waiting(session: Session, *, row: Round, limit: int, without: Collection[int]) -> list[Clip]:
    """Drawn clips of the pass that a round shows which nobody has decided on, in the order of the draw."""
    drawn = select(AuditDraw.clip_id).where(
        AuditDraw.round_id == row.id, AuditDraw.iteration == row.iteration
    )
    order = session.scalars(drawn.order_by(AuditDraw.place)).all()  # few; a join would read every proposal
    rows = review_queues.shown(row).where(PseudoLabel.settled.is_(False), PseudoLabel.clip_id.in_(order))
    undecided = set(session.scalars(rows.with_only_columns(PseudoLabel.clip_id)))
    chosen = [clip_id for clip_id in order if clip_id in undecided and clip_id not in without][:limit]
    found = clips.by_id(session, clip_ids=chosen)
    return [found[clip_id] for clip_id in chosen]


def get(session: Session, *, round_id: int, clip_id: int) -> AuditDraw | None:
    """The draw of a clip from the newest pass of a round that drew it, None when none did."""
    rows = select(AuditDraw).where(AuditDraw.round_id == round_id, AuditDraw.clip_id == clip_id)
    return session.scalar(rows.order_by(AuditDraw.iteration.desc()).limit(1))


def answer(session: Session, *, drawn: AuditDraw, uuid: str) -> None:
    """Note the verdict that somebody gave without seeing the proposal."""
    session.execute(
        update(AuditDraw)
        .where(AuditDraw.round_id == drawn.round_id, AuditDraw.clip_id == drawn.clip_id)
        .values(answer_uuid=uuid)
        .execution_options(synchronize_session=False)
    )


def results(session: Session, *, round_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Round id -> right and all of its blind checks that are answered, of the pass that it shows."""
    merges = classes.merged(session)
    same = classes.meaning(Verdict.class_id, merges) == classes.meaning(AuditDraw.class_id, merges)
    rows = (
        select(Round.id, func.count().filter(same), func.count())
        .join(AuditDraw, and_(AuditDraw.round_id == Round.id, AuditDraw.iteration == Round.iteration))
        .join(Verdict, Verdict.uuid == AuditDraw.answer_uuid)
        .where(Round.id.in_(round_ids), Verdict.kind.in_(DECIDING), ~verdicts.undone())
        .group_by(Round.id)
    )
    return {round_id: (right, of) for round_id, right, of in session.execute(rows)}


def _answers(session: Session, row: Round) -> dict[int, str]:
    """Clip id -> verdict that stands and was given blind to any pass of the round."""
    rows = (
        select(AuditDraw.clip_id, Verdict.uuid)
        .join(Verdict, Verdict.uuid == AuditDraw.answer_uuid)
        .where(AuditDraw.round_id == row.id, Verdict.kind.in_(DECIDING), ~verdicts.undone())
    )
    return dict(session.execute(rows).all())
