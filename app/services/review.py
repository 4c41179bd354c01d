"""Verdicts: people's decisions on clips, appended and never changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.services.studio import Studio


@dataclass(frozen=True)
class Refusal:
    """An event that was not saved, and why; `uuid` is empty when it had none."""

    uuid: str
    reason: str


@dataclass(frozen=True)
class Recorded:
    """What became of a log of events. `saved` holds every uuid that is in the database now, also those that
    were there before; both lists are to be dropped from the browser's log."""

    saved: tuple[str, ...]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True)
class VerdictCard:
    """One verdict as the reviewer sees it in their history."""

    uuid: str
    clip_id: int
    key: str
    kind: str
    class_id: int | None
    class_name: str | None
    predicted_class_id: int | None
    predicted_class_name: str | None
    round_number: int | None
    undone: bool
    recorded_at: datetime


def record(studio: Studio, reviewer_id: int, events: Sequence[Mapping[str, Any]]) -> Recorded:
    """Append the events of a browser's log in their order, in one transaction. Safe to repeat.

    An event holds: uuid, clip_id, kind ("accept", "correct", "reject", "novel", "skip", "flag", "undo") and,
    where they apply, class_id (correct), predicted_class_id, round_id, undoes_uuid (undo), note,
    seconds (time spent), made_at (the browser's clock: ISO text, or milliseconds since 1970).
    `accept` takes predicted_class_id as its class where class_id is absent.
    A refused event never keeps the others from being saved.

    Raises:
        StudioError: the reviewer is unknown or removed; nothing is saved then.
    """
    raise NotImplementedError


def history(studio: Studio, reviewer_id: int, limit: int = 20) -> tuple[VerdictCard, ...]:
    """This reviewer's verdicts, newest first; undo events show as `undone` on what they undid."""
    raise NotImplementedError


def classes(studio: Studio) -> tuple[tuple[int, str], ...]:
    """Every class as (id, name), in their order."""
    raise NotImplementedError
