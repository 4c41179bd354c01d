"""The non-parametric classifier φ_A: a clip belongs to the class whose exemplars it aligns with (Eq. 7-8)."""

import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from finepseudo_core.alignment.alignability import (
    AlignabilityScore,
    ClassAlignability,
    class_alignability,
    frozen,
    logits_of,
)
from finepseudo_core.alignment.distances import pairwise_distance


def draw_gallery(
    labels: Mapping[str, str],
    classes: Sequence[str],
    *,
    most: int = 15,
    seed: int = 0,
    pinned: Mapping[str, Sequence[str]] | None = None,
    banned: Collection[str] = (),
) -> dict[str, tuple[str, ...]]:
    """Choose the exemplars of a round: a class's pinned clips where it has some, else drawn at random.

    The draw depends on the seed, the class and its clips only, not on their order nor on the other classes.

    Args:
        labels: clip key -> class of the clips that may be exemplars.
        classes: class names, the order of the result.
        most: exemplars per class, at most.
        seed: seed of the draw.
        pinned: class -> keys that a person chose to be its exemplars, best first; those beyond `most` are
            left out.
        banned: keys never to be exemplars.

    Returns:
        class -> exemplar keys; a class without labelled clips has none.

    Raises:
        ValueError: a pinned clip that is banned or not labelled with that class.
    """
    pinned = pinned or {}
    for name, keys in pinned.items():
        for key in keys:
            if key in banned:
                raise ValueError(f"clip {key!r} is both pinned to {name!r} and banned; drop one of the two.")
            if labels.get(key) != name:
                raise ValueError(f"clip {key!r} is pinned to {name!r} but labelled {labels.get(key)!r}.")
    gallery = {}
    for name in classes:
        chosen = list(dict.fromkeys(pinned.get(name, ())))
        if not chosen:
            chosen = sorted(key for key, label in labels.items() if label == name and key not in banned)
            np.random.default_rng([seed, zlib.crc32(name.encode())]).shuffle(chosen)
        gallery[name] = tuple(chosen[:most])
    return gallery


class ClassPrediction(NamedTuple):
    """What φ_A says about clips.

    Args:
        probabilities: p_A (N, K).
        alignability: S̄ and the nearest exemplars.
    """

    probabilities: Tensor
    alignability: ClassAlignability


class NonparametricClassifier:
    """p_A = softmax(S̄ / τ) over a gallery of exemplars.

    FinePseudo (Dave et al., ECCV 2024), Eq. 7-8.

    Args:
        gallery: frame embeddings (M, T, F) of the exemplars.
        gallery_classes: int (M,), class of each.
        classes: K.
        score: the learnt alignability score.
        gamma: soft-DTW smoothing.
        temperature: τ, > 0.
        distance: what the score is given; a kind of `pairwise_distance`.

    Raises:
        ValueError: temperature <= 0.
    """

    def __init__(
        self,
        gallery: Tensor,
        gallery_classes: Tensor,
        classes: int,
        score: AlignabilityScore,
        *,
        gamma: float = 0.001,
        temperature: float = 0.1,
        distance: str = "soft_dtw",
    ) -> None:
        if not temperature > 0:
            raise ValueError(f"temperature is {temperature!r}; it must be above zero.")
        self.gallery, self.gallery_classes, self.classes = gallery, gallery_classes, classes
        self.score, self.gamma, self.temperature, self.distance = score, gamma, temperature, distance

    def predict(self, embeddings: Tensor, *, nearest: int = 5, own: Tensor | None = None) -> ClassPrediction:
        """Class probabilities of clips (N, T, F), with S̄ and their `nearest` exemplars. No gradient.

        Args:
            own: int (N,), a clip's own place among the exemplars, which it is not compared with; -1 for none.
        """
        alignability = class_alignability(
            embeddings, self.gallery, self.gallery_classes, self.classes, self.score, self.gamma,
            nearest=nearest, distance=self.distance, own=own,
        )  # fmt: skip
        return ClassPrediction(self.probabilities(alignability.scores), alignability)

    @torch.no_grad()
    def pair_scores(self, embeddings: Tensor) -> Tensor:
        """Alignability of clips (N, T, F) with every exemplar: logits (N, M), float64."""
        distances = pairwise_distance(embeddings, self.gallery, self.distance, self.gamma)
        return logits_of(frozen(self.score), distances, embeddings.shape[1])

    def probabilities(self, scores: Tensor) -> Tensor:
        """p_A (N, K) of class alignabilities S̄ (N, K) (Eq. 8)."""
        return torch.softmax(scores / self.temperature, dim=1)
