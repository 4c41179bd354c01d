"""Classes as pages show them: counts, alignability, rivals, confusion and recent verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.services.alignabilities import Alignabilities
from app.services.studio import Studio
from db.repositories import class_counts, classes, clips, rounds, verdicts

RIVALS = 3


@dataclass(frozen=True)
class Rival:
    """Another class, and how well the clips of this one align with its exemplars (mean S̄, in [0, 1])."""

    class_id: int
    name: str
    score: float


@dataclass(frozen=True)
class ClassCard:
    """One class.

    Args:
        merged: names of the classes that were merged into it.
        labelled: training clips that people labelled with it.
        accepted: clips whose proposal as this class was accepted and that nobody has decided on.
        waiting: clips proposed as this class that nobody has decided on, accepted or not.
        test: test clips known to be of it.
        alignability: mean S̄ of its clips with its own exemplars, None where not measured.
        measured_on: clips behind that.
        rivals: the classes it is closest to, closest first.
    """

    id: int
    name: str
    attributes: Mapping[str, str]
    merged: tuple[str, ...]
    labelled: int
    accepted: int
    waiting: int
    test: int
    alignability: float | None
    measured_on: int
    rivals: tuple[Rival, ...]


@dataclass(frozen=True)
class Mixed:
    """Clips that were said to be one class and are another; equal where it was right.

    Args:
        said_id: class that was proposed, or predicted.
        is_id: class it is, None where people gave none.
        kind: "class", or what people said instead: "reject" or "novel".
    """

    said_id: int
    said: str
    is_id: int | None
    is_name: str | None
    kind: str
    clips: int


@dataclass(frozen=True)
class ClassConfusion:
    """What goes wrong with a class, the most frequent first; right ones are among them.

    Args:
        reviewed: proposals against the verdicts that stand, where either side is this class.
        tested: predictions of the round under review on test clips against what they are.
    """

    reviewed: tuple[Mixed, ...]
    tested: tuple[Mixed, ...]


@dataclass(frozen=True)
class ClassVerdict:
    """A verdict that names the class, or answers a proposal of it."""

    clip_id: int
    key: str
    reviewer: str
    kind: str
    class_name: str | None
    predicted_name: str | None
    undone: bool
    recorded_at: datetime


def listing(studio: Studio, measured: Alignabilities | None) -> tuple[ClassCard, ...]:
    """Every class that stands, in their order; `measured` comes from `alignabilities`."""
    with studio.database.read() as session:
        row = rounds.under_review(session)
        labelled, test = class_counts.labelled(session), class_counts.test(session)
        accepted, waiting = class_counts.proposed(session, row=row) if row else (labelled - labelled,) * 2
        own = {one.id: one.name for one in classes.every(session)}
        gone: dict[int, list[str]] = {}
        for merged_id, class_id in classes.merged(session).items():
            gone.setdefault(class_id, []).append(own[merged_id])
        standing = classes.listing(session)
    cards = []
    for one in standing:
        known = measured if measured and one.id in measured.class_ids else None
        rivals = known.rivals(one.id, RIVALS) if known else ()
        cards.append(
            ClassCard(
                id=one.id,
                name=one.name,
                attributes=one.attributes,
                merged=tuple(sorted(gone.get(one.id, ()))),
                labelled=labelled[one.id],
                accepted=accepted[one.id],
                waiting=waiting[one.id],
                test=test[one.id],
                alignability=known.own(one.id) if known else None,
                measured_on=int(known.clips[known.class_ids.index(one.id)]) if known else 0,
                rivals=tuple(Rival(other, own[other], score) for other, score in rivals),
            )
        )
    return tuple(cards)


def standing_for(studio: Studio, class_id: int) -> int | None:
    """The class that an id means: itself, the one it was merged into, None where there is none."""
    with studio.database.read() as session:
        meant = classes.merged(session).get(class_id, class_id)
        return meant if meant in {one.id for one in classes.listing(session)} else None


def confusion(studio: Studio, class_id: int) -> ClassConfusion:
    """What the class is taken for, and what is taken for it."""
    with studio.database.read() as session:
        row = rounds.under_review(session)
        names = classes.names(session)
        answers = class_counts.answers(session)
        tested = class_counts.tested(session, round_id=row.id) if row else {}
    reviewed = [
        Mixed(said, names[said], is_it, names.get(is_it or 0), "class" if is_it else kind, count)
        for (said, kind, is_it), count in _joined(answers).items()
        if class_id in (said, is_it)
    ]
    on_test = [
        Mixed(said, names[said], is_it, names[is_it], "class", count)
        for (said, is_it), count in tested.items()
        if class_id in (said, is_it)
    ]
    return ClassConfusion(*(tuple(sorted(rows, key=_most_first)) for rows in (reviewed, on_test)))


def recent_verdicts(studio: Studio, class_id: int, limit: int = 10) -> tuple[ClassVerdict, ...]:
    """The newest verdicts on a class, of anyone, without the undo events."""
    with studio.database.read() as session:
        names = classes.names(session)
        ids = classes.members(session, class_id=class_id)
        return tuple(
            ClassVerdict(
                verdict.clip_id, key, reviewer, verdict.kind, names.get(verdict.class_id or 0),
                names.get(verdict.predicted_class_id or 0), undone, verdict.recorded_at,
            )
            for verdict, key, reviewer, undone in verdicts.of_classes(session, class_ids=ids, limit=limit)
        )  # fmt: skip


def uses(studio: Studio, class_id: int) -> int:
    """Clips that people labelled with a class: those that a merge moves."""
    with studio.database.read() as session:
        _, total = clips.page(session, round_id=None, iteration=-1, class_id=class_id, limit=0)
        return total


def _joined(answers: Mapping[tuple[int, str, int | None], int]) -> dict[tuple[int, str, int | None], int]:
    """Accepting and correcting to a class are one answer."""
    found: dict[tuple[int, str, int | None], int] = {}
    for (said, kind, is_it), count in answers.items():
        key = (said, "class" if is_it is not None else kind, is_it)
        found[key] = found.get(key, 0) + count
    return found


def _most_first(mixed: Mixed) -> tuple[int, str, str]:
    return -mixed.clips, mixed.said, mixed.is_name or ""
