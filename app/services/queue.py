"""What to look at next: the pseudo-labels of the round under review, the least certain first."""

from collections.abc import Collection
from dataclasses import dataclass

from app.services.datasets import Sprite
from app.services.studio import Studio


@dataclass(frozen=True)
class ClassBar:
    """One class on the review screen: p_E, alignability S̄_c, and the combined probability, each in [0, 1]."""

    class_id: int
    name: str
    action: float
    alignability: float
    combined: float


@dataclass(frozen=True)
class Neighbour:
    """A labelled clip that aligns well with the clip under review."""

    clip_id: int
    key: str
    class_id: int
    class_name: str
    alignability: float
    sha256: str
    sprite: Sprite | None


@dataclass(frozen=True)
class ReviewItem:
    """One clip to decide on, with everything its screen shows. `sha256` names the canonical clip and its
    media; `classes` are the nine best by combined probability, best first; `nearest` the best five."""

    clip_id: int
    key: str
    sha256: str
    sprite: Sprite | None
    frames: int
    fps: float
    round_id: int
    round_number: int
    predicted_class_id: int
    predicted_class_name: str
    confidence: float
    alignability: float
    accepted: bool
    reason: str
    classes: tuple[ClassBar, ...]
    nearest: tuple[Neighbour, ...]


@dataclass(frozen=True)
class ReviewQueue:
    """The next items of one reviewer.

    Args:
        items: leased to this reviewer for ten minutes; asking again renews the lease.
        waiting: clips of the round still to be decided on, by anyone.
        reviewed: clips of the round that were decided on.
        round_id, round_number: the round under review, None before the first pseudo-labels.
        order: how the queue is sorted, in words.
        empty_because: why `items` is empty and what to do, None when it is not.
    """

    items: tuple[ReviewItem, ...]
    waiting: int
    reviewed: int
    round_id: int | None
    round_number: int | None
    order: str
    empty_because: str | None


def next_items(
    studio: Studio, reviewer_id: int, limit: int = 8, exclude: Collection[int] = ()
) -> ReviewQueue:
    """The next clips for this reviewer, leased so that nobody else gets them.

    `exclude` names clips the reviewer's browser holds verdicts on that are not saved yet.

    Raises:
        StudioError: the reviewer is unknown or removed.
    """
    raise NotImplementedError


def item(studio: Studio, reviewer_id: int, clip_id: int) -> ReviewItem | None:
    """One clip by its id, whatever was decided on it before; None without a pseudo-label under review."""
    raise NotImplementedError
