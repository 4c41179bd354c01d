"""How good the rounds are: side by side, by class, what is taken for what, how sure, and at what cost."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.services.alignabilities import beside_rivals
from app.services.datasets import ClipCard
from app.services.datasets import clip as clip_card
from app.services.review_quality import BREAK
from app.services.round_cards import Measured, RoundCard, measured, round_cards
from app.services.studio import Studio
from db.repositories import class_counts, classes, evaluation, rounds
from db.repositories.evaluation import Confident

BINS = 10


@dataclass(frozen=True)
class RoundScore:
    """One finished round.

    Args:
        action: test clips that f_E tells right, counted anew from what is known by now; None without any.
        alignability, both: the same for f_A and for both, as measured when the round ended.
        verdicts: people's verdicts that stand, of those given before it began.
        seconds: time people had spent on clips by then, breaks cut.
    """

    card: RoundCard
    action: Measured | None
    alignability: Measured | None
    both: Measured | None
    verdicts: int
    seconds: float

    @property
    def number(self) -> int:
        """Number of the round."""
        return self.card.number

    @property
    def method(self) -> str:
        """What learned: "finepseudo", or a method that it is compared with."""
        return str(self.card.config.get("method", "finepseudo"))


@dataclass(frozen=True)
class ClassScore:
    """Test clips of one class that a round tells right. `taken_for`: the class that it most often says
    instead, None where it says none."""

    class_id: int
    name: str
    right: Measured
    taken_for: str | None


@dataclass(frozen=True)
class MixUp:
    """Clips of one class that a round takes for another."""

    said_id: int
    is_id: int
    said: str
    is_name: str
    clips: int


@dataclass(frozen=True, eq=False)
class Confusion:
    """What is taken for what.

    Args:
        names: the classes that occur (M,), rivals side by side; `class_ids` the same as ids.
        counts: int (M, M), rows what the clips are, columns what the round says.
        mix_ups: everything off the diagonal, the most frequent first.
    """

    class_ids: tuple[int, ...]
    names: tuple[str, ...]
    counts: np.ndarray
    mix_ups: tuple[MixUp, ...]

    @property
    def right(self) -> Measured | None:
        """Clips that are told right."""
        return measured(int(np.trace(self.counts)), int(self.counts.sum()))


@dataclass(frozen=True)
class Bin:
    """Proposals with a confidence from `low` up to `high`: how sure the round was on average (the middle of
    their hundredths), and how many were right."""

    low: float
    high: float
    sure: float
    right: Measured


@dataclass(frozen=True)
class Threshold:
    """What accepting from this confidence on would give: share of all proposals, and how many are right."""

    confidence: float
    share: float
    accepted: int
    right: Measured


@dataclass(frozen=True)
class Reliability:
    """Whether the confidence of a round can be believed.

    Args:
        by: "known" (held-back labels) or "verdicts" (of people who had the proposals before them).
        clips: proposals that could be checked.
        bins: by confidence, lowest first; empty ones are left out.
        thresholds: from the lowest confidence to the highest.
    """

    by: str
    clips: int
    bins: tuple[Bin, ...]
    thresholds: tuple[Threshold, ...]


def scores(studio: Studio) -> tuple[RoundScore, ...]:
    """Every finished round, the first one first."""
    with studio.database.read() as session:
        cards = [card for card in round_cards(session)[::-1] if card.state == "succeeded"]
        ids = [card.id for card in cards]
        tested = evaluation.tested(session, round_ids=ids)
        spent = evaluation.spent(session, round_ids=ids, longest=BREAK)
    found = []
    for card in cards:
        right, of, told = tested.get(card.id, (0, 0, 0))
        given, seconds = spent.get(card.id, (0, 0.0))
        found.append(
            RoundScore(
                card=card,
                action=measured(right, of),
                alignability=_as_measured_then(card, "test_top1_alignability", told),
                both=_as_measured_then(card, "test_top1_both", told),
                verdicts=given,
                seconds=seconds,
            )
        )
    return tuple(found)


def confusion(studio: Studio, round_id: int, *, on_test: bool = True) -> Confusion:
    """What a round takes for what: test clips, or its accepted proposals whose class is known."""
    with studio.database.read() as session:
        row = rounds.get(session, round_id=round_id)
        assert row is not None  # rounds are never deleted
        if on_test:
            found = class_counts.tested(session, round_id=row.id)
        else:
            found = evaluation.accepted(session, row=row)
        names = classes.names(session)
    occurring = {class_id for pair in found for class_id in pair}
    ids = [class_id for class_id in names if class_id in occurring]
    place = {class_id: at for at, class_id in enumerate(ids)}
    counts = np.zeros((len(ids), len(ids)), int)
    for (said, is_it), count in found.items():
        counts[place[is_it], place[said]] = count
    order = beside_rivals(_shares(counts))
    mixed = [
        MixUp(said, is_it, names[said], names[is_it], count)
        for (said, is_it), count in found.items()
        if said != is_it
    ]
    return Confusion(
        class_ids=tuple(ids[at] for at in order),
        names=tuple(names[ids[at]] for at in order),
        counts=counts[np.ix_(order, order)],
        mix_ups=tuple(sorted(mixed, key=lambda one: (-one.clips, one.is_name, one.said))),
    )


def by_class(found: Confusion) -> tuple[ClassScore, ...]:
    """Every class that has clips in a confusion, the worst first; equal ones with more clips first."""
    rows = []
    for at, (class_id, name) in enumerate(zip(found.class_ids, found.names, strict=True)):
        right = measured(int(found.counts[at, at]), int(found.counts[at].sum()))
        if right is None:
            continue  # the round says it, but no clip is known to be of it
        others = found.counts[at].copy()
        others[at] = 0
        worst = int(others.argmax())
        rows.append(ClassScore(class_id, name, right, found.names[worst] if others[worst] else None))
    return tuple(sorted(rows, key=lambda score: (score.right.value, -score.right.of, score.name)))


def confused_clips(studio: Studio, round_id: int, said_id: int, is_id: int, *, on_test: bool,
                   limit: int) -> tuple[tuple[ClipCard, ...], int]:  # fmt: skip
    """Clips of one class that a round takes for another, and how many there are in all."""
    with studio.database.read() as session:
        row = rounds.get(session, round_id=round_id)
        assert row is not None  # rounds are never deleted
        ids, total = evaluation.confused(
            session, row=row, said_id=said_id, is_id=is_id, on_test=on_test, limit=limit
        )
    cards = (clip_card(studio, clip_id) for clip_id in ids)
    return tuple(card for card in cards if card is not None), total


def reliability(studio: Studio, round_id: int, by: str) -> Reliability | None:
    """Whether a round's confidence can be believed, by "known" or "verdicts"; None without any to go by."""
    with studio.database.read() as session:
        row = rounds.get(session, round_id=round_id)
        assert row is not None  # rounds are never deleted
        rows = evaluation.by_confidence(session, row=row)
    checked = [(one, *_checked(one, by)) for one in rows]
    clips = sum(of for _, _, of in checked)
    if not clips:
        return None
    return Reliability(by, clips, _bins(checked), _thresholds(checked))


def _checked(one: Confident, by: str) -> tuple[int, int]:
    return (one.known_right, one.known) if by == "known" else (one.judged_right, one.judged)


def _bins(checked: Sequence[tuple[Confident, int, int]]) -> tuple[Bin, ...]:
    groups: dict[int, list[tuple[Confident, int, int]]] = defaultdict(list)
    for entry in checked:
        groups[min(entry[0].percent * BINS // 100, BINS - 1)].append(entry)
    found = []
    for number, entries in sorted(groups.items()):
        of = sum(entry[2] for entry in entries)
        right = measured(sum(entry[1] for entry in entries), of)
        if right is not None:
            sure = sum(min(1.0, (one.percent + 0.5) / 100) * count for one, _, count in entries) / of
            found.append(Bin(number / BINS, (number + 1) / BINS, sure, right))
    return tuple(found)


def _thresholds(checked: Sequence[tuple[Confident, int, int]]) -> tuple[Threshold, ...]:
    total = sum(one.proposed for one, _, _ in checked)
    accepted, right, of, found = 0, 0, 0, []
    for one, good, count in reversed(checked):
        accepted, right, of = accepted + one.proposed, right + good, of + count
        share = measured(right, of)
        if share is not None:
            found.append(Threshold(one.percent / 100, accepted / total, accepted, share))
    return tuple(found[::-1])


def _as_measured_then(card: RoundCard, name: str, clips: int) -> Measured | None:
    value = card.metrics.get(name)
    return None if value is None else measured(round(value * clips), clips)


def _shares(counts: np.ndarray) -> np.ndarray:
    """Rows of counts as shares of their sum; rows without any stay 0."""
    return counts / np.maximum(counts.sum(1, keepdims=True), 1)
