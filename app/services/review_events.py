"""Reading one event of a browser's log. What comes from a browser may hold anything."""

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

KINDS = ("accept", "correct", "reject", "novel", "skip", "flag", "undo")
LONGEST_NOTE = 2000
LARGEST_ID = 2**31 - 1


class RefusedEvent(Exception):
    """An event that can't be saved; the message is shown to the reviewer."""


@dataclass
class ReadVerdict:
    """An event whose form is sound; whether its ids exist is for the database to say."""

    uuid: str
    clip_id: int
    kind: str
    class_id: int | None
    predicted_class_id: int | None
    round_id: int | None
    undoes_uuid: str | None
    note: str | None
    seconds: float | None
    made_at: datetime


def read_event(event: Mapping[str, Any]) -> ReadVerdict:
    """The event with its form checked.

    A bad clock, duration or note never costs a verdict: they are dropped, or cut to length.

    Raises:
        RefusedEvent: says what is wrong with it.
    """
    if not isinstance(event, Mapping):
        raise RefusedEvent("An event is a table of values, this is none.")
    kind = event.get("kind")
    if kind not in KINDS:
        raise RefusedEvent(f"{str(kind)[:40]!r} is no kind of verdict; choose one of {', '.join(KINDS)}.")
    predicted = _id(event, "predicted_class_id")
    class_id = _id(event, "class_id") if kind in ("accept", "correct") else None
    if kind == "accept" and class_id is None:
        class_id = predicted
    if kind in ("accept", "correct") and class_id is None:
        raise RefusedEvent(f"The verdict {kind!r} names no class.")
    undoes = _uuid(event, "undoes_uuid") if kind == "undo" else None
    clip_id = _id(event, "clip_id")
    if clip_id is None and kind != "undo":
        raise RefusedEvent("The verdict names no clip.")
    return ReadVerdict(
        uuid=_uuid(event, "uuid"),
        clip_id=clip_id or 0,
        kind=kind,
        class_id=class_id,
        predicted_class_id=predicted,
        round_id=_id(event, "round_id"),
        undoes_uuid=undoes,
        note=_note(event.get("note")),
        seconds=_seconds(event.get("seconds")),
        made_at=_moment(event.get("made_at")),
    )


def _uuid(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    try:
        return str(uuid.UUID(value)) if isinstance(value, str) else _refuse(name, value)
    except ValueError:
        return _refuse(name, value)


def _refuse(name: str, value: Any) -> str:
    raise RefusedEvent(f"{name} is {str(value)[:40]!r}; it must be a UUID.")


def _id(event: Mapping[str, Any], name: str) -> int | None:
    value = event.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LARGEST_ID:
        raise RefusedEvent(f"{name} is {str(value)[:40]!r}; it must be a number that the studio gave out.")
    return value


def _note(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    return value.encode("utf-8", "replace").decode().replace("\0", "").strip()[:LONGEST_NOTE] or None


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 <= value < 1e6 else None


def _moment(value: Any) -> datetime:
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        pass  # the browser's clock is broken: ours will do
    return datetime.now(UTC)
