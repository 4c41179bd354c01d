"""Bounds on class alignability (Eq. 7) that tighten with every exemplar a clip is compared with.

They hold for what `class_alignability` works out in floating point, not only for real numbers.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from finepseudo_core.alignment.alignability import (
    ROUNDING,
    AlignabilityScore,
    check_gallery,
    frozen,
    logits_of,
)
from finepseudo_core.alignment.pairwise import pairwise_soft_dtw


def distance_drift(first: int, second: int, features: int, gamma: float, device: str) -> float:
    """Largest difference between a pair's soft-DTW in one block of pairs and in another, in float32.

    None on the CPU: norms, cosines and recursion of a pair are worked out by the same instructions wherever
    it stands (held by a test). Elsewhere a matrix product sums in an order that depends on the block, so
    rounding is bounded for any order. Soft-DTW is a soft minimum over paths of at most T1 + T2 - 1 cells,
    and a minimum moves by no more than its arguments: errors of cells add up along a path at most. A cell
    errs by its cosine (F products of unit vectors, two norms), by a few roundings of R, which is at most
    2 max(T1, T2) (the path along the diagonal), and by 1e-6 γ for the functions in the soft minimum.

    Args:
        first, second: frames T1 and T2.
        features: F.
        gamma: soft-DTW smoothing.
        device: type of the device that holds the clips.
    """
    if device == "cpu":
        return 0.0
    largest = 2 * max(first, second) + _smoothing(first, second, gamma)
    cell = (2 * features + 16) * ROUNDING + 4 * ROUNDING * largest + 1e-6 * gamma
    return 2 * (first + second - 1) * cell


def _smoothing(first: int, second: int, gamma: float) -> float:
    """At most how far soft-DTW lies below hard DTW: γ log(paths), and every step has three choices."""
    return gamma * (first + second - 2) * math.log(3)


class AlignabilityBounds:
    """Lower and upper bounds on S̄ (N, K) as `class_alignability` would give it, from some of the exemplars.

    With m of a class's n exemplars seen, the n - m others score between the extremes of f_S over all
    distances there can be.

    Args:
        embeddings: frame embeddings (N, T, F) of the clips to judge.
        gallery: frame embeddings (M, T', F) of the exemplars.
        gallery_classes: int (M,), class of each exemplar.
        classes: K.
        score: f_S.
        gamma: soft-DTW smoothing.

    Attributes:
        ranks: int (M,), place of an exemplar among those of its class.
        members: int (K,), exemplars of each class.
        seen: int (N, K), exemplars of each class that a clip was compared with.
        pairs: distances worked out so far.

    Raises:
        ValueError: a class out of range, or sizes that don't fit together.
    """

    def __init__(
        self,
        embeddings: Tensor,
        gallery: Tensor,
        gallery_classes: Tensor,
        classes: int,
        score: AlignabilityScore,
        gamma: float,
    ) -> None:
        check_gallery(gallery, gallery_classes, classes)
        embeddings, gallery = embeddings.contiguous(), gallery.contiguous()
        self.embeddings, self.gallery, self.score, self.gamma = embeddings, gallery, frozen(score), gamma
        self.classes = gallery_classes.to(embeddings.device).long()
        of_class = functional.one_hot(self.classes, classes)  # (M, K)
        self.ranks = (of_class.cumsum(0) - 1).gather(1, self.classes[:, None]).squeeze(1)
        self.members = of_class.sum(0)
        self.seen = torch.zeros(len(embeddings), classes, dtype=torch.int64, device=embeddings.device)
        self.pairs = 0
        self._of_class = of_class.double()
        self._least = torch.zeros(len(embeddings), classes, dtype=torch.float64, device=embeddings.device)
        self._most = torch.zeros_like(self._least)
        self._prepare()

    @torch.no_grad()
    def _prepare(self) -> None:
        """How far the logits of a pair may drift, and the extremes of f_S over all possible distances."""
        frames, others = self.embeddings.shape[1], self.gallery.shape[1]
        features, device = self.embeddings.shape[2], self.embeddings.device.type
        drift = distance_drift(frames, others, features, self.gamma, device)
        spare = distance_drift(frames, others, features, self.gamma, "any") / 2  # what rounding may add
        shortest, longest = -_smoothing(frames, others, self.gamma) - spare, 2 * max(frames, others) + spare
        self._slack = self.score.slack(drift, max(longest, -shortest), frames)
        kinks = self.score.kinks(frames).clamp(shortest, longest)
        ends = torch.tensor([shortest, longest], dtype=torch.float64, device=kinks.device)
        logits = logits_of(self.score, torch.cat((ends, kinks)), frames)
        self._extremes = tuple(
            torch.sigmoid(torch.stack((logits.min() - self._slack, logits.max() + self._slack))).tolist()
        )

    @torch.no_grad()
    def compare(self, clips: Tensor, exemplars: Tensor) -> None:
        """Compare every clip named with every exemplar named; what a clip has seen before counts once.

        A clip sees the exemplars of a class in the order of their ranks: name no exemplar before those of
        lower rank.

        Args:
            clips: int (n,), places of clips.
            exemplars: int (m,), places in the gallery.
        """
        fresh = self.ranks[exemplars] >= self.seen[clips][:, self.classes[exemplars]]  # (n, m)
        needed = fresh.any(0)
        exemplars, fresh = exemplars[needed], fresh[:, needed]
        if not len(clips) or not len(exemplars):
            return
        # clips first, as in the full pass: swapped, the sums of the recursion would round differently
        distances = pairwise_soft_dtw(self.embeddings[clips], self.gallery[exemplars], self.gamma)
        logits = logits_of(self.score, distances, self.embeddings.shape[1])
        of_class = self._of_class[exemplars]
        self._least[clips] += (torch.sigmoid(logits - self._slack) * fresh) @ of_class
        self._most[clips] += (torch.sigmoid(logits + self._slack) * fresh) @ of_class
        self.seen[clips] += (fresh.double() @ of_class).long()
        self.pairs += distances.numel()

    def bounds(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Least and greatest S̄ of some clips (n,), float64 (n, K) each; 0 for a class without exemplars."""
        count = self.members.clamp_min(1)
        unseen = self.members - self.seen[clips]
        rounding = (self.members + 8) * ROUNDING * (self.members > 0)  # of S and of its mean
        least = (self._least[clips] + unseen * self._extremes[0]) / count - rounding
        greatest = (self._most[clips] + unseen * self._extremes[1]) / count + rounding
        return least, greatest
