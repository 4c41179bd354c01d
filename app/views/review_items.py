"""Review items as the browser's component takes them: plain values, addresses signed."""

from typing import Any

from app.resources import Visit
from app.services import review_queues
from app.services.queue import BareItem, Example, ReviewItem, ReviewQueue

SURENESS = ((0.9, "very sure"), (0.75, "sure"), (0.6, "fairly sure"), (0.4, "unsure"), (0.0, "guessing"))


def sureness(confidence: float) -> str:
    """A confidence in [0, 1] as a word."""
    return next(word for least, word in SURENESS if confidence >= least)


def review_data(
    guest: Visit,
    waiting: ReviewQueue,
    last: tuple[str, ReviewItem | BareItem] | None,
) -> dict[str, Any]:
    """What the review screen shows of a queue; `last` is the verdict that undo takes back
    after a reload, None where the browser knows."""
    shown = [item for item in waiting.items if item.sprite is not None]
    return {
        "scope": f"{guest.studio.settings.project}|{guest.user.id}",
        "examples": {
            str(example.clip_id): _example(guest, item, example)
            for item in (*shown, *([last[1]] if last else []))
            if isinstance(item, ReviewItem)
            for example in item.examples
            if example.sprite
        },
        "items": [review_item(guest, item) for item in shown],
        "threshold": waiting.threshold,
        "reviewed": waiting.reviewed,
        "waiting": waiting.waiting,
        "last": {"uuid": last[0], "item": review_item(guest, last[1])} if last else None,
        "empty_because": waiting.empty_because,
        "unavailable": waiting.unavailable,
        "queue": [waiting.name, waiting.class_id],
        "queues": [list(entry) for entry in review_queues.TITLES.items()],
    }


def review_item(guest: Visit, item: ReviewItem | BareItem) -> dict[str, Any]:
    """One clip to decide on; it has a sprite. Nothing of a hidden proposal goes to the browser."""
    assert item.sprite is not None  # the caller leaves those out
    clip = {
        "clip_id": item.clip_id,
        "name": item.key,
        "sprite": guest.sprite(item.clip_id, item.sha256, item.sprite, item.fps, item.frames),
        "round_id": item.round_id,
        "round_number": item.round_number,
        "reason": item.reason,
    }
    if isinstance(item, BareItem):
        return {**clip, "bare": True, "blind": item.blind, "predicted_class_id": None, "classes": [],
                "nearest": []}  # fmt: skip
    return {
        **clip,
        "embedding": guest.embedding(item.round_number, item.iteration, item.clip_id),
        "features": item.features,
        "predicted_class_id": item.predicted_class_id,
        "predicted_class_name": item.predicted_class_name,
        "confidence": item.confidence,
        "sureness": sureness(item.confidence).capitalize(),
        "accepted": item.accepted,
        "classes": [vars(bar) for bar in item.classes],
        "nearest": [
            {**_example(guest, item, near), "label": near.class_name, "alignability": near.alignability}
            for near in item.nearest
            if near.sprite
        ],
    }


def _example(guest: Visit, item: ReviewItem, example: Example) -> dict[str, Any]:
    """A labelled clip that can be shown beside a clip under review."""
    assert example.sprite is not None  # the caller leaves those out
    return {
        "clip_id": example.clip_id,
        "name": example.key,
        "author": example.author or "imported",
        "thumb": guest.media(example.clip_id, "thumb", example.sha256),
        "sprite": guest.sprite(example.clip_id, example.sha256, example.sprite, example.fps, example.frames),
        "embedding": guest.embedding(item.round_number, item.iteration, example.clip_id),
    }
