"""Classes are created, renamed, merged and described, by admins; every change is on record and can be undone.

Each change takes a `uuid` of the client's, so that a retry changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.services.class_attributes import Attributes, read_attributes
from app.services.studio import Studio, StudioError
from app.services.users import admin
from db.engine import Session
from db.models import ActionClass, ClassEvent
from db.repositories import classes as repository
from db.repositories import clips, verdicts

LONGEST_NAME = 120


@dataclass(frozen=True)
class ClassChange:
    """One change on record. `words` tell it with the names of then; `undone` once it was taken back."""

    id: int
    kind: str
    words: str
    class_ids: tuple[int, ...]
    author: str
    made_at: datetime
    undone: bool


def create(studio: Studio, user_id: int, name: str, uuid: str) -> int:
    """Add a class at the end of the list; returns its id.

    Raises:
        StudioError: the person is no admin, or the name is bad or taken.
    """
    with studio.database.write() as session:
        if done := _open(session, user_id, "create classes", uuid):
            return int(next(iter(done.after)))
        name = _usable_name(session, name)
        class_id = repository.ensure(session, names=[name])[name]
        before = {str(class_id): {"removed": True}}
        after = {str(class_id): {"removed": False, "name": name}}
        repository.add_event(session, uuid=uuid, kind="create", before=before, after=after, author_id=user_id)
        return class_id


def rename(studio: Studio, user_id: int, class_id: int, name: str, uuid: str) -> None:
    """Give a class another name; it keeps its id and all that belongs to it.

    Raises:
        StudioError: the person is no admin, there is no such class, or the name is bad or taken.
    """
    with studio.database.write() as session:
        if _open(session, user_id, "rename classes", uuid):
            return
        row = _standing(session, class_id)
        name = _usable_name(session, name, of=row)
        if name == row.name:
            raise StudioError(f"The class is called {name!r} already.")
        _apply(session, "rename", {str(class_id): {"name": name}}, user_id, uuid)


def merge(studio: Studio, user_id: int, class_id: int, into_id: int, uuid: str) -> None:
    """Let a class mean another one from now on, wherever it is read; no verdict changes.

    Raises:
        StudioError: the person is no admin, one of the classes does not stand, or both are one.
    """
    with studio.database.write() as session:
        if _open(session, user_id, "merge classes", uuid):
            return
        row, into = _standing(session, class_id), _standing(session, into_id)
        if row.id == into.id:
            raise StudioError(f"{row.name!r} can't be merged into itself; choose another class.")
        along = repository.merged_into(session, class_id=class_id)
        after = {str(one.id): {"merged_into_id": into_id} for one in (row, *along)}
        _apply(session, "merge", after, user_id, uuid)


def set_attributes(studio: Studio, user_id: int, attributes: Attributes, uuid: str) -> int:
    """Set the attributes of classes, each class's as a whole; returns how many classes changed.

    Raises:
        StudioError: the person is no admin, there is no such class, or a value is too long.
    """
    with studio.database.write() as session:
        if done := _open(session, user_id, "describe classes", uuid):
            return len(done.after)
        known = {row.id: row for row in repository.listing(session)}
        after = {}
        for class_id, values in attributes.items():
            if class_id not in known:
                raise StudioError(f"There is no class {class_id}; load the page again.")
            wanted = read_attributes(values)
            if wanted != known[class_id].attributes:
                after[str(class_id)] = {"attributes": wanted}
        if after:
            _apply(session, "attributes", after, user_id, uuid)
        return len(after)


def undo(studio: Studio, user_id: int, event_id: int, uuid: str) -> None:
    """Take a change back.

    Raises:
        StudioError: the person is no admin, or the change can't be taken back; says what to do first.
    """
    with studio.database.write() as session:
        if _open(session, user_id, "undo changes of classes", uuid):
            return
        event = repository.event(session, event_id=event_id)
        if event is None or event.kind == "undo":
            raise StudioError("There is no such change to undo; make the change anew instead.")
        names = {row.id: row.name for row in repository.every(session)}
        gone = repository.undone(session)
        if event.id in gone:
            raise StudioError(f"That is undone already: {_words(event, names)}.")
        for later, _ in repository.events(session, after_id=event.id):
            if later.kind != "undo" and later.id not in gone and _touched(later) & set(event.after):
                raise StudioError(f"First undo what came after it: {_words(later, names)}.")
        _check_undo(session, event)
        before = repository.change(session, after=event.before)
        repository.add_event(
            session, uuid=uuid, kind="undo", before=before, after=event.before, author_id=user_id,
            undoes_id=event.id,
        )  # fmt: skip


def history(studio: Studio, limit: int = 50) -> tuple[ClassChange, ...]:
    """Changes without the undo events, newest first."""
    with studio.database.read() as session:
        names = {row.id: row.name for row in repository.every(session)}
        gone = repository.undone(session)
        found = [pair for pair in repository.events(session, limit=2 * limit) if pair[0].kind != "undo"]
    return tuple(
        ClassChange(
            event.id, event.kind, _words(event, names), tuple(map(int, event.after)), author, event.made_at,
            event.id in gone,
        )
        for event, author in found[:limit]
    )  # fmt: skip


def newest(studio: Studio) -> int:
    """Number of the newest change, 0 before any."""
    with studio.database.read() as session:
        return repository.newest_event(session)


def _open(session: Session, user_id: int, to: str, uuid: str) -> ClassEvent | None:
    """Check who asks and wait for others; returns the change if it was made before."""
    admin(session, user_id, to)
    repository.lock_classes(session)
    clips.lock_imports(session)  # an import adds classes too
    return repository.event_by_uuid(session, uuid=uuid)


def _apply(session: Session, kind: str, after: dict[str, dict[str, Any]], user_id: int, uuid: str) -> None:
    before = repository.change(session, after=after)
    repository.add_event(session, uuid=uuid, kind=kind, before=before, after=after, author_id=user_id)


def _standing(session: Session, class_id: int) -> ActionClass:
    row = repository.get(session, class_id=class_id)
    if row is None or row.removed or row.merged_into_id is not None:
        raise StudioError(f"There is no class {class_id} any more; load the page again.")
    return row


def _usable_name(session: Session, name: str, of: ActionClass | None = None) -> str:
    """The name without spaces around it, once it may be given to a new class, or to `of`."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        shown = name if len(name) <= 40 else f"{name[:40]} ..."
        raise StudioError(f"{shown!r} is no name for a class; use 1 to {LONGEST_NAME} visible characters.")
    rows = repository.every(session)
    own = {row.id: row.name for row in rows}
    for row in sorted(rows, key=lambda row: row.name != name):
        if (of is not None and row.id == of.id) or row.name.casefold() != name.casefold():
            continue
        if row.merged_into_id is not None:
            raise StudioError(
                f"{row.name!r} was merged into {own[row.merged_into_id]!r}. Undo that merge, or choose "
                "another name."
            )
        if not row.removed:
            raise StudioError(f"There is a class {row.name!r} already; use it, or choose another name.")
        if of is not None or row.name != name:
            raise StudioError(f"{row.name!r} was a class once. Create it again, or choose another name.")
    return name


def _check_undo(session: Session, event: ClassEvent) -> None:
    for class_id, values in event.before.items():
        if values.get("removed"):
            verdicts.lock_chain(session)  # a verdict given meanwhile would name it
            if repository.is_used(session, class_id=int(class_id)):
                raise StudioError("Clips or verdicts name this class by now; merge it into another one.")
        bearer = repository.by_name(session, name=values["name"]) if "name" in values else None
        if bearer is not None and bearer.id != int(class_id):
            raise StudioError(f"Another class is called {bearer.name!r} by now; rename that one first.")


def _touched(event: ClassEvent) -> set[str]:
    """Ids of the classes that a change has to do with, as text."""
    into = (values.get("merged_into_id") for values in event.after.values())
    return {*event.after, *(str(class_id) for class_id in into if class_id is not None)}


def _words(event: ClassEvent, names: Mapping[int, str]) -> str:
    first, values = next(iter(event.after.items()))
    name = names.get(int(first), first)
    match event.kind:
        case "create":
            return f"created {values['name']!r}"
        case "rename":
            return f"renamed {event.before[first]['name']!r} to {values['name']!r}"
        case "merge":
            return f"merged {name!r} into {names.get(values['merged_into_id'], '?')!r}"
        case _:
            more = f" and {len(event.after) - 1} more" if len(event.after) > 1 else ""
            return f"described {name!r}{more}"
