"""Phase marks: where phases begin in clips, as people set them."""

import math
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.services import users
from app.services.review import Recorded, Refusal
from app.services.review_events import LARGEST_ID, RefusedEvent
from app.services.studio import Studio
from db.engine import Session
from db.models import PhaseMark
from db.repositories import clips
from db.repositories import phase_marks as repository
from db.repositories import users as user_rows

LONGEST_NAME = 80


@dataclass(frozen=True)
class MarkCard:
    """One standing mark: a phase begins at `start_frame` of a clip, and lasts until the next mark.

    Args:
        source: "person", or "transferred" while nobody has looked at it.
        from_clip_id: clip it was carried over from, `confidence` in [0, 1] with it; None for one set by hand.
    """

    uuid: str
    clip_id: int
    phase: str
    start_frame: int
    source: str
    from_clip_id: int | None
    confidence: float | None
    author: str


def standing(studio: Studio, clip_ids: Collection[int]) -> tuple[MarkCard, ...]:
    """Marks of these clips that stand, by clip and start frame."""
    with studio.database.read() as session:
        names = {row.id: row.name for row in user_rows.listing(session)}
        found = repository.standing(session, clip_ids=clip_ids)
    return tuple(
        MarkCard(
            mark.uuid, mark.clip_id, mark.phase, mark.start_frame, mark.source, mark.from_clip_id,
            mark.confidence, names.get(mark.author_id, "somebody who left"),
        )
        for marks in found.values()
        for mark in marks
    )  # fmt: skip


def phases(studio: Studio) -> tuple[str, ...]:
    """Names of phases used before, those on most clips first."""
    with studio.database.read() as session:
        return tuple(repository.phases(session))


def record(studio: Studio, user_id: int, events: Sequence[Mapping[str, Any]]) -> Recorded:
    """Take over the events of a browser's log in their order, in one transaction. Safe to repeat.

    An event holds its uuid and a kind. "mark" sets a phase's begin in a clip, in place of where it began
    before: clip_id, phase, start_frame, and, for one carried over, from_clip_id and confidence. "unmark"
    takes the mark `mark_uuid` away.

    Raises:
        StudioError: the person is unknown or removed; nothing is saved then.
    """
    saved: list[str] = []
    refused: list[Refusal] = []
    with studio.database.write() as session:
        users.current(session, user_id)
        repository.lock_marks(session)
        for event in events:
            try:
                _take(session, user_id, event)
                saved.append(str(event["uuid"]))
            except RefusedEvent as refusal:
                refused.append(Refusal(_text(event, "uuid"), str(refusal)))
    return Recorded(tuple(saved), tuple(refused))


def _take(session: Session, user_id: int, event: Mapping[str, Any]) -> None:
    if not isinstance(event, Mapping):
        raise RefusedEvent("An event is a table of values, this is none.")
    name = _uuid(event, "uuid")
    if event.get("kind") == "unmark":
        mark = repository.by_uuid(session, uuid=_uuid(event, "mark_uuid"))
        if mark is None:
            raise RefusedEvent("There is no such mark.")
        repository.remove(session, mark_ids=[mark.id], removed_by=user_id)
    elif event.get("kind") == "mark":
        if repository.by_uuid(session, uuid=name) is None:
            _mark(session, user_id, name, event)
    else:
        raise RefusedEvent(f"{str(event.get('kind'))[:40]!r} is no kind of event; choose mark or unmark.")


def _mark(session: Session, user_id: int, name: str, event: Mapping[str, Any]) -> None:
    clip_id, phase = _whole(event, "clip_id"), phase_name(event.get("phase"))
    start, source = _whole(event, "start_frame"), event.get("from_clip_id")
    clip = clips.get(session, clip_id=clip_id)
    if clip is None or clip.frames is None:
        raise RefusedEvent(f"There is no readable clip {clip_id}.")
    if start >= clip.frames:
        raise RefusedEvent(f"{clip.key} has frames 0 to {clip.frames - 1}; {start} is none of them.")
    if source is not None and clips.get(session, clip_id=_whole(event, "from_clip_id")) is None:
        raise RefusedEvent(f"There is no clip {source}.")
    marks = repository.standing(session, clip_ids=[clip_id]).get(clip_id, [])
    taken = next((mark for mark in marks if mark.start_frame == start and mark.phase != phase), None)
    if taken:
        raise RefusedEvent(f"{taken.phase} begins at frame {start + 1} already; move one of the two.")
    repository.remove(session, mark_ids=_ids(marks, phase), removed_by=user_id)
    row = {
        "uuid": name,
        "clip_id": clip_id,
        "phase": phase,
        "start_frame": start,
        "source": "person",
        "from_clip_id": source,
        "confidence": None if source is None else _share(event.get("confidence")),
    }
    repository.add(session, author_id=user_id, rows=[row])


def _ids(marks: Sequence[PhaseMark], phase: str) -> list[int]:
    return [mark.id for mark in marks if mark.phase == phase]


def phase_name(value: Any) -> str:
    """A phase's name without stray spaces and unseen characters.

    Raises:
        RefusedEvent: it is no text, empty, or too long.
    """
    text = value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
    name = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    if not name or len(name) > LONGEST_NAME:
        raise RefusedEvent(f"A phase needs a name of 1 to {LONGEST_NAME} characters.")
    return name


def _uuid(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    try:
        return str(uuid.UUID(value if isinstance(value, str) else ""))
    except ValueError:
        raise RefusedEvent(f"{name} is {str(value)[:40]!r}; it must be a UUID.") from None


def _whole(event: Mapping[str, Any], name: str) -> int:
    value = event.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_ID:
        raise RefusedEvent(f"{name} is {str(value)[:40]!r}; it must be a whole number from 0.")
    return value


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RefusedEvent("A mark that was carried over needs its confidence.")
    return min(1.0, max(0.0, float(value)))


def _text(event: Any, name: str) -> str:
    value = event.get(name) if isinstance(event, Mapping) else None
    return value if isinstance(value, str) else ""
