"""How many pseudo-labels a pass lets in, and how many of them are right where the truth is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from finepseudo_core.records import Proposal, PseudoLabel


@dataclass(frozen=True)
class ClassAcceptance:
    """Acceptance of one proposed class.

    Args:
        proposed: clips given this label.
        accepted: those of them let into training.
        known: accepted ones whose truth is known.
        right: known ones whose truth is this class.
    """

    proposed: int
    accepted: int
    known: int
    right: int

    @property
    def precision(self) -> float | None:
        """Share of right labels among the accepted ones of known truth; None where there are none."""
        return self.right / self.known if self.known else None


def measure(proposal: Proposal, truths: Mapping[str, str]) -> dict[str, float]:
    """Figures of a pass by name; one that needs a truth nobody knows is absent.

    A truth outside the proposal's classes (a novel action) makes every label of the clip wrong.

    Args:
        proposal: the pass.
        truths: clip key -> true class, for the clips where it is known.

    Returns:
        accepted: number of accepted labels. precision: accuracy of those. precision_action: accuracy of as many
        labels, the most confident of p_E alone. accuracy, accuracy_action, accuracy_alignability: of the labels,
        of p_E and of p_A over all clips, accepted or not.
    """
    figures = {"accepted": float(len(proposal.accepted))}
    known = [label for label in proposal.pseudo_labels if label.key in truths]
    if not known:
        return figures
    right = np.array([label.label == truths[label.key] for label in known])
    accepted = np.array([label.accepted for label in known])
    p_action = np.stack([label.action_probabilities for label in known])  # (N, K)
    p_alignability = np.stack([label.alignability_probabilities for label in known])
    right_action = _right(p_action, known, proposal.classes, truths)
    figures |= {
        "accuracy": float(right.mean()),
        "accuracy_action": float(right_action.mean()),
        "accuracy_alignability": float(_right(p_alignability, known, proposal.classes, truths).mean()),
    }
    if accepted.any():
        figures["precision"] = float(right[accepted].mean())
        figures["precision_action"] = precision_at(right_action, p_action.max(1), int(accepted.sum()))
    return figures


def by_class(proposal: Proposal, truths: Mapping[str, str]) -> dict[str, ClassAcceptance]:
    """Acceptance of every class of the proposal, in its order."""
    counts = {}
    for name in proposal.classes:
        proposed = [label for label in proposal.pseudo_labels if label.label == name]
        accepted = [label for label in proposed if label.accepted]
        known = [label for label in accepted if label.key in truths]
        right = sum(truths[label.key] == name for label in known)
        counts[name] = ClassAcceptance(len(proposed), len(accepted), len(known), right)
    return counts


def coverage_curve(right: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Accuracy of the n most confident labels for n = 1 ... N.

    Args:
        right: bool (N,), whether each label is right.
        confidence: (N,); equally confident labels keep their order.

    Returns:
        float64 (N,).
    """
    order = np.argsort(-confidence, kind="stable")
    return np.cumsum(right[order]) / np.arange(1, len(right) + 1)


def precision_at(right: np.ndarray, confidence: np.ndarray, count: int) -> float:
    """Accuracy of the `count` most confident labels: what compares strategies at equal count.

    Raises:
        ValueError: a count below one or above the number of labels.
    """
    if not 1 <= count <= len(right):
        raise ValueError(
            f"count is {count}; it must lie between 1 and the {len(right)} labels of known truth."
        )
    return float(coverage_curve(right, confidence)[count - 1])


def _right(
    probabilities: np.ndarray,
    labels: Sequence[PseudoLabel],
    classes: Sequence[str],
    truths: Mapping[str, str],
) -> np.ndarray:
    """Whether the argmax of probabilities (N, K) is the truth: bool (N,)."""
    best = probabilities.argmax(1)
    return np.array([classes[place] == truths[label.key] for place, label in zip(best, labels, strict=True)])
