"""Which clips a list shows, and in which order: conditions on the query of `clips.labels`."""

from collections.abc import Collection, Mapping
from typing import Any, cast

from sqlalchemy import Select, and_, case, exists, func, select, union
from sqlalchemy.orm import Session, aliased

from db.models import AuditDraw, Clip, PseudoLabel, Round, TestPrediction, Truth, User, Verdict
from db.models.verdicts import DECIDING
from db.repositories import classes, verdicts

# sort -> (column of `clips.labels`, what decides between equals)
ORDERS = {
    "name": ("key", "id"),
    "confidence": ("confidence", "id"),
    "alignability": ("alignability", "id"),
    "margin": ("margin", "id"),
    "verdict": ("verdict_id", "id"),
    "import": ("import_id", "key"),
}


OF_CLIPS = {"search", "state", "split", "import_id", "clip_id", "clip_ids"}  # conditions on clips alone


def is_of_clips(sort: str, which: Mapping[str, Any]) -> bool:
    """Whether conditions and order ask for nothing but the clips themselves."""
    asked = {name for name, value in which.items() if value not in (None, "")}
    return asked <= OF_CLIPS and sort in ("name", "import")


def narrowed(session: Session, rows: Select[Any], *, round_id: int | None, iteration: int, search: str = "",
             state: str | None = None, split: str | None = None, label: str | None = None,
             class_id: int | None = None, import_id: int | None = None, clip_id: int | None = None,
             clip_ids: Collection[int] | None = None, said_id: int | None = None,
             tested_id: int | None = None, known_id: int | None = None, decision: str | None = None,
             reviewer_id: int | None = None, least_confidence: float | None = None,
             most_confidence: float | None = None, least_alignability: float | None = None,
             most_alignability: float | None = None) -> Select[Any]:  # fmt: skip
    """The rows that match; a query of clips alone will do where `is_of_clips`.

    `class_id` is people's label or else the proposal, `said_id` the proposal that the verdict which stands
    answers, `tested_id` what the round says of a test clip, `known_id` people's label or else the truth,
    `reviewer_id` who gave the verdict which stands. A bound on the proposal leaves out clips without one.
    """
    merges = classes.merged(session)
    kind, people, accepted, proposed = (
        cast(Any, rows.selected_columns.get(name))
        for name in ("kind", "class_id", "accepted", "proposed_class_id")
    )
    if label is not None:
        conditions = {
            "labelled": people.is_not(None),
            "unlabelled": people.is_(None),
            "accepted": and_(people.is_(None), kind.is_(None), accepted),
            "proposed": and_(people.is_(None), kind.is_(None), accepted.is_(False)),
            "rejected": kind.in_(("reject", "novel")),
        }
        rows = rows.where(conditions[label])
    if search:
        rows = rows.where(Clip.key.icontains(search, autoescape=True))
    if class_id is not None:
        meant = merges.get(class_id, class_id)
        rows = rows.where(
            Clip.id.in_(_named(session, meant, round_id, iteration)),
            func.coalesce(people, case((kind.is_(None), proposed))) == meant,
        )
    if decision is not None:
        rows = rows.where(kind == decision)
    if said_id is not None:
        answered, said = aliased(Verdict), merges.get(said_id, said_id)
        proposal = classes.meaning(answered.predicted_class_id, merges)
        rows = rows.where(exists().where(answered.id == verdicts.newest(Clip.id), proposal == said))
    if tested_id is not None:
        told = classes.meaning(TestPrediction.class_id, merges) == merges.get(tested_id, tested_id)
        of_round = and_(TestPrediction.clip_id == Clip.id, TestPrediction.round_id == round_id)
        rows = rows.where(Clip.split == "test", exists().where(of_round, told))
    if known_id is not None:
        truth = select(classes.meaning(Truth.class_id, merges)).where(Truth.clip_id == Clip.id)
        known = func.coalesce(people, truth.correlate(Clip).scalar_subquery())
        rows = rows.where(known == merges.get(known_id, known_id))
    if clip_ids is not None:
        rows = rows.where(Clip.id.in_(clip_ids))
    any_state = Clip.state.concat("")  # not by its index: nearly all are ready, and the order has one, too
    for column, value in (
        (any_state, state),
        (Clip.split, split),
        (Clip.import_id, import_id),
        (Clip.id, clip_id),
        (User.id, reviewer_id),
    ):
        if value is not None:
            rows = rows.where(column == value)
    for share, least, most in (
        (PseudoLabel.confidence, least_confidence, most_confidence),
        (PseudoLabel.alignability, least_alignability, most_alignability),
    ):
        if least is not None:
            rows = rows.where(share >= least)
        if most is not None:
            rows = rows.where(share <= most)
    return rows


def _named(session: Session, class_id: int, round_id: int | None, iteration: int) -> Any:
    """Every clip that anybody, or the pass, ever gave a class: few, found before all labels are asked for."""
    names = classes.members(session, class_id=class_id)
    shown = (PseudoLabel.round_id == round_id, PseudoLabel.iteration == iteration)
    return union(
        select(Clip.id).where(Clip.given_class_id.in_(names)),
        select(Verdict.clip_id).where(Verdict.class_id.in_(names)),
        select(PseudoLabel.clip_id).where(*shown, PseudoLabel.class_id.in_(names)),
    )


def in_order(rows: Select[Any], sort: str, descending: bool) -> Select[Any]:
    """The rows by one of `ORDERS`; clips that have no such value come last either way."""
    known = {"key": Clip.key, "id": Clip.id, "import_id": Clip.import_id}
    first, second = (known[name] if name in known else rows.selected_columns[name] for name in ORDERS[sort])
    order = [first.desc() if descending else first.asc(), second]
    if ORDERS[sort][0] not in known:
        order.insert(0, first.is_(None))
    return rows.order_by(*order)


def published(session: Session) -> list[Round]:
    """Rounds that propose something, newest first."""
    return list(session.scalars(select(Round).where(Round.iteration >= 0).order_by(Round.number.desc())))


def by_number(session: Session, *, number: int) -> Round | None:
    """The round of that number, None where there is none or it proposes nothing."""
    return session.scalar(select(Round).where(Round.number == number, Round.iteration >= 0))


def deciders(session: Session) -> dict[int, str]:
    """Id -> name of everybody who ever decided on a clip, by name."""
    decided = exists().where(Verdict.reviewer_id == User.id, Verdict.kind.in_(DECIDING))
    rows = select(User.id, User.name).where(decided).order_by(User.name)
    return {row.id: row.name for row in session.execute(rows)}


def held_out(session: Session, *, row: Round) -> set[int]:
    """Clips that the pass a round shows drew for the blind audit and that nobody has decided on."""
    same = and_(
        PseudoLabel.round_id == AuditDraw.round_id,
        PseudoLabel.iteration == AuditDraw.iteration,
        PseudoLabel.clip_id == AuditDraw.clip_id,
    )
    rows = select(AuditDraw.clip_id).join(PseudoLabel, same)
    rows = rows.where(AuditDraw.round_id == row.id, AuditDraw.iteration == row.iteration)
    return set(session.scalars(rows.where(PseudoLabel.settled.is_(False))))
