"""The four ways of Table 6 to turn evidence into pseudo-labels, and two to compare with, as one interface."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from finepseudo_core.config import PseudoLabelConfig
from finepseudo_core.records import ExemplarMatch, PseudoLabel


@dataclass(frozen=True)
class Evidence:
    """What is known about N clips and K classes before a decision.

    Args:
        action: p_E (N, K), probabilities of the action encoder.
        alignability: p_A (N, K), probabilities of the non-parametric classifier.
        scores: S̄ (N, K), mean alignability with each class's exemplars.
        spread: (N,) or None, deviation of p_E at its class over dropout passes; for `uncertainty`.
    """

    action: np.ndarray
    alignability: np.ndarray
    scores: np.ndarray
    spread: np.ndarray | None = None

    def __post_init__(self) -> None:
        shapes = {array.shape for array in (self.action, self.alignability, self.scores)}
        if len(shapes) != 1 or self.action.ndim != 2:
            raise ValueError(f"p_E, p_A and the scores must share one shape (N, K); they have {shapes}.")
        if self.spread is not None and self.spread.shape != self.action.shape[:1]:
            raise ValueError(f"spread has shape {self.spread.shape}; it must be ({len(self.action)},).")
        if not all(np.isfinite(array).all() for array in (self.action, self.alignability, self.scores)):
            raise ValueError("the evidence holds values that are not finite; an encoder has diverged.")


@dataclass(frozen=True)
class Decision:
    """What a strategy makes of the evidence.

    Args:
        labels: int (N,), the proposed class.
        confidence: (N,), its probability in [0, 1].
        accepted: bool (N,), whether it may train.
        probabilities: (N, K), what the label is the argmax of.
    """

    labels: np.ndarray
    confidence: np.ndarray
    accepted: np.ndarray
    probabilities: np.ndarray


def decide(evidence: Evidence, config: PseudoLabelConfig) -> Decision:
    """Apply the configured strategy.

    Raises:
        ValueError: `uncertainty` without a spread.
    """
    probabilities, accepts = STRATEGIES[config.strategy](evidence, config)
    labels = probabilities.argmax(1) if len(probabilities) else np.zeros(0, np.int64)
    clips = np.arange(len(labels))
    confidence = probabilities[clips, labels]
    return Decision(labels, confidence, accepts(labels, confidence), probabilities)


# A strategy gives the probabilities that decide the label, and a rule: labels, confidence -> accepted.
Rule = Callable[[np.ndarray, np.ndarray], np.ndarray]
Strategy = Callable[[Evidence, PseudoLabelConfig], tuple[np.ndarray, Rule]]


def _confidence(evidence: Evidence, config: PseudoLabelConfig) -> tuple[np.ndarray, Rule]:
    """p_E above θ (Lee, 2013)."""
    return evidence.action, lambda _, confidence: confidence > config.threshold


def _uncertainty(evidence: Evidence, config: PseudoLabelConfig) -> tuple[np.ndarray, Rule]:
    """p_E above θ and steady under dropout (UPS, Rizve et al., ICLR 2021)."""
    spread = evidence.spread
    if spread is None:
        raise ValueError("the uncertainty strategy needs the spread of p_E over dropout passes.")
    return (
        evidence.action,
        lambda _, confidence: (confidence > config.threshold) & (spread < config.uncertainty_threshold),
    )


def _verification(evidence: Evidence, config: PseudoLabelConfig) -> tuple[np.ndarray, Rule]:
    """p_E above θ, where the clip also aligns with the exemplars of f_E's class (Sec. 4.5)."""

    def aligns(labels: np.ndarray, confidence: np.ndarray) -> np.ndarray:
        scores = evidence.scores[np.arange(len(labels)), labels]
        return (confidence > config.threshold) & (scores > config.verification_threshold)

    return evidence.action, aligns


def _collaborative(evidence: Evidence, config: PseudoLabelConfig) -> tuple[np.ndarray, Rule]:
    """p_E and p_A together above θ. With `sum`, p_E + p_A meets θ; the probabilities stay their mean."""
    scale = 2.0 if config.combine == "sum" else 1.0
    combined = (evidence.action + evidence.alignability) / 2
    return combined, lambda _, confidence: scale * confidence > config.threshold


def _alignability(evidence: Evidence, config: PseudoLabelConfig) -> tuple[np.ndarray, Rule]:
    """p_A alone above θ: what f_A is worth without f_E (Table 5)."""
    return evidence.alignability, lambda _, confidence: confidence > config.threshold


def _none(evidence: Evidence, config: PseudoLabelConfig) -> tuple[np.ndarray, Rule]:
    """No label is accepted: supervised training, for as many steps as the others take."""
    return evidence.action, lambda labels, _: np.zeros(len(labels), dtype=bool)


STRATEGIES: dict[str, Strategy] = {
    "confidence": _confidence,
    "uncertainty": _uncertainty,
    "verification": _verification,
    "collaborative": _collaborative,
    "alignability": _alignability,
    "none": _none,
}


def as_pseudo_labels(
    keys: Sequence[str],
    classes: Sequence[str],
    evidence: Evidence,
    decision: Decision,
    nearest: Sequence[Sequence[ExemplarMatch]] | None = None,
) -> tuple[PseudoLabel, ...]:
    """One record per clip, in the order of the keys; `nearest` lists each clip's most alignable exemplars."""
    return tuple(
        PseudoLabel(
            key=key,
            label=classes[label],
            confidence=float(decision.confidence[clip]),
            alignability=float(evidence.scores[clip, label]),
            accepted=bool(decision.accepted[clip]),
            action_probabilities=evidence.action[clip].astype(np.float32),
            alignability_probabilities=evidence.alignability[clip].astype(np.float32),
            probabilities=decision.probabilities[clip].astype(np.float32),
            class_alignabilities=evidence.scores[clip].astype(np.float32),
            nearest=tuple(nearest[clip]) if nearest is not None else (),
        )
        for clip, (key, label) in enumerate(zip(keys, decision.labels.tolist(), strict=True))
    )
