"""Verdicts: people's decisions on clips, appended and never changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.services import users
from app.services.review_events import ReadVerdict, RefusedEvent, read_event
from app.services.studio import Studio
from db.engine import Session
from db.models import AuditDraw
from db.models.verdicts import DECIDING
from db.repositories import audits, clips, leases, rounds
from db.repositories import classes as class_rows
from db.repositories import verdicts as repository


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
    `accept` takes predicted_class_id as its class where class_id is absent. `blind`: true says that the
    proposal was hidden; on a clip drawn for the audit the verdict then counts for its precision, and what
    was proposed is filled in here.
    A refused event never keeps the others from being saved.

    Raises:
        StudioError: the reviewer is unknown or removed; nothing is saved then.
    """
    saved: list[str] = []
    refused: list[Refusal] = []
    decided: set[int] = set()
    with studio.database.write() as session:
        users.current(session, reviewer_id)
        repository.lock_chain(session)
        class_ids = class_rows.there(session)
        for event in events:
            try:
                verdict = read_event(event)
                if not _is_there(session, verdict, reviewer_id):
                    _check(session, verdict, reviewer_id, class_ids)
                    drawn = _drawn_for_audit(session, verdict) if event.get("blind") is True else None
                    repository.append(session, reviewer_id=reviewer_id, **vars(verdict))
                    if drawn:
                        audits.answer(session, drawn=drawn, uuid=verdict.uuid)
                    decided.add(verdict.clip_id)
                saved.append(str(event["uuid"]))
            except RefusedEvent as refusal:
                refused.append(Refusal(_text(event, "uuid"), str(refusal)))
        leases.lock_queue(session)
        leases.drop(session, reviewer_id=reviewer_id, clip_ids=decided)
    return Recorded(tuple(saved), tuple(refused))


def history(studio: Studio, reviewer_id: int, limit: int = 20) -> tuple[VerdictCard, ...]:
    """This reviewer's verdicts, newest first; undo events show as `undone` on what they undid."""
    with studio.database.read() as session:
        names = class_rows.names(session)
        numbers = {row.id: row.number for row, _, _ in rounds.listing(session)}
        return tuple(
            VerdictCard(
                verdict.uuid, verdict.clip_id, key, verdict.kind,
                verdict.class_id, names.get(verdict.class_id or 0),
                verdict.predicted_class_id, names.get(verdict.predicted_class_id or 0),
                numbers.get(verdict.round_id or 0), undone, verdict.recorded_at,
            )
            for verdict, key, undone in repository.history(session, reviewer_id=reviewer_id, limit=limit)
        )  # fmt: skip


def classes(studio: Studio) -> tuple[tuple[int, str], ...]:
    """Every class that stands as (id, name), in their order."""
    with studio.database.read() as session:
        return tuple((row.id, row.name) for row in class_rows.listing(session))


def _is_there(session: Session, verdict: ReadVerdict, reviewer_id: int) -> bool:
    """Whether this very event was saved before; a retry is no error."""
    known = repository.by_uuid(session, uuids=[verdict.uuid]).get(verdict.uuid)
    if known and known.reviewer_id != reviewer_id:
        raise RefusedEvent(f"The uuid {verdict.uuid} belongs to somebody else's verdict.")
    return known is not None


def _check(session: Session, verdict: ReadVerdict, reviewer_id: int, class_ids: set[int]) -> None:
    """Refuse an event that speaks of things that are not there; an undo takes the clip of what it undoes."""
    if verdict.kind == "undo":
        _check_undo(session, verdict, reviewer_id)
    if clips.get(session, clip_id=verdict.clip_id) is None:
        raise RefusedEvent(f"There is no clip {verdict.clip_id}.")
    for class_id in (verdict.class_id, verdict.predicted_class_id):
        if class_id is not None and class_id not in class_ids:
            raise RefusedEvent(f"There is no class {class_id}.")
    if verdict.round_id is not None and rounds.get(session, round_id=verdict.round_id) is None:
        raise RefusedEvent(f"There is no round {verdict.round_id}.")


def _check_undo(session: Session, verdict: ReadVerdict, reviewer_id: int) -> None:
    wanted = verdict.undoes_uuid or ""
    undone = repository.by_uuid(session, uuids=[wanted]).get(wanted)
    if undone is None:
        raise RefusedEvent(f"There is no verdict {wanted} to undo.")
    if undone.reviewer_id != reviewer_id:
        raise RefusedEvent("Only your own verdicts can be undone.")
    if undone.kind == "undo":
        raise RefusedEvent("An undo can't be undone; decide on the clip again.")
    if repository.is_undone(session, uuid=wanted):
        raise RefusedEvent("That verdict is undone already.")
    verdict.clip_id, verdict.round_id = undone.clip_id, undone.round_id


def _drawn_for_audit(session: Session, verdict: ReadVerdict) -> AuditDraw | None:
    """The draw that a blind verdict answers, with what was proposed filled in; None where there is none."""
    if verdict.kind not in DECIDING or verdict.round_id is None:
        return None
    drawn = audits.get(session, round_id=verdict.round_id, clip_id=verdict.clip_id)
    if drawn is None:
        return None
    meant = class_rows.merged(session).get(drawn.class_id, drawn.class_id)
    verdict.predicted_class_id = meant
    if verdict.class_id is not None:
        verdict.kind = "accept" if verdict.class_id == meant else "correct"
    return drawn


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name) if isinstance(event, Mapping) else None
    return value if isinstance(value, str) else ""
