"""Review items as the browser's component takes them: plain values, addresses signed."""

from typing import Any

from app.resources import Visit
from app.services.queue import Neighbour, ReviewItem, ReviewQueue
from app.services.review import Recorded

SURENESS = ((0.9, "very sure"), (0.75, "sure"), (0.6, "fairly sure"), (0.4, "unsure"), (0.0, "guessing"))


def sureness(confidence: float) -> str:
    """A confidence in [0, 1] as a word."""
    return next(word for least, word in SURENESS if confidence >= least)


def review_data(
    guest: Visit,
    waiting: ReviewQueue,
    recorded: Recorded,
    *,
    threshold: float,
    classes: tuple[tuple[int, str], ...],
    last: dict[str, Any] | None,
) -> dict[str, Any]:
    """Everything the review screen shows; `last` is the verdict that undo takes back after a reload."""
    return {
        "scope": f"{guest.studio.settings.project}|{guest.user.id}",
        "items": [item for item in (review_item(guest, each) for each in waiting.items) if item],
        "classes": [list(entry) for entry in classes],
        "acknowledged": list(recorded.saved),
        "refused": [[refusal.uuid, refusal.reason] for refusal in recorded.refused],
        "threshold": threshold,
        "reviewed": waiting.reviewed,
        "waiting": waiting.waiting,
        "last": last,
        "empty_because": waiting.empty_because,
    }


def review_item(guest: Visit, item: ReviewItem) -> dict[str, Any] | None:
    """One clip to decide on; None where its pictures are gone."""
    if item.sprite is None:
        return None
    return {
        "clip_id": item.clip_id,
        "name": item.key,
        "sprite": guest.sprite(item.clip_id, item.sha256, item.sprite, item.fps),
        "round_id": item.round_id,
        "round_number": item.round_number,
        "predicted_class_id": item.predicted_class_id,
        "predicted_class_name": item.predicted_class_name,
        "confidence": item.confidence,
        "sureness": sureness(item.confidence).capitalize(),
        "accepted": item.accepted,
        "reason": item.reason,
        "classes": [vars(bar) for bar in item.classes],
        "nearest": [_neighbour(guest, near, item.fps) for near in item.nearest if near.sprite],
    }


def _neighbour(guest: Visit, near: Neighbour, fps: float) -> dict[str, Any]:
    assert near.sprite is not None  # the caller leaves those out
    return {
        "clip_id": near.clip_id,
        "label": near.class_name,
        "alignability": near.alignability,
        "sprite": guest.sprite(near.clip_id, near.sha256, near.sprite, fps),
    }
