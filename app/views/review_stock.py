"""What a reviewer's browser was given to decide on. A verdict takes its clip out, and asks for no other."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from app.resources import Visit
from app.services import queue, review
from app.services.queue import BareItem, ReviewItem
from app.services.review import Recorded
from app.services.studio import Studio
from app.views.class_search import class_search
from app.views.review_items import review_data

AHEAD = 24  # clips the browser holds, so that a quick hand never waits for the server
FEWEST = 12  # clips ahead below which more are fetched
RENEW_AFTER = 60.0  # seconds; leases live on, and what others did shows
SETTING_ASIDE = ("skip", "flag")


class ReviewStock:
    """The data of one person's review screen in one tab."""

    def __init__(self) -> None:
        self._data: dict[str, Any] | None = None
        self._recorded = Recorded((), ())
        self._asked = 0.0
        self._knows_last = False

    def forget(self) -> None:
        """The browser that asks may know nothing: begin anew."""
        self._data, self._knows_last = None, False

    def record(self, studio: Studio, reviewer_id: int, events: Sequence[Mapping[str, Any]]) -> None:
        """Save the browser's log, and take the clips that it decides on out.

        Raises:
            StudioError: the reviewer is unknown or removed; nothing is saved then.
        """
        self._recorded = review.record(studio, reviewer_id, events)
        self._knows_last = True
        if self._data is None:
            return
        if self._recorded.refused or any(event.get("kind") == "undo" for event in events):
            self._data = None  # a clip comes back
            return
        kinds = {event.get("clip_id"): event.get("kind") for event in events}
        gone = [item["clip_id"] for item in self._data["items"] if item["clip_id"] in kinds]
        self._data["items"] = [item for item in self._data["items"] if item["clip_id"] not in kinds]
        decided = sum(kinds[clip_id] not in SETTING_ASIDE for clip_id in gone)
        self._data["reviewed"] += decided
        self._data["waiting"] -= decided

    def data(self, guest: Visit, name: str, class_id: int | None) -> dict[str, Any]:
        """Everything the review screen shows of a queue."""
        if self._data is None or self._data["queue"] != [name, class_id] or self._is_low():
            self._asked = time.monotonic()
            found = queue.next_items(guest.studio, guest.user.id, limit=AHEAD, name=name, class_id=class_id)
            last = None if self._knows_last else last_verdict(guest)
            self._data = review_data(guest, found, last) | class_search(guest.studio)
        refused = [[refusal.uuid, refusal.reason] for refusal in self._recorded.refused]
        return {**self._data, "acknowledged": list(self._recorded.saved), "refused": refused}

    def _is_low(self) -> bool:
        assert self._data is not None
        return len(self._data["items"]) < FEWEST or time.monotonic() - self._asked > RENEW_AFTER


def last_verdict(guest: Visit) -> tuple[str, ReviewItem | BareItem] | None:
    """The newest verdict of this person that stands, with its clip: what undo takes back after a reload."""
    for verdict in review.history(guest.studio, guest.user.id, limit=5):
        if not verdict.undone:
            item = queue.decided(guest.studio, guest.user.id, verdict.clip_id, verdict.uuid)
            return (verdict.uuid, item) if item and item.sprite else None
    return None
