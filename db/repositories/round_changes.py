"""What changed between two rounds: counts, flips from class to class, and clips, a page at a time."""

from typing import Any

from sqlalchemy import Row, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from db.models import Clip, PseudoLabel, Round, RoundClip, Truth, Verdict
from db.repositories import classes, verdicts

KINDS = ("flipped", "gained", "dropped")


def counts(session: Session, *, now_round: Round, was_round: Round) -> dict[str, int]:
    """Clips of every kind: flipped (proposed by both, as another class, accepted in one at least), gained
    (accepted now and not before), dropped (the other way round). Clips that people labelled are none."""
    pair = _Pair(session, now_round, was_round)
    row = session.execute(
        pair.rows(*(func.count().filter(pair.kinds[kind]).label(kind) for kind in KINDS))
    ).one()
    return dict(row._mapping)


def flips(session: Session, *, now_round: Round, was_round: Round, limit: int) -> list[Row[Any]]:
    """Most frequent flips: was_class_id, now_class_id, clips, and of those whose class is known: known,
    right_before, right_now."""
    pair = _Pair(session, now_round, was_round)
    known = pair.known()
    rows = (
        pair.with_truth(
            pair.was_class.label("was_class_id"),
            pair.now_class.label("now_class_id"),
            func.count().label("clips"),
            func.count(known).label("known"),
            func.count().filter(known == pair.was_class).label("right_before"),
            func.count().filter(known == pair.now_class).label("right_now"),
        )
        .where(pair.kinds["flipped"])
        .group_by(pair.was_class, pair.now_class)
    )
    return list(session.execute(rows.order_by(func.count().desc(), pair.was_class).limit(limit)))


def page(session: Session, *, now_round: Round, was_round: Round, kind: str, limit: int,
         flip: tuple[int, int] | None = None) -> list[Row[Any]]:  # fmt: skip
    """Clips of a kind, the surest first: clip_id, key, class_id and confidence of both rounds as was_* and
    now_*, and known_class_id. `flip` keeps those that went from one class to another."""
    pair = _Pair(session, now_round, was_round)
    rows = (
        pair.with_truth(
            Clip.id.label("clip_id"), Clip.key,
            pair.was_class.label("was_class_id"), pair.was.confidence.label("was_confidence"),
            pair.now_class.label("now_class_id"), pair.now.confidence.label("now_confidence"),
            pair.known().label("known_class_id"),
        )
        .join(Clip, Clip.id == RoundClip.clip_id)
        .where(pair.kinds[kind])
    )  # fmt: skip
    if flip is not None:
        rows = rows.where(pair.was_class == flip[0], pair.now_class == flip[1])
    sure = func.coalesce(pair.now.confidence, pair.was.confidence)
    return list(session.execute(rows.order_by(sure.desc(), Clip.key).limit(limit)))


class _Pair:
    """Both rounds side by side, over the unlabelled clips of the later one's snapshot."""

    def __init__(self, session: Session, now_round: Round, was_round: Round) -> None:
        self.was, self.now = aliased(PseudoLabel), aliased(PseudoLabel)
        self.rounds, self.merges = (now_round, was_round), classes.merged(session)
        self.was_class = classes.meaning(self.was.class_id, self.merges)
        self.now_class = classes.meaning(self.now.class_id, self.merges)
        self.stands = aliased(Verdict)
        before = func.coalesce(self.was.accepted, False)
        later = func.coalesce(self.now.accepted, False)
        self.kinds = {
            "flipped": and_(self.was_class != self.now_class, or_(before, later)),
            "gained": and_(later, ~before),
            "dropped": and_(before, ~later),
        }

    def rows(self, *columns: Any) -> Any:
        now_round, was_round = self.rounds
        return (
            select(*columns)
            .select_from(RoundClip)
            .outerjoin(self.was, _shown(self.was, was_round))
            .outerjoin(self.now, _shown(self.now, now_round))
            .where(RoundClip.round_id == now_round.id, RoundClip.role == "unlabelled")
        )

    def with_truth(self, *columns: Any) -> Any:
        newest = self.stands.id == verdicts.newest(RoundClip.clip_id)
        rows = self.rows(*columns).outerjoin(self.stands, newest)
        return rows.outerjoin(Truth, Truth.clip_id == RoundClip.clip_id)

    def known(self) -> Any:
        """What the clip is: what people said since, else the label held back."""
        people = case((self.stands.kind.is_(None), Truth.class_id), else_=self.stands.class_id)
        return classes.meaning(people, self.merges)


def _shown(label: Any, row: Round) -> Any:
    return and_(
        label.clip_id == RoundClip.clip_id, label.round_id == row.id, label.iteration == row.iteration
    )
