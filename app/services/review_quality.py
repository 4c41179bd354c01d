"""How reviewing goes: blind checks and what they found, conflicts, time per clip, and habits."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.services.agreement import Z
from app.services.round_cards import Measured, measured
from app.services.studio import Studio
from db.engine import Session
from db.models.verdicts import DECIDING
from db.repositories import classes, clips, review_queues, review_work, rounds
from db.repositories.review_queues import Opinion
from db.repositories.review_work import Check, Pace

WITHIN = 0.05  # the precision is known well enough within 5 points either way
BREAK = 120.0  # seconds; whoever looks at one clip for longer is taken to have a break


@dataclass(frozen=True)
class Miss:
    """A blind check on which the person said something else than the round."""

    clip_id: int
    key: str
    reviewer: str
    proposed: str
    answer: str
    at: datetime


@dataclass(frozen=True)
class Audit:
    """The blind checks of a round.

    Args:
        drawn: clips drawn for it, answered or not.
        precision: accepted labels found right, None before the first answer.
        needed: answers that the interval would take to be within 5 points either way, if the share of right
            ones stays; less those given, 0 where it is so already.
        trail: the precision after each answer, the last one now.
        misses: answers that differ from the proposal, the newest first.
    """

    round_number: int
    active: bool
    drawn: int
    precision: Measured | None
    needed: int
    trail: tuple[Measured, ...]
    misses: tuple[Miss, ...]


@dataclass(frozen=True)
class Conflict:
    """A clip on which people contradict each other or the import. `opinions`: who, and what they say; the
    newest first."""

    clip_id: int
    key: str
    opinions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Times:
    """Seconds per clip: half of them took at most `median`, nine in ten at most `most`."""

    median: float
    most: float
    clips: int


@dataclass(frozen=True)
class Reviewer:
    """How one person works.

    Args:
        times: kind of verdict -> seconds per clip; "" for all kinds.
        verdicts: deciding verdicts that stand.
        seconds: spent on clips, breaks cut to `BREAK`.
        per_hour: verdicts per hour of looking at clips, None where no time was kept.
        kinds: kind -> share of the answers given with the proposal in sight; empty without any.
        answers: how many those are.
        blind: answers given blind that name the class of the hidden proposal.
        misled: proposals in sight, wrong by held-back labels, that were accepted all the same.
    """

    name: str
    times: Mapping[str, Times]
    verdicts: int
    seconds: float
    per_hour: float | None
    kinds: Mapping[str, float]
    answers: int
    blind: Measured | None
    misled: Measured | None


@dataclass(frozen=True)
class WorkDay:
    """Verdicts of one person on one day (UTC) that stand, and the seconds spent."""

    day: str
    name: str
    verdicts: int
    seconds: float


def audits(studio: Studio) -> tuple[Audit, ...]:
    """The blind checks of every round that drew any, newest round first."""
    with studio.database.read() as session:
        active, names = rounds.active(session), classes.names(session)
        rows = [row for row, _, _ in rounds.listing(session)]
        drawn = review_work.drawn(session, round_ids=[row.id for row in rows])
        found = {row.id: review_work.checks(session, row=row) for row in rows if row.id in drawn}
    return tuple(
        _audit(row.number, active is not None and active.id == row.id, drawn[row.id], found[row.id], names)
        for row in rows
        if row.id in drawn
    )


def checks_needed(share: float, within: float = WITHIN) -> int:
    """Fewest answers whose 95 % Wilson interval is no wider than `within` either way, at this share right."""
    low, high = 1, 1
    while _half(share, high) > within:
        low, high = high, high * 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _half(share, middle) <= within else (middle + 1, high)
    return high


def conflicts(studio: Studio, limit: int = 50) -> tuple[tuple[Conflict, ...], int]:
    """Clips whose conflict nobody has settled, the newest first, and how many there are in all."""
    with studio.database.read() as session:
        found = review_queues.conflicts(session)
        newest = list(found)[::-1][:limit]
        keys = {clip_id: clip.key for clip_id, clip in clips.by_id(session, clip_ids=newest).items()}
        names = classes.names(session)
    shown = [
        Conflict(clip_id, keys[clip_id], tuple(_says(opinion, names) for opinion in found[clip_id]))
        for clip_id in newest
    ]
    return tuple(shown), len(found)


def reviewers(studio: Studio) -> tuple[Reviewer, ...]:
    """Everybody who gave a verdict, the busiest first."""
    with studio.database.read() as session:
        people = review_work.people(session)
        paces = review_work.paces(session, longest=BREAK)
        done = _totals(session)
        habits = review_work.habits(session)
        misled = review_work.wrong_proposals(session)
    found = []
    for reviewer_id, (verdicts, seconds) in done.items():
        own = [pace for pace in paces if pace.reviewer_id == reviewer_id]
        timed = sum(pace.events for pace in own if pace.kind in DECIDING)
        hours = sum(pace.tenths * pace.events for pace in own) / 36_000
        seen = {one.kind: one.answers for one in habits if one.reviewer_id == reviewer_id and not one.blind}
        unseen = {one.kind: one.answers for one in habits if one.reviewer_id == reviewer_id and one.blind}
        answers = sum(seen.values())
        wrong, accepted = misled.get(reviewer_id, (0, 0))
        found.append(
            Reviewer(
                name=people[reviewer_id],
                times=_times_by_kind(own),
                verdicts=verdicts,
                seconds=seconds,
                per_hour=timed / hours if hours else None,
                kinds={kind: seen.get(kind, 0) / answers for kind in DECIDING} if answers else {},
                answers=answers,
                blind=measured(unseen.get("accept", 0), sum(unseen.values())),
                misled=measured(accepted, wrong),
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.verdicts, one.name)))


def work_days(studio: Studio) -> tuple[WorkDay, ...]:
    """What everybody did on each day, the first day first."""
    with studio.database.read() as session:
        people = review_work.people(session)
        found = review_work.days(session, longest=BREAK)
    return tuple(WorkDay(one.day, people[one.reviewer_id], one.verdicts, one.seconds) for one in found)


def times(paces: Iterable[Pace]) -> Times | None:
    """Median and 90th percentile of times counted by tenths of a second, None without any.

    A percentile is the smallest time that at least that share of the clips took no longer than.
    """
    counts: dict[int, int] = defaultdict(int)
    for pace in paces:
        counts[pace.tenths] += pace.events
    total, so_far = sum(counts.values()), 0
    marks: list[float] = []
    wanted = [math.ceil(total * share) for share in (0.5, 0.9)]
    for tenths in sorted(counts):
        so_far += counts[tenths]
        while len(marks) < 2 and so_far >= wanted[len(marks)]:
            marks.append(tenths / 10)
    return Times(marks[0], marks[1], total) if total else None


def _times_by_kind(paces: Sequence[Pace]) -> dict[str, Times]:
    found = {kind: times(pace for pace in paces if pace.kind == kind) for kind in (*DECIDING, "skip")}
    found[""] = times(pace for pace in paces if pace.kind in DECIDING)
    return {kind: one for kind, one in found.items() if one is not None}


def _totals(session: Session) -> dict[int, tuple[int, float]]:
    done: dict[int, tuple[int, float]] = {}
    for day in review_work.days(session, longest=BREAK):
        verdicts, seconds = done.get(day.reviewer_id, (0, 0.0))
        done[day.reviewer_id] = verdicts + day.verdicts, seconds + day.seconds
    return done


def _audit(number: int, active: bool, drawn: int, found: Sequence[Check], names: Mapping[int, str]) -> Audit:
    trail, right = [], 0
    for place, check in enumerate(found, start=1):
        right += check.answer_id == check.proposed_id
        share = measured(right, place)
        assert share is not None  # place counts from 1
        trail.append(share)
    now = trail[-1] if trail else None
    misses = [
        Miss(
            check.clip_id, check.key, check.reviewer, names[check.proposed_id],
            names[check.answer_id] if check.answer_id else _without_class(check.kind), check.recorded_at,
        )
        for check in reversed(found)
        if check.answer_id != check.proposed_id
    ]  # fmt: skip
    needed = checks_needed(now.value if now else 0.5)
    return Audit(number, active, drawn, now, max(0, needed - len(trail)), tuple(trail), tuple(misses))


def _half(share: float, of: int) -> float:
    """Half the width of the 95 % Wilson interval."""
    return Z * math.sqrt(share * (1 - share) / of + Z * Z / (4 * of * of)) / (1 + Z * Z / of)


def _without_class(kind: str) -> str:
    return "rejected" if kind == "reject" else "none of the classes"


def _says(opinion: Opinion, names: Mapping[int, str]) -> tuple[str, str]:
    kind, class_id = opinion.answer
    name = names.get(class_id or 0, "")
    what = {"novel": "none of the classes", "reject": f"not {name}"}.get(kind, name)
    return opinion.author or "the import", what
