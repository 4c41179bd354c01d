"""Phase classification: a linear classifier on frame embeddings, as in TCC and CARL.

TCC (Dwibedi et al., CVPR 2019), Sec. 4; CARL (Chen et al., CVPR 2022), Sec. 4: a multinomial logistic
regression on the frames of 10, 50 or 100 % of the training clips, accuracy on all frames of held-out clips.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np

from finepseudo_core.evaluation.logistic_regression import fit_logistic_regression

FRACTIONS = (0.1, 0.5, 1.0)


def draw_clips(keys: Iterable[str], fraction: float, seed: int = 0) -> tuple[str, ...]:
    """The share of the clips that the classifier learns from: floor(fraction * clips), at least one, as CARL.

    CARL takes the first clips of its list; here a clip's place is the SHA-256 of seed and key, so that the
    draw depends on no order and a smaller share lies within a larger one.

    Args:
        fraction: in (0, 1], taken as the decimal number it is written as.

    Returns:
        Keys in the order of the draw.

    Raises:
        ValueError: there are no clips, one is there twice, or the fraction is out of its range.
    """
    order = sorted(keys, key=lambda key: hashlib.sha256(json.dumps([seed, key]).encode()).digest())
    if not order or len(set(order)) < len(order) or not 0 < fraction <= 1:
        raise ValueError(
            f"fraction {fraction} of {len(order)} clips: give a fraction in (0, 1] and every clip once."
        )
    return tuple(order[: max(1, math.floor(Fraction(str(fraction)) * len(order)))])


def phase_accuracy(
    embeddings: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    held_out_embeddings: Sequence[np.ndarray],
    held_out_labels: Sequence[np.ndarray],
    *,
    strength: float = 1.0,
) -> float:
    """Share of held-out frames whose phase the classifier tells, every frame counting alike.

    Args:
        embeddings: training clips, (T, F) each.
        labels: phase of every frame, int (T,) each; frames of phase -1 are left out.
        held_out_embeddings: held-out clips, (T, F) each.
        held_out_labels: as `labels`.
        strength: inverse of the classifier's penalty, > 0.

    Raises:
        ValueError: the training frames show one phase only, or there is no held-out frame.
    """
    features, targets = _frames(embeddings, labels)
    held_out, truth = _frames(held_out_embeddings, held_out_labels)
    if not len(truth):
        raise ValueError("no held-out frame has a phase.")
    classifier = fit_logistic_regression(features, targets, strength=strength)
    return float((classifier.predict(held_out) == truth).mean())


def _frames(embeddings: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Frames (N, F) in float64 and their phases (N,), without those of phase -1."""
    together, phases = np.concatenate(embeddings).astype(np.float64), np.concatenate(labels)
    return together[phases >= 0], phases[phases >= 0]
