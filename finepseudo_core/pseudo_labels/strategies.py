"""The four ways of Table 6 to turn evidence about clips into pseudo-labels, behind one interface."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from finepseudo_core.config import PseudoLabelConfig


class Decision(NamedTuple):
    """What a strategy makes of the evidence.

    Args:
        labels: int64 (N,), the proposed class.
        confidence: (N,), its probability in [0, 1].
        accepted: bool (N,), whether it may train.
        probabilities: (N, K), what the label is the argmax of.
    """

    labels: Tensor
    confidence: Tensor
    accepted: Tensor
    probabilities: Tensor


def decide(
    config: PseudoLabelConfig,
    p_action: Tensor,
    p_alignability: Tensor,
    class_scores: Tensor,
    spread: Tensor | None = None,
) -> Decision:
    """Apply the configured strategy to N clips and K classes.

    Args:
        config: strategy, thresholds and how to combine.
        p_action: p_E (N, K) of the action encoder.
        p_alignability: p_A (N, K) of the non-parametric classifier.
        class_scores: S̄ (N, K), mean alignability with each class's exemplars.
        spread: (N,) standard deviation of p_E at its class over dropout passes; `uncertainty` needs it.

    Raises:
        ValueError: shapes that don't fit, values that are not finite, or `uncertainty` without a spread.
    """
    shape = p_action.shape
    if p_alignability.shape != shape or class_scores.shape != shape or len(shape) != 2 or not shape[1]:
        shapes = [tuple(part.shape) for part in (p_action, p_alignability, class_scores)]
        raise ValueError(f"p_E, p_A and S̄ have shapes {shapes}; they must share one (N, K).")
    if not all(bool(part.isfinite().all()) for part in (p_action, p_alignability, class_scores)):
        raise ValueError("p_E, p_A or S̄ holds a value that is not finite; an encoder has diverged.")
    return STRATEGIES[config.strategy](config, p_action, p_alignability, class_scores, spread)


def _confidence(
    config: PseudoLabelConfig, p_action: Tensor, _a: Tensor, _s: Tensor, _spread: Tensor | None
) -> Decision:
    """p_E above θ (pseudo-labels of Lee, 2013)."""
    confidence, labels = p_action.max(1)
    return Decision(labels, confidence, confidence > config.threshold, p_action)


def _uncertainty(
    config: PseudoLabelConfig, p_action: Tensor, _a: Tensor, _s: Tensor, spread: Tensor | None
) -> Decision:
    """p_E above θ and steady under dropout (UPS, Rizve et al., ICLR 2021)."""
    confidence, labels = p_action.max(1)
    if spread is None or spread.shape != confidence.shape:
        raise ValueError("the uncertainty strategy needs the spread (N,) of p_E over dropout passes.")
    accepted = (confidence > config.threshold) & (spread < config.uncertainty_threshold)
    return Decision(labels, confidence, accepted, p_action)


def _verification(
    config: PseudoLabelConfig, p_action: Tensor, _a: Tensor, class_scores: Tensor, _spread: Tensor | None
) -> Decision:
    """f_E's class, accepted where the clip aligns with that class's exemplars."""
    confidence, labels = p_action.max(1)
    alignability = class_scores.gather(1, labels[:, None]).squeeze(1)
    return Decision(labels, confidence, alignability > config.verification_threshold, p_action)


def _collaborative(
    config: PseudoLabelConfig, p_action: Tensor, p_alignability: Tensor, _s: Tensor, _spread: Tensor | None
) -> Decision:
    """p_E and p_A together above θ. With `sum`, p_E + p_A meets θ; what is handed on stays their mean."""
    probabilities = (p_action + p_alignability) / 2
    confidence, labels = probabilities.max(1)
    meeting = 2 * confidence if config.combine == "sum" else confidence
    return Decision(labels, confidence, meeting > config.threshold, probabilities)


STRATEGIES: dict[str, Callable[..., Decision]] = {
    "confidence": _confidence,
    "uncertainty": _uncertainty,
    "verification": _verification,
    "collaborative": _collaborative,
}
