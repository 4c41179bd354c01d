"""Exemplars: those a round used, and what people want of the next one."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from db.engine import now
from db.models import ExemplarChoice, RoundClip, RoundExemplar, User
from db.repositories import classes


def of_round(session: Session, *, round_id: int) -> dict[int, list[int]]:
    """Class id -> clip ids of its gallery in a round, by rank; merged classes count as what they mean."""
    meant = classes.merged(session)
    rows = select(RoundExemplar.class_id, RoundExemplar.clip_id).where(RoundExemplar.round_id == round_id)
    found: dict[int, list[int]] = {}
    for class_id, clip_id in session.execute(rows.order_by(RoundExemplar.class_id, RoundExemplar.rank)):
        found.setdefault(meant.get(class_id, class_id), []).append(clip_id)
    return found


def sizes(session: Session, *, round_id: int) -> dict[int, int]:
    """Class id as the round knew it -> number of its exemplars."""
    rows = select(RoundExemplar.class_id, func.count()).where(RoundExemplar.round_id == round_id)
    return dict(session.execute(rows.group_by(RoundExemplar.class_id)).all())


def choose(session: Session, *, class_id: int, clip_id: int, choice: str, author_id: int) -> None:
    """Note that a clip is "pinned" or "banned" as an exemplar of a class, whatever was noted before."""
    row = ExemplarChoice(
        class_id=class_id, clip_id=clip_id, choice=choice, author_id=author_id, made_at=now(session)
    )
    session.merge(row)
    session.flush()


def forget(session: Session, *, class_ids: Collection[int], clip_id: int) -> None:
    """Note nothing about a clip as an exemplar of these classes any more."""
    session.execute(
        delete(ExemplarChoice).where(
            ExemplarChoice.class_id.in_(class_ids), ExemplarChoice.clip_id == clip_id
        )
    )


def choices(session: Session) -> dict[int, dict[int, tuple[str, str]]]:
    """Class id -> clip id -> choice and who made it, the first choice first.

    Merged classes count as what they mean; where two of them chose differently, the later choice counts.
    """
    meant = classes.merged(session)
    rows = select(ExemplarChoice, User.name).join(User, User.id == ExemplarChoice.author_id)
    found: dict[int, dict[int, tuple[str, str]]] = {}
    for row, name in session.execute(rows.order_by(ExemplarChoice.made_at, ExemplarChoice.clip_id)):
        found.setdefault(meant.get(row.class_id, row.class_id), {})[row.clip_id] = (row.choice, name)
    return found


def frozen_choices(session: Session, *, round_id: int) -> dict[str, Any]:
    """The choices that hold for a round's snapshot: {"pinned": {class id: [clip id]}, "banned": [clip id]}.

    A clip that is not labelled with the class there is left out.
    """
    rows = select(RoundClip.clip_id, RoundClip.class_id)
    rows = rows.where(RoundClip.round_id == round_id, RoundClip.role == "labelled")
    labels = dict(session.execute(rows).all())
    pinned: dict[str, list[int]] = {}
    banned: list[int] = []
    for class_id, made in choices(session).items():
        for clip_id, (choice, _) in made.items():
            if labels.get(clip_id) != class_id:
                continue
            if choice == "pinned":
                pinned.setdefault(str(class_id), []).append(clip_id)
            else:
                banned.append(clip_id)
    return {"pinned": pinned, "banned": sorted(banned)}
