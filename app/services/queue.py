"""What to look at next: clips of the round under review in the order of a queue, one in ten blind."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from app.services import review_queues
from app.services.review_items import (
    BareItem,
    ClassBar,
    Example,
    Neighbour,
    ReviewItem,
    bare_item,
    review_items,
)
from app.services.studio import Studio
from app.services.users import current
from db.engine import Session
from db.models import Round
from db.repositories import audits, clips, jobs, leases, pseudo_labels, rounds, verdicts

__all__ = [
    "BareItem",
    "ClassBar",
    "Example",
    "Neighbour",
    "ReviewItem",
    "ReviewQueue",
    "item",
    "leave",
    "next_items",
]

BLIND_EVERY = 10  # items of which one is a blind check
BLIND = "Drawn at random from the accepted labels; what was proposed stays hidden."

Item = ReviewItem | BareItem
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class ReviewQueue:
    """The next items of one reviewer.

    Args:
        items: leased to this reviewer for ten minutes; asking again renews the lease.
        waiting: clips of the round still to be decided on, by anyone.
        reviewed: clips of the round that were decided on.
        round_id, round_number: the round under review, None before the first pseudo-labels.
        threshold: least confidence of its accepted labels.
        name: the queue; one of `review_queues.TITLES`.
        class_id: the class of the queue "class".
        empty_because: why `items` is empty and what to do, None when it is not.
        unavailable: why this queue can't be had in this round, None where it can. No other one takes its
            place.
    """

    items: tuple[Item, ...]
    waiting: int
    reviewed: int
    round_id: int | None
    round_number: int | None
    threshold: float | None
    name: str
    class_id: int | None
    empty_because: str | None
    unavailable: str | None = None


def next_items(
    studio: Studio,
    reviewer_id: int,
    limit: int = 8,
    exclude: Collection[int] = (),
    name: str = review_queues.DEFAULT,
    class_id: int | None = None,
) -> ReviewQueue:
    """The next clips of a queue for this reviewer, leased so that nobody else gets them.

    About every tenth is a blind check, in queues of proposals; clips drawn for one come up in no other way.
    Skipped and flagged clips come back at the end, to the reviewer who set them aside.
    `exclude` names clips the reviewer's browser holds verdicts on that are not saved yet.

    Raises:
        StudioError: the reviewer is unknown or removed.
    """
    wanted = (reviewer_id, limit, exclude, name, class_id)
    with studio.database.read() as session:
        found = _choose(session, *wanted)
    if not found.items:
        return found
    with studio.database.write() as session:  # held for a moment only: many people ask
        leases.lock_queue(session)
        items = _still_free(session, reviewer_id, found)
        if not items:  # others were quicker with every one of them
            found = _choose(session, *wanted)
            items = found.items
        leases.take(session, reviewer_id=reviewer_id, clip_ids=[each.clip_id for each in items])
    return replace(found, items=items)


def _choose(
    session: Session, reviewer_id: int, limit: int, exclude: Collection[int], name: str, class_id: int | None
) -> ReviewQueue:
    """What the queue has for this reviewer now; others may be quicker to take it, unless it is locked."""
    current(session, reviewer_id)
    row = rounds.under_review(session)
    if row is None:
        return ReviewQueue((), 0, 0, None, None, None, name, class_id, _why_no_round(session))
    waiting, reviewed = pseudo_labels.review_counts(session, row=row)
    threshold = row.config["pseudo_labels"]["threshold"]
    about = (waiting, reviewed, row.id, row.number, threshold, name, class_id)
    if reason := review_queues.unavailable(session, row, name, class_id):
        return ReviewQueue((), *about, reason, reason)
    taken = leases.held_by_others(session, reviewer_id=reviewer_id) | set(exclude)
    found = review_queues.find(session, row, reviewer_id, name, class_id, limit, taken)
    items: Sequence[Item] = (
        *review_items(session, row, found.proposals, found.reasons),
        *(bare_item(row, clip, blind=False, reason=found.reasons[clip.id]) for clip in found.bare),
    )
    if name in review_queues.AUDITED:
        blind = _blind(session, row, reviewer_id, limit, taken)
        done = verdicts.count_events(session, reviewer_id=reviewer_id, round_id=row.id)
        spare = blind if name in review_queues.WHOLE else blind[: len(items)]
        items = list(_one_in_ten(items, spare, done + _offset(row, reviewer_id)))
    items = tuple(items[:limit])
    return ReviewQueue(items, *about, None if items else _why_empty(name, waiting))


def _still_free(session: Session, reviewer_id: int, found: ReviewQueue) -> tuple[Item, ...]:
    """The items that nobody took or decided on since they were chosen."""
    gone = leases.held_by_others(session, reviewer_id=reviewer_id)
    if found.name in review_queues.AUDITED and found.round_id is not None:
        clip_ids = [each.clip_id for each in found.items]
        gone |= pseudo_labels.settled_among(session, round_id=found.round_id, clip_ids=clip_ids)
    return tuple(each for each in found.items if each.clip_id not in gone)


def item(studio: Studio, reviewer_id: int, clip_id: int) -> ReviewItem | None:
    """One clip by its id, whatever was decided on it before; None without a pseudo-label under review."""
    with studio.database.read() as session:
        current(session, reviewer_id)
        row = rounds.under_review(session)
        found = pseudo_labels.get(session, row=row, clip_id=clip_id) if row else None
        return review_items(session, row, [found])[0] if row and found else None


def decided(studio: Studio, reviewer_id: int, clip_id: int, uuid: str) -> Item | None:
    """The clip of a verdict of this reviewer as the review screen showed it: blind, where it was judged so.

    None where it can't be shown any more: the round under review proposes nothing for it.
    """
    with studio.database.read() as session:
        current(session, reviewer_id)
        row = rounds.under_review(session)
        found = pseudo_labels.get(session, row=row, clip_id=clip_id) if row else None
        if row is None or found is None:
            return None
        drawn = audits.get(session, round_id=row.id, clip_id=clip_id)
        unseen = drawn is not None and (drawn.answer_uuid in (None, uuid))
        if unseen:
            return bare_item(row, found[1], blind=True, reason=BLIND)
        return review_items(session, row, [found])[0]


def leave(studio: Studio, reviewer_id: int) -> None:
    """Give back the clips that wait for a reviewer, who goes on in another queue."""
    with studio.database.write() as session:
        current(session, reviewer_id)
        leases.lock_queue(session)
        leases.drop_all(session, reviewer_id=reviewer_id)


def _blind(
    session: Session, row: Round, reviewer_id: int, limit: int, taken: Collection[int]
) -> list[BareItem]:
    """Blind checks for this reviewer; those set aside come last."""
    aside = verdicts.skipped(session, reviewer_id=reviewer_id, round_id=row.id)
    drawn = audits.waiting(session, row=row, limit=limit + len(aside), without=taken)
    drawn.sort(key=lambda clip: clip.id in aside)
    return [bare_item(row, clip, blind=True, reason=BLIND) for clip in drawn[:limit]]


def _one_in_ten(items: Sequence[Thing], blind: Sequence[Thing], start: int) -> Iterator[Thing]:
    """Items with a blind one wherever the count from `start` divides by ten, and the rest of both at the end.

    The count includes what the reviewer has done, so that an item keeps its place while those before it go.
    """
    left, hidden, place = list(items), list(blind), start
    while left or hidden:
        yield (
            hidden.pop(0) if hidden and (place % BLIND_EVERY == BLIND_EVERY - 1 or not left) else left.pop(0)
        )
        place += 1


def _offset(row: Round, reviewer_id: int) -> int:
    """Where this reviewer's first blind check stands, so that nobody can tell which it is."""
    return hashlib.sha256(f"offset|{row.id}|{reviewer_id}".encode()).digest()[0] % BLIND_EVERY


def _why_no_round(session: Session) -> str:
    counts = clips.counts(session)
    if not counts["clips"]:
        return "There are no clips yet. Import a folder on the Transfer page."
    if counts["reading"]:
        return "The clips are still being read. Pseudo-labels come after the first round; see Today."
    if jobs.running(session, kind="round"):
        return "The first round is at work; its pseudo-labels appear here as soon as they exist."
    return "No round has proposed labels yet. Start one on the Rounds page."


def _why_empty(name: str, waiting: int) -> str:
    if name not in review_queues.WHOLE:
        return (
            f"Nothing is in the queue \u201c{review_queues.TITLES[name]}\u201d now. Choose another one above."
        )
    if waiting:
        return "Other reviewers are looking at the last clips. They come back here if left undecided."
    return "Every clip of this round is decided on. Start the next round on the Rounds page."
