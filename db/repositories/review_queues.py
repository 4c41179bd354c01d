"""Review queues: which pseudo-labels to look at, and in which order."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import and_, case, exists, func, literal_column, or_, select, true
from sqlalchemy.orm import Session, aliased

from db import shuffles
from db.models import AuditDraw, Clip, PseudoLabel, Round, User, Verdict
from db.models.verdicts import DECIDING
from db.repositories import classes, verdicts

Values = dict[str, Any]
Found = list[tuple[PseudoLabel, Clip]]

# queue -> (condition, order)
PROPOSALS: dict[str, tuple[Any, Any]] = {
    "margin": (true(), PseudoLabel.margin),
    "disagreement": (PseudoLabel.disagrees.is_(True), PseudoLabel.margin),
    "flipped": (PseudoLabel.flipped.is_(True), PseudoLabel.margin),
    "alignability": (true(), PseudoLabel.alignability),
    "class": (true(), PseudoLabel.margin),
    "random": (true(), PseudoLabel.shuffle),
}


@dataclass(frozen=True)
class Flag:
    """A clip that somebody flagged."""

    clip_id: int
    author: str
    note: str | None


@dataclass(frozen=True)
class Opinion:
    """What a person's last verdict on a clip says; `author` is None for the label that came with the import.

    `answer` is the class id as it is meant now, "novel", or "reject" with the class that was turned down.
    """

    author_id: int | None
    author: str | None
    answer: tuple[str, int | None]


def columns(session: Session, *, rows: Sequence[Values]) -> list[Values]:
    """Rows of one round's new pass with `disagrees`, `flipped` and `shuffle`, which queues are read by."""
    merges = classes.merged(session)
    before = shown_by_parent(session, round_id=rows[0]["round_id"], clip_ids=[row["clip_id"] for row in rows])
    added = []
    for row in rows:
        heads = [
            np.frombuffer(row[name], "<f4") for name in ("action_probabilities", "alignability_probabilities")
        ]
        was, is_now = before.get(row["clip_id"]), row["class_id"]
        added.append(
            {
                **row,
                "disagrees": all(len(head) for head in heads)
                and bool(heads[0].argmax() != heads[1].argmax()),
                "flipped": None if was is None else merges.get(was, was) != merges.get(is_now, is_now),
                "shuffle": shuffles.place("random", row["round_id"], row["clip_id"]),
            }
        )
    return added


def shown(row: Round) -> Any:
    """Query of the pseudo-labels a round shows, with their clips, where the clip is ready."""
    return (
        select(PseudoLabel, Clip)
        .join(Clip, Clip.id == PseudoLabel.clip_id)
        .where(PseudoLabel.round_id == row.id, PseudoLabel.iteration == row.iteration, Clip.state == "ready")
    )


def held_out() -> Any:
    """Condition: the pseudo-label is drawn for the blind audit and nobody has decided on its clip."""
    drawn = exists().where(
        AuditDraw.round_id == PseudoLabel.round_id,
        AuditDraw.iteration == PseudoLabel.iteration,
        AuditDraw.clip_id == PseudoLabel.clip_id,
    )
    return and_(drawn, PseudoLabel.settled.is_(False))


def proposals(session: Session, *, row: Round, name: str, limit: int, without: Collection[int],
              class_id: int | None = None) -> Found:  # fmt: skip
    """The next clips of a queue in `PROPOSALS` that nobody has decided on; those drawn for the blind audit
    are held out. `class_id` narrows the queue to one class, with those merged into it."""
    condition, order = PROPOSALS[name]
    rows = shown(row).where(
        PseudoLabel.settled.is_(False), condition, ~held_out(), PseudoLabel.clip_id.not_in(without)
    )
    if class_id is not None:
        rows = rows.where(PseudoLabel.class_id.in_(classes.members(session, class_id=class_id)))
    found = session.execute(rows.order_by(order, PseudoLabel.clip_id).limit(limit))
    return [(label, clip) for label, clip in found]


def has_flips(session: Session, *, row: Round) -> bool:
    """Whether the parent round shows any clip that this one shows too."""
    known = PseudoLabel.flipped.is_not(None)
    rows = select(PseudoLabel.clip_id).where(
        PseudoLabel.round_id == row.id, PseudoLabel.iteration == row.iteration, known
    )
    return session.scalar(rows.limit(1)) is not None


def flags(session: Session) -> list[Flag]:
    """Flags of anyone that no undo names, on clips without a later verdict; the oldest first."""
    later = aliased(Verdict)
    decided = exists().where(later.id == verdicts.newest(Verdict.clip_id), later.id > Verdict.id)
    rows = (
        select(Verdict.clip_id, User.name, Verdict.note)
        .join(User, User.id == Verdict.reviewer_id)
        .where(Verdict.kind == literal_column("'flag'"), ~verdicts.undone(), ~decided)
        .order_by(Verdict.id)
    )
    newest = {clip_id: Flag(clip_id, author, note) for clip_id, author, note in session.execute(rows)}
    return list(newest.values())


def conflicts(session: Session) -> dict[int, list[Opinion]]:
    """Clip id -> what each person's last verdict says, the newest first, and the imported label at the end;
    only clips on which they contradict each other. The one waiting longest comes first."""
    merges = classes.merged(session)
    given = _differs_from_import(session, merges)
    rows = (
        select(Verdict.clip_id)
        .where(_deciding(), ~verdicts.undone())
        .group_by(Verdict.clip_id)
        .having(
            func.count(Verdict.reviewer_id.distinct()) > 1, func.min(_code(merges)) != func.max(_code(merges))
        )
    )
    doubted = {*session.scalars(rows), *given}
    found: dict[int, dict[int | None, Opinion]] = {}
    newest: dict[int, int] = {}
    standing = (
        select(Verdict, User.name)
        .join(User, User.id == Verdict.reviewer_id)
        .where(Verdict.clip_id.in_(doubted), _deciding(), ~verdicts.undone())
        .order_by(Verdict.id.desc())
    )
    for verdict, author in session.execute(standing):
        opinions = found.setdefault(verdict.clip_id, {})
        newest.setdefault(verdict.clip_id, verdict.id)
        opinions.setdefault(
            verdict.reviewer_id, Opinion(verdict.reviewer_id, author, _answer(verdict, merges))
        )
    for clip_id, class_id in given.items():
        found[clip_id][None] = Opinion(None, None, ("class", class_id))
    return {
        clip_id: list(found[clip_id].values())
        for clip_id in sorted(found, key=newest.__getitem__)
        if _is_open(list(found[clip_id].values()))
    }


def contradict(one: tuple[str, int | None], other: tuple[str, int | None]) -> bool:
    """Whether two answers can't both be right: turning a proposal down speaks of that class only."""
    for answer, its_rival in ((one, other), (other, one)):
        if answer[0] == "reject":
            return its_rival == ("class", answer[1])
    return one != other


def _is_open(opinions: Sequence[Opinion]) -> bool:
    """The newest opinion contradicts another one, and nobody else shares it."""
    newest, *others = opinions
    shared = any(other.answer == newest.answer for other in others)
    return not shared and any(contradict(newest.answer, other.answer) for other in others)


def _answer(verdict: Verdict, merges: dict[int, int]) -> tuple[str, int | None]:
    if verdict.kind == "novel":
        return "novel", None
    class_id = verdict.predicted_class_id if verdict.kind == "reject" else verdict.class_id
    meant = merges.get(class_id, class_id) if class_id is not None else None
    return ("reject" if verdict.kind == "reject" else "class"), meant


def _code(merges: dict[int, int]) -> Any:
    """One number per answer, so that SQL can tell apart."""
    return case(
        (Verdict.kind == "novel", -1), (Verdict.kind == "reject", -2),
        else_=classes.meaning(Verdict.class_id, merges),
    )  # fmt: skip


def _deciding() -> Any:
    return or_(*(Verdict.kind == literal_column(f"'{kind}'") for kind in DECIDING))


def _differs_from_import(session: Session, merges: dict[int, int]) -> dict[int, int]:
    """Clip id -> class that came with the import, where the verdict that stands says another one."""
    given = classes.meaning(Clip.given_class_id, merges)
    rows = (
        select(Clip.id, given)
        .join(Verdict, Verdict.id == verdicts.newest(Clip.id))
        .where(Clip.given_class_id.is_not(None), Clip.id.in_(select(Verdict.clip_id)))
        .where(or_(Verdict.class_id.is_(None), classes.meaning(Verdict.class_id, merges) != given))
    )
    return dict(session.execute(rows).all())


def shown_by_parent(session: Session, *, round_id: int, clip_ids: Collection[int]) -> dict[int, int]:
    """Clip id -> class that the parent round shows for it."""
    own, parent = aliased(Round), aliased(Round)
    rows = (
        select(PseudoLabel.clip_id, PseudoLabel.class_id)
        .join(parent, and_(parent.id == PseudoLabel.round_id, parent.iteration == PseudoLabel.iteration))
        .join(own, own.parent_id == parent.id)
        .where(own.id == round_id, PseudoLabel.clip_id.in_(clip_ids))
    )
    return dict(session.execute(rows).all())
