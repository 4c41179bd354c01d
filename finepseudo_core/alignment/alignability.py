"""The learnable alignability score (Eq. 3) and its mean over a class's exemplars (Eq. 7)."""

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from finepseudo_core.alignment.distances import pairwise_distance

CLIPS_AT_ONCE = 256  # also what a clip costs that bounds leave open: the chunk it is in
PAIRS_AT_ONCE = 1 << 13  # pairs whose hidden layer exists at once: 2 MB at width 32, which stay in the cache
ROUNDING = torch.finfo(torch.float32).eps / 2  # u, the relative error of one operation in float32


class AlignabilityScore(nn.Module):
    """S(u, v) = σ(f_S(D(u, v) / T)), f_S a two-layer MLP on the scalar.

    FinePseudo (Dave et al., ECCV 2024), Eq. 3.

    Args:
        hidden: width of the hidden layer.
        standardise: put D / T to mean 0 and deviation 1 by running estimates first; without it f_S stays
            uncalibrated, because distances live in a narrow range that moves while the encoder learns.
        monotone: force f_S to fall with the distance.
        per_frame: score D / T; off, D itself, which differs where distances are not standardised.
        learnt: False takes the standardised distance itself, turned round, in place of f_S.
        momentum: weight of a new batch in the running estimates.
    """

    mean: Tensor
    deviation: Tensor
    batches: Tensor

    def __init__(
        self,
        hidden: int = 32,
        *,
        standardise: bool = True,
        monotone: bool = False,
        per_frame: bool = True,
        learnt: bool = True,
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        self.learnt, self.per_frame = learnt, per_frame
        self.standardise, self.monotone, self.momentum = standardise, monotone, momentum
        self.inner = nn.Linear(1, hidden)
        self.outer = nn.Linear(hidden, 1)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def forward(self, distance: Tensor, frames: int) -> Tensor:
        """Logits of the score, in the shape of the distances (...).

        In training mode with `standardise`, the running estimates learn from these distances first.

        Args:
            distance: soft-DTW distances of any shape.
            frames: T, the frames of a clip.
        """
        measured = distance / self._unit(frames)
        if self.standardise:
            if self.training and measured.numel() > 1:
                self._follow(measured.detach())
            measured = (measured - self.mean) / self.deviation
        if not self.learnt:
            return -measured
        column = measured.unsqueeze(-1).to(self.inner.weight.dtype)
        if not self.monotone:
            return self.outer(functional.relu(self.inner(column))).squeeze(-1)
        # rising times rising times falling: the sign of every weight is fixed by softplus
        rising = torch.tanh(
            functional.linear(column, functional.softplus(self.inner.weight), self.inner.bias)
        )
        return functional.linear(rising, -functional.softplus(self.outer.weight), self.outer.bias).squeeze(-1)

    def score(self, distance: Tensor, frames: int) -> Tensor:
        """Alignability in [0, 1], in the shape of the distances."""
        return torch.sigmoid(self(distance, frames))

    @torch.no_grad()
    def kinks(self, frames: int) -> Tensor:
        """Distances where the slope of the logits changes, ascending; none where `monotone`.

        Between two of them the logits are a straight line, so their extremes lie at the ends or at kinks.
        """
        weight, bias = self.inner.weight.flatten(), self.inner.bias
        bends = (weight != 0) & (self.learnt and not self.monotone)
        places = -bias[bends] / weight[bends]
        if self.standardise:
            places = places * self.deviation + self.mean
        return (places * self._unit(frames)).sort().values

    @torch.no_grad()
    def slack(self, drift: float, furthest: float, frames: int) -> float:
        """How far the logits of two distances, at most `drift` apart, can lie apart as worked out.

        The steepest slope times the drift, plus twice the rounding of one evaluation. A sum of n products
        errs by about n u times the sum of their sizes at most, in any order (Higham, Accuracy and Stability
        of Numerical Algorithms, 2002, Sec. 3.1).

        Args:
            drift: largest difference of two distances.
            furthest: largest size of a distance.
            frames: T, the frames of a clip.
        """
        inner, outer, bias = self.inner.weight.flatten(), self.outer.weight.flatten(), self.inner.bias
        if self.monotone:  # tanh is steepest at zero, at worst for every unit at once
            inner, outer = functional.softplus(inner), functional.softplus(outer)
            steepest = float((inner * outer).sum())
        else:  # one point inside every straight piece tells which units are on there
            bends = (-bias / inner)[inner != 0].sort().values
            ends = torch.cat((bends[:1] - 1, bends, bends[-1:] + 1))
            inside = (ends[1:] + ends[:-1]) / 2
            on = (inside[:, None] * inner + bias > 0).to(inner.dtype)  # (pieces, hidden)
            steepest = max((on @ (inner * outer)).abs().tolist(), default=0.0)
        mean, deviation = (float(self.mean), float(self.deviation)) if self.standardise else (0.0, 1.0)
        unit = self._unit(frames)
        reach = (furthest / unit + abs(mean)) / deviation
        if not self.learnt:
            steepest = 1.0
        size = float((outer.abs() * (inner.abs() * reach + bias.abs())).sum() + self.outer.bias.abs())
        rounding = (len(inner) + 16) * torch.finfo(inner.dtype).eps / 2 * size
        return steepest * drift / (unit * deviation) + 2 * rounding

    def _unit(self, frames: int) -> int:
        """What a distance is measured in: frames, or itself."""
        return frames if self.per_frame else 1

    @torch.no_grad()
    def _follow(self, measured: Tensor) -> None:
        share = self.momentum if int(self.batches) else 1.0
        self.mean.lerp_(measured.mean().to(self.mean), share)
        self.deviation.lerp_(measured.std().clamp_min(1e-6).to(self.deviation), share)
        self.batches += 1


def frozen(score: AlignabilityScore) -> AlignabilityScore:
    """A copy of the score in float64 that no longer learns.

    A product's sums come in an order that depends on how many pairs are scored at once; in float64 that
    is far below what a score of float32 can show.
    """
    return copy.deepcopy(score).double().eval().requires_grad_(False)


def logits_of(score: AlignabilityScore, distances: Tensor, frames: int) -> Tensor:
    """Logits of a frozen score, float64, in the shape of the distances; few hidden layers exist at once."""
    with torch.autocast(distances.device.type, enabled=False):
        parts = [score(part.double(), frames) for part in distances.flatten().split(PAIRS_AT_ONCE)]
    return torch.cat(parts).view_as(distances)


class ClassAlignability(NamedTuple):
    """How well clips align with the exemplars of every class.

    Args:
        scores: S̄ (N, K), mean score over each class's exemplars; 0 for a class without exemplars.
        nearest: (N, n) places in the gallery of the most alignable exemplars of any class, best first.
        nearest_scores: (N, n) their scores; -1 for the clip itself, where it is an exemplar.
    """

    scores: Tensor
    nearest: Tensor
    nearest_scores: Tensor


@torch.no_grad()
def class_alignability(
    embeddings: Tensor,
    gallery: Tensor,
    gallery_classes: Tensor,
    classes: int,
    score: AlignabilityScore,
    gamma: float,
    *,
    nearest: int = 0,
    distance: str = "soft_dtw",
    own: Tensor | None = None,
) -> ClassAlignability:
    """S̄_c(U) = mean of S(f_A(U), exemplar) over the exemplars of class c.

    FinePseudo (Dave et al., ECCV 2024), Eq. 7. Works through the clips in blocks of CLIPS_AT_ONCE; the score
    is used in evaluation mode and its running estimates stay as they are. Where only accepted labels are
    wanted, `AlignabilityBounds` needs fewer comparisons.

    Args:
        embeddings: frame embeddings (N, T, F) of the clips to judge.
        gallery: frame embeddings (M, T', F) of the exemplars.
        gallery_classes: int (M,), class of each exemplar.
        classes: K.
        score: f_S.
        gamma: soft-DTW smoothing.
        nearest: how many of the most alignable exemplars to name per clip; 0 names none.
        distance: what f_S is given; a kind of `pairwise_distance`.
        own: int (N,), the place in the gallery of a clip that is an exemplar itself, -1 for none: a clip
            can't vouch for itself, so its class's mean is over the others, and 0 without others.

    Raises:
        ValueError: a class out of range, or sizes that don't fit together.
    """
    check_gallery(gallery, gallery_classes, classes)
    embeddings, gallery = embeddings.contiguous(), gallery.contiguous()  # norms add up in one order
    gallery_classes = gallery_classes.to(embeddings.device)
    members = functional.one_hot(gallery_classes.long(), classes).to(torch.float32)  # (M, K)
    members = members / members.sum(0).clamp_min(1)
    shown = min(nearest, len(gallery))
    scores = torch.zeros(len(embeddings), classes, device=embeddings.device)
    best = torch.zeros(len(embeddings), shown, device=embeddings.device)
    places = torch.zeros(len(embeddings), shown, dtype=torch.int64, device=embeddings.device)
    score = frozen(score)
    for start in range(0, len(embeddings), CLIPS_AT_ONCE):
        here = slice(start, start + CLIPS_AT_ONCE)
        distances = pairwise_distance(embeddings[here], gallery, distance, gamma)
        of_pairs = logits_of(score, distances, embeddings.shape[1]).sigmoid_().float()
        scores[here] = of_pairs @ members
        if own is not None:
            _leave_out_itself(of_pairs, scores[here], own[here], members)
        if shown:
            best[here], places[here] = of_pairs.topk(shown, dim=1)
    return ClassAlignability(scores, places, best)


def _leave_out_itself(of_pairs: Tensor, scores: Tensor, own: Tensor, members: Tensor) -> None:
    """Put a clip's score with itself below all in of_pairs (n, M), and out of its mean in scores (n, K)."""
    rows = (own >= 0).nonzero().flatten()
    if not len(rows):
        return
    places = own[rows]
    of_pairs[rows, places] = -1.0
    classes = members[places].argmax(1)
    others = (members[:, classes] > 0).T.to(of_pairs)  # (r, M)
    others[torch.arange(len(rows), device=rows.device), places] = 0
    scores[rows, classes] = (of_pairs[rows] * others).sum(1) / others.sum(1).clamp_min(1)


def check_gallery(gallery: Tensor, gallery_classes: Tensor, classes: int) -> None:
    """Refuse exemplars without a class of their own, or of a class that does not exist.

    Raises:
        ValueError: a class out of range, or sizes that don't fit together.
    """
    if gallery_classes.shape != (len(gallery),):
        raise ValueError(f"{len(gallery)} exemplars but classes of shape {tuple(gallery_classes.shape)}.")
    if len(gallery) and not 0 <= int(gallery_classes.min()) <= int(gallery_classes.max()) < classes:
        raise ValueError(f"exemplar classes must lie between 0 and {classes - 1}.")
