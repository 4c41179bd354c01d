"""Exemplars of a class: those the round under review used, and what people want of the next round."""

from dataclasses import dataclass

from app.services.clip_cards import ClipCard, clip_card
from app.services.studio import Studio, StudioError
from app.services.users import current
from db.engine import Session
from db.repositories import classes, clips, exemplars, rounds

CHOICES = ("pinned", "banned")


@dataclass(frozen=True)
class Exemplar:
    """A clip that stands for a class or could.

    Args:
        used: whether the round under review used it.
        choice: "pinned", "banned" or None; `by` made it.
        stands: whether it is labelled with the class now. A choice without effect is one on a clip that is
            not.
    """

    clip: ClipCard
    used: bool
    choice: str | None
    by: str | None
    stands: bool


def of_class(studio: Studio, class_id: int, limit: int = 60) -> tuple[tuple[Exemplar, ...], int]:
    """Exemplars of the round under review, clips with a choice, then other labelled clips by key; and how
    many there are in all."""
    with studio.database.read() as session:
        row = rounds.under_review(session)
        used = exemplars.of_round(session, round_id=row.id).get(class_id, []) if row else []
        chosen = exemplars.choices(session).get(class_id, {})
        names = classes.names(session)
        labelled = _labelled(session, class_id)
        extra = [clip_id for clip_id in dict.fromkeys([*used, *chosen]) if clip_id not in labelled]
        rows = {**labelled, **{clip_id: _label_row(session, clip_id) for clip_id in extra}}
    order = [*dict.fromkeys([*used, *chosen, *labelled])]
    found = tuple(
        Exemplar(
            clip=clip_card(rows[clip_id], names, None),
            used=clip_id in used,
            choice=chosen.get(clip_id, (None, None))[0],
            by=chosen.get(clip_id, (None, None))[1],
            stands=clip_id in labelled,
        )
        for clip_id in order[:limit]
        if rows[clip_id] is not None
    )
    return found, len(order)


def choose(studio: Studio, user_id: int, class_id: int, clip_id: int, choice: str | None) -> None:
    """Pin a clip as an exemplar of the next rounds, ban it, or with None leave it to the draw again.

    Raises:
        StudioError: the person is not there any more, the clip is not labelled with the class, or no clip
            would be left to stand for the class.
    """
    if choice is not None and choice not in CHOICES:
        raise StudioError(f"{choice!r} is no choice; a clip is pinned, banned or neither.")
    with studio.database.write() as session:
        current(session, user_id)
        classes.lock_classes(session)
        members = classes.members(session, class_id=class_id)
        chosen = exemplars.choices(session).get(class_id, {})
        if choice is not None:
            labelled = _labelled(session, class_id)
            if clip_id not in labelled:
                raise StudioError("Only a clip that people labelled with the class can stand for it.")
            banned = {other for other, (made, _) in chosen.items() if made == "banned"} | {clip_id}
            if choice == "banned" and not set(labelled) - banned:
                raise StudioError(
                    "This is the last clip that may stand for the class; label another one or lift a ban."
                )
        exemplars.forget(session, class_ids=members, clip_id=clip_id)
        if choice is not None:
            exemplars.choose(session, class_id=class_id, clip_id=clip_id, choice=choice, author_id=user_id)


def _labelled(session: Session, class_id: int) -> dict[int, object]:
    rows, _ = clips.page(
        session,
        round_id=None,
        iteration=-1,
        state="ready",
        split="train",
        label="labelled",
        class_id=class_id,
    )
    return {row.Clip.id: row for row in rows}


def _label_row(session: Session, clip_id: int) -> object | None:
    rows, _ = clips.page(session, round_id=None, iteration=-1, clip_id=clip_id)
    return rows[0] if rows else None
