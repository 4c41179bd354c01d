"""What a threshold lets through: proposals of a round, and how right they are, counted by hundredths.

A hundredth h stands for confidences in (h / 100, (h + 1) / 100], so that a threshold of h / 100 lets it and
all above it through. `scale` is what the confidence is multiplied by before it is compared with a threshold;
`aligned_above`, where given, counts only proposals that align better than that with their class.
"""

from typing import Any

from sqlalchemy import Integer, Row, and_, cast, func, select, text
from sqlalchemy.orm import Session

from db.models import AuditDraw, Clip, PseudoLabel, Round, Truth, Verdict
from db.models.verdicts import DECIDING
from db.repositories import classes, verdicts
from db.repositories.pseudo_labels import NOT_READY


def proposals(session: Session, *, row: Round, scale: float = 1.0,
              aligned_above: float | None = None) -> list[Row[Any]]:  # fmt: skip
    """Proposals that are open to acceptance, as (class_id as the round knew it, hundredth, clips).

    Left out are clips that people have decided on, of this round or by turning an earlier proposal down, and
    clips that can't be used.
    """
    hundredth = _hundredth(session, scale)
    turned_down = select(Verdict.clip_id).where(
        Verdict.kind.in_(("reject", "novel")), Verdict.id == verdicts.newest(Verdict.clip_id)
    )
    undecided = func.count().filter(PseudoLabel.settled.is_(False))  # a condition would choose a lesser index
    rows = (
        select(PseudoLabel.class_id, hundredth.label("hundredth"), undecided.label("clips"))
        .where(_shown(row, aligned_above))
        .where(PseudoLabel.clip_id.not_in(select(Clip.id).where(Clip.state.in_(NOT_READY))))
        .where(PseudoLabel.clip_id.not_in(turned_down))
        .group_by(PseudoLabel.class_id, text("hundredth"))
    )
    return list(session.execute(rows))


def against_truth(session: Session, *, row: Round, scale: float = 1.0,
                  aligned_above: float | None = None) -> list[Row[Any]]:  # fmt: skip
    """Proposals whose true class is known, as (hundredth, right, clips)."""
    rows = _judged(session, scale, Truth.class_id).join(Truth, Truth.clip_id == PseudoLabel.clip_id)
    return _answers(session, rows, row, aligned_above)


def against_verdicts(session: Session, *, row: Round, scale: float = 1.0,
                     aligned_above: float | None = None) -> list[Row[Any]]:  # fmt: skip
    """Proposals that people looked at and decided on in this round, as (hundredth, right, clips)."""
    stands = and_(Verdict.id == verdicts.newest(PseudoLabel.clip_id), Verdict.round_id == row.id)
    rows = _judged(session, scale, Verdict.class_id).join(Verdict, stands)
    rows = rows.where(PseudoLabel.settled, verdicts.one_by_one())
    return _answers(session, rows, row, aligned_above)


def against_blind_checks(session: Session, *, row: Round, scale: float = 1.0,
                         aligned_above: float | None = None) -> list[Row[Any]]:  # fmt: skip
    """Blind checks of the pass that the round shows, as (hundredth, right, clips). All were accepted."""
    drawn = and_(
        AuditDraw.round_id == row.id, AuditDraw.iteration == row.iteration,
        AuditDraw.clip_id == PseudoLabel.clip_id,
    )  # fmt: skip
    rows = _judged(session, scale, Verdict.class_id).join(AuditDraw, drawn)
    rows = rows.join(Verdict, Verdict.uuid == AuditDraw.answer_uuid)
    rows = rows.where(Verdict.kind.in_(DECIDING), ~verdicts.undone())
    return _answers(session, rows, row, aligned_above)


def _judged(session: Session, scale: float, known: Any) -> Any:
    merges = classes.merged(session)
    same = classes.meaning(PseudoLabel.class_id, merges) == classes.meaning(known, merges)
    hundredth = _hundredth(session, scale).label("hundredth")
    right = func.count().filter(same).label("right")
    return select(hundredth, right, func.count().label("clips")).select_from(PseudoLabel)


def _answers(session: Session, rows: Any, row: Round, aligned_above: float | None) -> list[Row[Any]]:
    return list(session.execute(rows.where(_shown(row, aligned_above)).group_by(text("hundredth"))))


def _shown(row: Round, aligned_above: float | None) -> Any:
    shown = [PseudoLabel.round_id == row.id, PseudoLabel.iteration == row.iteration]
    if aligned_above is not None:
        shown.append(PseudoLabel.alignability > aligned_above)
    return and_(*shown)


def _hundredth(session: Session, scale: float) -> Any:
    """0 to 99. SQLite cuts the fraction off and PostgreSQL would round, hence the floor there."""
    below_one = 100 - PseudoLabel.confidence * float(100 * scale)
    sqlite = session.get_bind().dialect.name == "sqlite"
    whole = 99 - cast(below_one if sqlite else func.floor(below_one), Integer)
    return func.max(0, func.min(99, whole)) if sqlite else func.greatest(0, func.least(99, whole))
