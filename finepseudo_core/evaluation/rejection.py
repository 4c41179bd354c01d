"""How well a score tells known clips from novel ones: rejection curve, AUROC, false positive rate.

A clip is kept where its score is high; a known clip is the "positive" one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np


@dataclass(frozen=True)
class RejectionCurve:
    """What every threshold keeps and turns down, from the strictest to the one that keeps all clips.

    Args:
        thresholds: float64 (P,), descending; a clip is kept where its score is at least this. The first, ∞,
            keeps none, the last all.
        known_kept: share of the known clips kept, (P,), ascending: the true positive rate.
        novel_rejected: share of the novel clips turned down, (P,), descending: 1 - false positive rate.
    """

    thresholds: np.ndarray
    known_kept: np.ndarray
    novel_rejected: np.ndarray


@dataclass(frozen=True)
class Rejection:
    """How well one score tells known clips from novel ones: AUROC, FPR at 95 % TPR, and the whole curve."""

    auroc: float
    false_positive_rate: float
    curve: RejectionCurve


@dataclass(frozen=True)
class Interval:
    """An estimate and the percentile interval of its bootstrap."""

    estimate: float
    low: float
    high: float


def auroc(known: np.ndarray, novel: np.ndarray) -> float:
    """Probability that a known clip's score is above a novel one's, ties counting half; exact.

    Args:
        known: scores (n,).
        novel: scores (m,).

    Raises:
        ValueError: one of them is empty or holds a NaN.
    """
    return _Ranks(known, novel).auroc()


def rejection_curve(known: np.ndarray, novel: np.ndarray) -> RejectionCurve:
    """Share of novel clips turned down against share of known clips kept, at every score that occurs.

    The area under it, by trapezoids, is the AUROC.

    Raises:
        ValueError: as `auroc`.
    """
    ranks = _Ranks(known, novel)
    kept, let_in = (
        np.concatenate([[0], np.cumsum(np.bincount(places, minlength=len(ranks.scores))[::-1])])
        for places in (ranks.known, ranks.novel)
    )
    return RejectionCurve(
        np.concatenate([[np.inf], ranks.scores[::-1]]),
        kept / len(ranks.known),
        1 - let_in / len(ranks.novel),
    )


def false_positive_rate(known: np.ndarray, novel: np.ndarray, at: float = 0.95) -> float:
    """Least share of novel clips that is kept where at least the share `at` of the known clips is.

    Raises:
        ValueError: as `auroc`, or `at` is not in (0, 1].
    """
    if not 0 < at <= 1:
        raise ValueError(f"true positive rate {at} must lie in (0, 1].")
    ranks = _Ranks(known, novel)
    least = -(-Fraction(str(at)) * len(known) // 1)  # known clips to keep, rounded up
    threshold = np.sort(known)[len(known) - int(least)]
    return float((ranks.scores[ranks.novel] >= threshold).mean())


def auroc_difference(
    known: Sequence[np.ndarray],
    novel: Sequence[np.ndarray],
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """AUROC of one score minus that of another on the same clips, with a bootstrap interval.

    Known and novel clips are drawn with replacement, apart from each other and the same for both scores; the
    interval lies between the percentiles of the differences.

    Args:
        known: the two scores of the known clips, (n,) each.
        novel: the two scores of the novel clips, (m,) each.
        draws: number of bootstrap samples, at least 1.
        level: share of the draws inside the interval, in (0, 1).
        seed: of the draws.

    Raises:
        ValueError: as `auroc`, the scores differ in length, or an argument is out of its range.
    """
    if len({len(scores) for scores in known}) != 1 or len({len(scores) for scores in novel}) != 1:
        raise ValueError("both scores must be those of the same clips.")
    if draws < 1 or not 0 < level < 1:
        raise ValueError(f"{draws} draws at level {level}: give at least 1, and a level in (0, 1).")
    first, second = (_Ranks(*scores) for scores in zip(known, novel, strict=True))
    generator = np.random.default_rng(seed)
    differences = np.empty(draws)
    for draw in range(draws):
        counts = [
            np.bincount(generator.integers(size, size=size), minlength=size)
            for size in (len(known[0]), len(novel[0]))
        ]
        differences[draw] = first.auroc(*counts) - second.auroc(*counts)
    low, high = np.quantile(differences, [(1 - level) / 2, (1 + level) / 2])
    return Interval(first.auroc() - second.auroc(), float(low), float(high))


class _Ranks:
    """Scores as places among the different ones, ascending, so that ties are equal places."""

    def __init__(self, known: np.ndarray, novel: np.ndarray) -> None:
        both = np.concatenate([known, novel]).astype(np.float64)
        if not len(known) or not len(novel) or np.isnan(both).any():
            raise ValueError(
                f"{len(known)} known and {len(novel)} novel scores, {int(np.isnan(both).sum())} of them NaN; "
                "give at least one of each, and numbers."
            )
        self.scores, places = np.unique(both, return_inverse=True)
        self.known, self.novel = places[: len(known)], places[len(known) :]

    def auroc(self, known_counts: np.ndarray | None = None, novel_counts: np.ndarray | None = None) -> float:
        """AUROC where every clip counts so many times; None counts each once."""
        known = np.bincount(self.known, known_counts, len(self.scores))
        novel = np.bincount(self.novel, novel_counts, len(self.scores))
        below = np.cumsum(novel) - novel
        wins = (known * (2 * below + novel)).sum()  # twice their number: whole, so exact
        return float(wins / (2 * known.sum() * novel.sum()))
