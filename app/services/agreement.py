"""How far people agree: Cohen's kappa for two, Fleiss' kappa for all, each with its interval."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.services.round_cards import Measured, measured
from app.services.studio import Studio
from db.repositories import classes, review_work
from db.repositories.review_work import NOVEL

Z = 1.959964  # 95 %
FEWEST = 10  # clips from which on an interval of kappa is given
NONE_OF_THESE = "none of the classes"
Answers = Mapping[int, Mapping[int, int]]


@dataclass(frozen=True)
class Kappa:
    """Agreement beyond chance: 1 is always, 0 is what guessing at the same rates gives.

    Args:
        value: kappa.
        low, high: its 95 % interval; None where there are too few clips, or no disagreement to judge it by.
        clips: clips behind it.
    """

    value: float
    low: float | None
    high: float | None
    clips: int


@dataclass(frozen=True)
class Pair:
    """Two people and the clips that both named a class for. `kappa` is None where both always said one and
    the same class, so that chance alone would agree as well."""

    one: str
    other: str
    kappa: Kappa | None
    alike: Measured


@dataclass(frozen=True)
class Dispute:
    """Two answers that people gave to the same clips; ids are class ids, or 0 for none of the classes."""

    one_id: int
    other_id: int
    one: str
    other: str
    clip_ids: tuple[int, ...]


@dataclass(frozen=True)
class Agreement:
    """Clips that more than one person named a class for.

    Args:
        clips: how many there are.
        people: people who took part.
        alike: clips on which all of them say the same.
        kappa: Fleiss' kappa over all of them, None where it says nothing.
        pairs: everybody with everybody, most clips first.
        disputes: answers that met on a clip, most clips first.
    """

    clips: int
    people: int
    alike: Measured | None
    kappa: Kappa | None
    pairs: tuple[Pair, ...]
    disputes: tuple[Dispute, ...]


def agreement(studio: Studio) -> Agreement:
    """How far people agree, by everybody's last standing word on each clip.

    A rejection says what a clip is not, so it is no answer here; "none of the classes" is one. Classes that
    were merged count as one.
    """
    with studio.database.read() as session:
        found = review_work.opinions(session)
        names = {NOVEL: NONE_OF_THESE} | classes.names(session)
        people = review_work.people(session)
    answers: dict[int, dict[int, int]] = defaultdict(dict)
    for opinion in found:
        answers[opinion.clip_id][opinion.reviewer_id] = opinion.class_id
    several = {clip_id: said for clip_id, said in answers.items() if len(said) > 1}
    return Agreement(
        clips=len(several),
        people=len({reviewer for said in several.values() for reviewer in said}),
        alike=measured(sum(len({*said.values()}) == 1 for said in several.values()), len(several)),
        kappa=fleiss_kappa([list(Counter(said.values()).items()) for said in several.values()]),
        pairs=_pairs(several, people),
        disputes=_disputes(several, names),
    )


def cohen_kappa(table: np.ndarray) -> Kappa | None:
    """Cohen's kappa of two people.

    kappa = (p_o - p_e) / (1 - p_e), with p_o the share of clips on which they agree and p_e the one that
    chance gives at their own rates: Cohen, Educational and Psychological Measurement 20 (1960), Eq. 1. The
    interval is the large-sample one of Fleiss, Cohen and Everitt, Psychological Bulletin 72 (1969), in the
    form of the delta method.

    Args:
        table: counts (K, K), rows what the one said, columns what the other said.
    """
    clips = int(table.sum())
    if not clips:
        return None
    shares = table / clips
    rows, columns = shares.sum(1), shares.sum(0)
    by_chance = float(rows @ columns)
    if math.isclose(by_chance, 1.0):
        return None
    agreed = float(np.trace(shares))
    value = (agreed - by_chance) / (1 - by_chance)
    slope = np.eye(len(shares)) / (1 - by_chance)
    slope -= (1 - agreed) / (1 - by_chance) ** 2 * (columns[:, None] + rows[None, :])
    variance = ((shares * slope**2).sum() - (shares * slope).sum() ** 2) / clips
    return _with_interval(value, float(variance), clips)


def fleiss_kappa(clips: Sequence[Sequence[tuple[int, int]]]) -> Kappa | None:
    """Fleiss' kappa of any number of people, not the same number on every clip.

    Fleiss, Psychological Bulletin 76 (1971): the mean over clips of the share of pairs of people who agree,
    against the sum of squares of how often each class is said. Where clips differ in their number of people,
    every clip weighs the same in both, as Gwet, Handbook of Inter-Rater Reliability (4th ed., 2014),
    does; with equal numbers that is Fleiss' own. The interval takes the clips as the sample: Gwet,
    British Journal of Mathematical and Statistical Psychology 61 (2008).

    Args:
        clips: for every clip, (answer, people who gave it); clips of fewer than two people don't count.
    """
    judged = [answers for answers in clips if sum(people for _, people in answers) > 1]
    if not judged:
        return None
    rates: dict[int, float] = defaultdict(float)
    agreed = np.zeros(len(judged))
    for place, answers in enumerate(judged):
        people = sum(count for _, count in answers)
        agreed[place] = sum(count * (count - 1) for _, count in answers) / (people * (people - 1))
        for answer, count in answers:
            rates[answer] += count / people / len(judged)
    by_chance = sum(rate**2 for rate in rates.values())
    if math.isclose(by_chance, 1.0):
        return None
    chance = np.array([_chance_of(answers, rates) for answers in judged])
    value = (float(agreed.mean()) - by_chance) / (1 - by_chance)
    each = (agreed - by_chance) / (1 - by_chance) - 2 * (1 - value) * (chance - by_chance) / (1 - by_chance)
    variance = float(((each - value) ** 2).sum()) / (len(judged) * max(1, len(judged) - 1))
    return _with_interval(value, variance, len(judged))


def _chance_of(answers: Sequence[tuple[int, int]], rates: Mapping[int, float]) -> float:
    people = sum(count for _, count in answers)
    return sum(rates[answer] * count / people for answer, count in answers)


def _with_interval(value: float, variance: float, clips: int) -> Kappa:
    if clips < FEWEST or variance < 1e-12:
        return Kappa(value, None, None, clips)
    half = Z * math.sqrt(variance)
    return Kappa(value, max(-1.0, value - half), min(1.0, value + half), clips)


def _pairs(several: Answers, people: Mapping[int, str]) -> tuple[Pair, ...]:
    said: dict[tuple[int, int], Counter[tuple[int, int]]] = defaultdict(Counter)
    for answers in several.values():
        for one, other in itertools.combinations(sorted(answers), 2):
            said[one, other][answers[one], answers[other]] += 1
    found = []
    for (one, other), counts in said.items():
        alike = measured(sum(count for (a, b), count in counts.items() if a == b), counts.total())
        assert alike is not None  # a pair is there because it met on a clip
        found.append(Pair(people[one], people[other], cohen_kappa(_table(counts)), alike))
    return tuple(sorted(found, key=lambda pair: (-pair.alike.of, pair.one, pair.other)))


def _table(counts: Mapping[tuple[int, int], int]) -> np.ndarray:
    place = {answer: at for at, answer in enumerate(sorted({each for pair in counts for each in pair}))}
    table = np.zeros((len(place), len(place)))
    for (one, other), count in counts.items():
        table[place[one], place[other]] = count
    return table


def _disputes(several: Answers, names: Mapping[int, str]) -> tuple[Dispute, ...]:
    met: dict[tuple[int, int], list[int]] = defaultdict(list)
    for clip_id, answers in several.items():
        for pair in itertools.combinations(sorted({*answers.values()}), 2):
            met[pair].append(clip_id)
    found = [
        Dispute(one, other, names[one], names[other], tuple(sorted(clip_ids, reverse=True)))
        for (one, other), clip_ids in met.items()
    ]
    return tuple(sorted(found, key=lambda dispute: (-len(dispute.clip_ids), dispute.one, dispute.other)))
