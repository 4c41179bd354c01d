"""Collaborative pseudo-labels with no more alignment than each decision needs.

The decisions are exactly those of `decide` on the evidence of the full pass: one is taken early only where
bounds leave a single outcome, rounding included; a clip they leave open is judged by the full pass itself.

A class can be accepted only where p_E leaves room for it, so most clips are *rejected* after a look at a few
classes or none. To *accept* a clip takes more: p_A of one class has all the others in its denominator, each
of which must be known to be unlike the clip. So it pays with many classes, not with a handful.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from finepseudo_core.alignment import alignability
from finepseudo_core.alignment.alignability import ROUNDING, class_alignability
from finepseudo_core.alignment.alignability_bounds import AlignabilityBounds
from finepseudo_core.config import PseudoLabelConfig
from finepseudo_core.pseudo_labels.nonparametric_classifier import NonparametricClassifier
from finepseudo_core.pseudo_labels.strategies import Evidence, decide

REJECTED = -1
_OPEN = -2
CHUNKS_AT_ONCE = 4  # chunks of the full pass bounded together, so that the clips of a class fill the lanes
MOST_CANDIDATES = 4  # classes worth a look of their own; a clip with more is compared with all at once
SHARES = (0.4, 0.6, 0.8, 1.0)  # of every class's exemplars, compared before the bounds are looked at again


class EarlyDecisions(NamedTuple):
    """Labels, and what they cost.

    Args:
        labels: int64 (N,), the accepted class, or REJECTED.
        pairs: distances worked out.
        possible: distances that the full pass works out, N x M.
    """

    labels: np.ndarray
    pairs: int
    possible: int


@torch.no_grad()
def decide_early(
    embeddings: Tensor,
    action: np.ndarray,
    classifier: NonparametricClassifier,
    config: PseudoLabelConfig,
    *,
    gate: bool = True,
    progressive: bool = True,
) -> EarlyDecisions:
    """Labels of the clips that the collaborative strategy accepts, as the full pass decides them.

    Args:
        embeddings: frame embeddings (N, T, F).
        action: p_E (N, K), probabilities of the action encoder.
        classifier: φ_A with its gallery.
        config: threshold θ and how p_E and p_A are combined; the strategy is `collaborative`.
        gate: compare a clip first with the classes that p_E leaves room for, and with none where it leaves
            none.
        progressive: compare with a share of every class's exemplars at a time, not with all at once.
            Without either saving, the full pass.

    Raises:
        ValueError: another distance than soft-DTW; another strategy, whose labels need no alignment or all
            of it; p_E that does not fit the clips; p_E or an embedding that is not finite.
    """
    if config.strategy != "collaborative":
        raise ValueError(f"the strategy is {config.strategy!r}; only `collaborative` is decided early.")
    if classifier.distance != "soft_dtw":
        raise ValueError(f"the distance is {classifier.distance!r}; the bounds are those of soft_dtw.")
    expected = (len(embeddings), classifier.classes)
    if action.shape != expected:
        raise ValueError(f"p_E has shape {action.shape}; these clips and classes need {expected}.")
    if not np.isfinite(action).all():
        raise ValueError("p_E holds values that are not finite; the action encoder has diverged.")
    finite = embeddings.isfinite().flatten(1).all(1)
    if not bool(finite.all()):  # the full pass refuses it even where no comparison is needed
        raise ValueError(
            f"embeddings[{int((~finite).nonzero()[0])}] holds a value that is not finite; "
            "look for a diverged encoder."
        )
    labels = np.full(len(embeddings), _OPEN)
    pairs = 0
    step = alignability.CLIPS_AT_ONCE * CHUNKS_AT_ONCE
    for start in range(0, len(embeddings) if gate or progressive else 0, step):
        here = slice(start, start + step)
        block = _Block(embeddings[here], action[here], classifier, config)
        block.narrow(gate=gate, shares=SHARES if progressive else (1.0,))
        labels[here] = block.labels.cpu().numpy()
        pairs += block.bounds.pairs
    pairs += _finish(labels, embeddings, action, classifier, config)
    return EarlyDecisions(labels, pairs, len(embeddings) * len(classifier.gallery))


def _finish(
    labels: np.ndarray,
    embeddings: Tensor,
    action: np.ndarray,
    classifier: NonparametricClassifier,
    config: PseudoLabelConfig,
) -> int:
    """Label the open clips by the full pass, in the same chunks; gives the number of pairs worked out."""
    left = np.flatnonzero(labels == _OPEN)
    if not len(left):
        return 0
    size, pairs = alignability.CLIPS_AT_ONCE, 0
    scores = torch.zeros(len(embeddings), classifier.classes, device=embeddings.device)
    for chunk in np.unique(left // size).tolist():
        here = slice(chunk * size, chunk * size + size)
        scores[here] = class_alignability(
            embeddings[here], classifier.gallery, classifier.gallery_classes, classifier.classes,
            classifier.score, classifier.gamma,
        ).scores  # fmt: skip
        pairs += len(scores[here]) * len(classifier.gallery)
    probabilities = classifier.probabilities(scores).cpu().numpy()
    evidence = Evidence(action[left], probabilities[left], scores.cpu().numpy()[left])
    decision = decide(evidence, config)
    labels[left] = np.where(decision.accepted, decision.labels, REJECTED)
    return pairs


class _Block:
    """Clips decided together, and what is known about them."""

    def __init__(
        self,
        embeddings: Tensor,
        action: np.ndarray,
        classifier: NonparametricClassifier,
        config: PseudoLabelConfig,
    ) -> None:
        self.bounds = AlignabilityBounds(
            embeddings, classifier.gallery, classifier.gallery_classes, classifier.classes,
            classifier.score, classifier.gamma,
        )  # fmt: skip
        self.action = torch.from_numpy(np.asarray(action, np.float64)).to(embeddings.device)
        self.temperature, self.threshold = classifier.temperature, config.threshold
        self.scale = 1.0 if config.combine == "sum" else 0.5  # what p_E + p_A is multiplied by before θ
        self.labels = torch.full((len(embeddings),), _OPEN, device=embeddings.device)

    def narrow(self, *, gate: bool, shares: tuple[float, ...]) -> None:
        """Compare open clips with candidate classes first where asked, then with all, until bounds decide."""
        everything = torch.arange(len(self.bounds.classes), device=self.labels.device)
        if gate:
            self._settle()
            clips = self._open()
            candidates = self._limits(clips)[1] > self.threshold  # (n, K)
            candidates &= candidates.sum(1, keepdim=True) <= MOST_CANDIDATES
            for place in candidates.any(0).nonzero().flatten().tolist():
                self.bounds.compare(clips[candidates[:, place]], everything[self.bounds.classes == place])
            self._settle()
        for share in shares:
            stop = math.ceil(share * int(self.bounds.members.max()))
            self.bounds.compare(self._open(), everything[self.bounds.ranks < stop])
            self._settle()

    def _open(self) -> Tensor:
        return (self.labels == _OPEN).nonzero().flatten()

    def _limits(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Least and most that meets θ for every class, (n, K) each, as the full pass rounds it."""
        least, most = probability_bounds(*self.bounds.bounds(clips), self.temperature)
        action = self.action[clips]
        rounding = 16 * ROUNDING * (1 + action.abs())
        return self.scale * (action + least - rounding), self.scale * (action + most + rounding)

    def _settle(self) -> None:
        """Decide the open clips for which a single outcome is left."""
        clips = self._open()
        least, most = self._limits(clips)
        best, label = least.max(1)
        rivals = most.scatter(1, label[:, None], -torch.inf).amax(1)
        self.labels[clips[most.amax(1) <= self.threshold]] = REJECTED
        accepted = (best > self.threshold) & (best > rivals)
        self.labels[clips[accepted]] = label[accepted]


def probability_bounds(least: Tensor, most: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Bounds on softmax(S̄ / τ) as float32 rounds it, for S̄ between bounds; all float64 (N, K).

    A class's probability is least where its own S̄ is least and all others are greatest, and the other way
    round; besides, what one class has for certain no other can have.
    """
    width = 8 * ROUNDING  # division by τ and the difference from the greatest round S̄ / τ
    least, most = least - width, most + width
    classes = least.shape[1]
    share = (classes + 16) * ROUNDING
    fuzz = 1e-15 * (classes + 1)  # of a sum of the others got by subtraction
    top = least.amax(1, keepdim=True)
    others = _others(least, top, temperature) - fuzz
    highest = 1 / (1 + others.clamp_min(0) * torch.exp((top - most) / temperature))
    top = most.amax(1, keepdim=True)
    others = _others(most, top, temperature) + fuzz
    lowest = 1 / (1 + others * torch.exp((top - least) / temperature))
    lowest, highest = lowest.nan_to_num(nan=0.0), highest.nan_to_num(nan=1.0)
    certain, place = lowest.max(1, keepdim=True)
    rest = (1 - certain).expand_as(highest).scatter(1, place, 1.0)
    return lowest * (1 - share), torch.minimum(highest, rest) * (1 + share)


def _others(scores: Tensor, top: Tensor, temperature: float) -> Tensor:
    """Sum of exp((S̄ - top) / τ) over all classes but one, for every class (N, K)."""
    terms = torch.exp((scores - top) / temperature)
    return terms.sum(1, keepdim=True) - terms
