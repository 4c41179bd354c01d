"""Clips found again: by what is known about them, in an order, a page at a time."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from app.services.clip_cards import ClipCard, ClipFilter, ClipPage, clip_card
from app.services.studio import Studio
from db.engine import Session
from db.models import Round
from db.repositories import classes as class_rows
from db.repositories import clip_filters, rounds
from db.repositories import clips as repository

LARGEST_ID = 2**31 - 1
SORTS = tuple(clip_filters.ORDERS)
EVERY_CLIP = ClipFilter()


@dataclass(frozen=True)
class Choices:
    """What a list can be narrowed to.

    Args:
        rounds: numbers of the rounds that propose something, newest first.
        under_review: number of the one under review, None before any.
        reviewers: id -> name of everybody who decided on a clip.
    """

    rounds: tuple[int, ...]
    under_review: int | None
    reviewers: dict[int, str]


def clips(
    studio: Studio,
    which: ClipFilter = EVERY_CLIP,
    offset: int = 0,
    limit: int = 60,
    *,
    sort: str = "name",
    descending: bool = False,
) -> ClipPage:
    """Clips that match, by one of `SORTS`; those that have no such value come last."""
    with studio.database.read() as session:
        cards, total = _cards(session, which, offset=offset, limit=limit, sort=sort, descending=descending)
    return ClipPage(cards, total, offset)


def clip(studio: Studio, clip_id: int) -> ClipCard | None:
    """One clip, None when there is none of that id."""
    return by_id(studio, [clip_id]).get(clip_id)


def by_id(studio: Studio, clip_ids: Collection[int]) -> dict[int, ClipCard]:
    """Clip id -> card, for those there are."""
    wanted = tuple(clip_id for clip_id in clip_ids if 0 < clip_id <= LARGEST_ID)
    if not wanted:
        return {}
    with studio.database.read() as session:
        cards, _ = _cards(session, ClipFilter(clip_ids=wanted))
    return {card.id: card for card in cards}


def clip_ids(studio: Studio, which: ClipFilter = EVERY_CLIP) -> tuple[int, ...]:
    """Ids of all clips that match."""
    with studio.database.read() as session:
        asked, shown = _asked(session, which)
        found = repository.matching_ids(
            session,
            round_id=shown.id if shown else None,
            iteration=shown.iteration if shown else -1,
            **asked,
        )
    return tuple(found)


def choices(studio: Studio) -> Choices:
    """What a list can be narrowed to."""
    with studio.database.read() as session:
        shown = rounds.under_review(session)
        return Choices(
            tuple(row.number for row in clip_filters.published(session)),
            shown.number if shown else None,
            clip_filters.deciders(session),
        )


def proposing_round(session: Session, number: int | None) -> Round | None:
    """The round of that number, or the one under review; None where it proposes nothing."""
    if number is None:
        return rounds.under_review(session)
    return clip_filters.by_number(session, number=number)


def _asked(session: Session, which: ClipFilter) -> tuple[dict[str, Any], Round | None]:
    """The conditions of a filter, and the round whose proposals it means."""
    asked = dict(vars(which))
    return asked, proposing_round(session, asked.pop("round_number"))


def _cards(session: Session, which: ClipFilter, **stretch: Any) -> tuple[tuple[ClipCard, ...], int]:
    asked, shown = _asked(session, which)
    names = class_rows.names(session)
    rows, total = repository.page(
        session,
        round_id=shown.id if shown else None,
        iteration=shown.iteration if shown else -1,
        **stretch,
        **asked,
    )
    return tuple(clip_card(row, names, shown) for row in rows), total
