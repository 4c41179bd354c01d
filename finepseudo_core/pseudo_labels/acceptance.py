"""How many pseudo-labels a strategy lets in, and how many of them are right where the truth is known.

Truth is int (N,): -1 where unknown; an id beyond the known classes (a novel action) makes any label wrong.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ClassAcceptance:
    """Acceptance of one proposed class: clips proposed, accepted, accepted with known truth, and right."""

    proposed: int
    accepted: int
    known: int
    right: int

    @property
    def precision(self) -> float | None:
        """Share of right labels among the accepted ones of known truth; None where there are none."""
        return self.right / self.known if self.known else None


@dataclass(frozen=True)
class Acceptance:
    """Acceptance over all clips, and per proposed class in class order."""

    overall: ClassAcceptance
    classes: tuple[ClassAcceptance, ...]


def summarise(
    labels: np.ndarray, accepted: np.ndarray, classes: int, truth: np.ndarray | None = None
) -> Acceptance:
    """Count what was accepted of labels (N,) by the mask (N,), overall and for each of K classes."""
    truth = np.full(len(labels), -1) if truth is None else truth
    per_class = tuple(_count(labels == place, labels, accepted, truth) for place in range(classes))
    return Acceptance(_count(np.ones(len(labels), dtype=bool), labels, accepted, truth), per_class)


def coverage_curve(labels: np.ndarray, confidence: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Accuracy of the n most confident labels, n = 1, 2, ...: float (number of known truths,).

    Clips of unknown truth are left out; equally confident ones keep their order.
    """
    known = truth >= 0
    order = np.argsort(-confidence[known], kind="stable")
    right = (labels[known] == truth[known])[order]
    return np.cumsum(right) / np.arange(1, len(right) + 1)


def precision_at(labels: np.ndarray, confidence: np.ndarray, truth: np.ndarray, count: int) -> float:
    """Accuracy of the `count` most confident labels of known truth: compares strategies at equal count.

    Raises:
        ValueError: fewer known truths than `count`, or a count below one.
    """
    curve = coverage_curve(labels, confidence, truth)
    if not 1 <= count <= len(curve):
        raise ValueError(f"count is {count}; the truth of {len(curve)} clips is known.")
    return float(curve[count - 1])


def _count(
    chosen: np.ndarray, labels: np.ndarray, accepted: np.ndarray, truth: np.ndarray
) -> ClassAcceptance:
    taken = chosen & accepted
    known = taken & (truth >= 0)
    return ClassAcceptance(
        int(chosen.sum()), int(taken.sum()), int(known.sum()), int((known & (labels == truth)).sum())
    )
