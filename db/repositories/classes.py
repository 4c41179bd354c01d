"""Classes of actions, what they mean, and the record of how they were changed."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import case, func, literal_column, or_, select, union_all
from sqlalchemy.orm import Session

from db.engine import now, take_turns
from db.models import ActionClass, ClassEvent, Clip, PseudoLabel, RoundClip, Truth, User, Verdict

CLASSES_LOCK = 4_620_007
COLUMNS = ("name", "merged_into_id", "removed", "attributes")

Values = dict[str, dict[str, Any]]


def lock_classes(session: Session) -> None:
    """Let nobody else change classes until the transaction ends."""
    take_turns(session, CLASSES_LOCK)


def every(session: Session) -> list[ActionClass]:
    """Every class there ever was, in their order."""
    return list(session.scalars(select(ActionClass).order_by(ActionClass.position, ActionClass.id)))


def listing(session: Session) -> list[ActionClass]:
    """The classes that stand, in their order: neither merged into another one nor removed."""
    return [row for row in every(session) if row.merged_into_id is None and not row.removed]


def there(session: Session) -> set[int]:
    """Ids of the classes that are not removed, merged ones among them."""
    return set(session.scalars(select(ActionClass.id).where(~ActionClass.removed)))


def names(session: Session) -> dict[int, str]:
    """Class id -> name of the class it means, for every class there ever was, in their order."""
    columns = select(ActionClass.id, ActionClass.name, ActionClass.merged_into_id)
    rows = session.execute(columns.order_by(ActionClass.position, ActionClass.id)).all()
    own = {class_id: name for class_id, name, _ in rows}
    return {class_id: own[merged_into or class_id] for class_id, _, merged_into in rows}


def merged(session: Session) -> dict[int, int]:
    """Id of a class that was merged -> id of the class it means now."""
    rows = select(ActionClass.id, ActionClass.merged_into_id).where(ActionClass.merged_into_id.is_not(None))
    return {row.id: row.merged_into_id for row in session.execute(rows)}


def meaning(column: Any, merges: Mapping[int, int]) -> Any:
    """What a column of class ids means: the column itself with every merged class replaced."""
    if not merges:
        return column
    return case(
        {old: literal_column(str(int(new))) for old, new in merges.items()}, value=column, else_=column
    )


def ensure(session: Session, *, names: Iterable[str]) -> dict[str, int]:
    """Class name -> id, for every class there is; those of `names` that are new are added at the end, and
    one that was removed is there again."""
    wanted, known = list(dict.fromkeys(names)), {row.name: row for row in every(session)}
    last = max((row.position for row in known.values()), default=-1)
    moment = now(session)
    for name in wanted:
        if name in known:
            known[name].removed = False
            continue
        last += 1
        known[name] = ActionClass(name=name, position=last, created_at=moment)
        session.add(known[name])
        session.flush()
    return {name: row.id for name, row in known.items()}


def get(session: Session, *, class_id: int) -> ActionClass | None:
    """The class, None when there is none of that id."""
    return session.get(ActionClass, class_id)


def by_name(session: Session, *, name: str) -> ActionClass | None:
    """The class that bears this name, whether it stands or not; None when there is none."""
    return session.scalar(select(ActionClass).where(ActionClass.name == name))


def merged_into(session: Session, *, class_id: int) -> list[ActionClass]:
    """The classes that were merged into one, by id."""
    rows = select(ActionClass).where(ActionClass.merged_into_id == class_id)
    return list(session.scalars(rows.order_by(ActionClass.id)))


def is_used(session: Session, *, class_id: int) -> bool:
    """Whether a label, a verdict, a proposal or a snapshot names the class."""
    uses = [
        select(column).where(column == class_id).limit(1).subquery()
        for column in (
            Clip.given_class_id, Truth.class_id, PseudoLabel.class_id, RoundClip.class_id, Verdict.class_id,
            Verdict.predicted_class_id,
        )
    ]  # fmt: skip
    found = union_all(*(select(use) for use in uses)).subquery()
    return bool(session.scalar(select(func.count()).select_from(found)))


def change(session: Session, *, after: Values) -> Values:
    """Set columns, class id -> column -> value; returns the values before, in the same form."""
    before: Values = {}
    for name, columns in after.items():
        row = session.get_one(ActionClass, int(name))
        before[name] = {column: getattr(row, column) for column in columns}
        for column, value in columns.items():
            setattr(row, column, value)
    session.flush()
    return before


def add_event(session: Session, *, uuid: str, kind: str, before: Values, after: Values, author_id: int,
              undoes_id: int | None = None) -> ClassEvent:  # fmt: skip
    """Append to the record."""
    row = ClassEvent(
        uuid=uuid, kind=kind, before=before, after=after, undoes_id=undoes_id, author_id=author_id,
        made_at=now(session),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def event_by_uuid(session: Session, *, uuid: str) -> ClassEvent | None:
    """The change of that uuid, None when there is none."""
    return session.scalar(select(ClassEvent).where(ClassEvent.uuid == uuid))


def event(session: Session, *, event_id: int) -> ClassEvent | None:
    """The change of that id, None when there is none."""
    return session.get(ClassEvent, event_id)


def undone(session: Session) -> set[int]:
    """Ids of the changes that an undo names."""
    return set(session.scalars(select(ClassEvent.undoes_id).where(ClassEvent.undoes_id.is_not(None))))


def events(session: Session, *, after_id: int = 0, limit: int | None = None) -> list[tuple[ClassEvent, str]]:
    """Changes after one, with their author's name, newest first."""
    rows = select(ClassEvent, User.name).join(User, User.id == ClassEvent.author_id)
    rows = rows.where(ClassEvent.id > after_id).order_by(ClassEvent.id.desc()).limit(limit)
    return [(row, name) for row, name in session.execute(rows)]


def newest_event(session: Session) -> int:
    """Id of the newest change, 0 before any."""
    return session.scalar(select(func.max(ClassEvent.id))) or 0


def members(session: Session, *, class_id: int) -> list[int]:
    """Ids that mean this class: its own, and those of the classes merged into it."""
    own = or_(ActionClass.id == class_id, ActionClass.merged_into_id == class_id)
    return list(session.scalars(select(ActionClass.id).where(own).order_by(ActionClass.id)))
