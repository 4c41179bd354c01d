"""What changed between two rounds: how much, from which class to which, and on which clips."""

from dataclasses import dataclass

from app.services.studio import Studio, StudioError
from db.engine import Session
from db.models import Round
from db.repositories import classes, round_changes, rounds

MOST_FLIPS = 200
KINDS = round_changes.KINDS


@dataclass(frozen=True)
class Change:
    """What two rounds say about one clip; was_* is the earlier round, `known` its class, if known."""

    clip_id: int
    key: str
    was: str | None
    now: str | None
    was_confidence: float | None
    now_confidence: float | None
    known: str | None = None

    @property
    def right(self) -> tuple[bool, bool] | None:
        """Whether the earlier and the later round are right, None where the class is not known."""
        return None if self.known is None else (self.was == self.known, self.now == self.known)


@dataclass(frozen=True)
class Flip:
    """Clips that went from one class to another; right_* are of those `known`."""

    was: str
    now: str
    class_ids: tuple[int, int]
    clips: int
    known: int
    right_before: int
    right_now: int


@dataclass(frozen=True)
class RoundDifference:
    """Flipped: proposed by both as another class, accepted in at least one. Gained, dropped: accepted in one
    only. `flips` are the most frequent ones, at most 200."""

    flipped: int
    gained: int
    dropped: int
    flips: tuple[Flip, ...]


def difference(studio: Studio, round_id: int, earlier_id: int) -> RoundDifference:
    """What changed from the earlier round to this one.

    Raises:
        StudioError: one of the rounds is not there.
    """
    with studio.database.read() as session:
        pair = _pair(session, round_id, earlier_id)
        names, found = classes.names(session), round_changes.counts(session, **pair)
        rows = round_changes.flips(session, **pair, limit=MOST_FLIPS) if found["flipped"] else []
    flips = tuple(
        Flip(
            names[row.was_class_id], names[row.now_class_id], (row.was_class_id, row.now_class_id),
            row.clips, row.known, row.right_before, row.right_now,
        )
        for row in rows
    )  # fmt: skip
    return RoundDifference(found["flipped"], found["gained"], found["dropped"], flips)


def changes(studio: Studio, round_id: int, earlier_id: int, kind: str, *, limit: int,
            flip: tuple[int, int] | None = None) -> tuple[Change, ...]:  # fmt: skip
    """Clips that changed, the surest first: "flipped" (one `flip` only, where given), "gained" or "dropped".

    Raises:
        StudioError: one of the rounds is not there.
    """
    with studio.database.read() as session:
        pair = _pair(session, round_id, earlier_id)
        names = classes.names(session)
        rows = round_changes.page(session, **pair, kind=kind, limit=limit, flip=flip)
    return tuple(
        Change(
            row.clip_id, row.key, names.get(row.was_class_id), names.get(row.now_class_id),
            row.was_confidence, row.now_confidence, names.get(row.known_class_id),
        )
        for row in rows
    )  # fmt: skip


def _pair(session: Session, round_id: int, earlier_id: int) -> dict[str, Round]:
    found = [rounds.get(session, round_id=number) for number in (round_id, earlier_id)]
    for number, row in zip((round_id, earlier_id), found, strict=True):
        if row is None:
            raise StudioError(f"There is no round with the id {number}.")
    return {"now_round": found[0], "was_round": found[1]}  # type: ignore[dict-item]
