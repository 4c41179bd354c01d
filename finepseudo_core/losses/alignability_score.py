"""Cross-entropy of the alignability score: one for clips of the same class, zero for clips of two."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from finepseudo_core.alignment.alignability import AlignabilityScore
from finepseudo_core.losses.alignment_triplet import triplets

PAIRS = ("all", "triplet")


class AlignabilityScoreLoss(nn.Module):
    """L_score = binary cross-entropy of S(a, b) against "same class".

    FinePseudo (Dave et al., ECCV 2024), Eq. 4.

    Args:
        pairs: `all` pairs of two different clips of the batch, or only those that occur in a `triplet`: the
            anchor-positive pairs, and those of an anchor that has a positive with another class's clip.
        detach: keep this loss from moving the encoder; it then trains f_S alone.
        balanced: put half the total weight on each label; off, pairs of two classes count by their number.

    Raises:
        ValueError: unknown pairs.
    """

    def __init__(self, pairs: str = "all", *, detach: bool = False, balanced: bool = True) -> None:
        super().__init__()
        if pairs not in PAIRS:
            raise ValueError(f"unknown pairs {pairs!r}; choose one of {', '.join(PAIRS)}.")
        self.pairs, self.detach, self.balanced = pairs, detach, balanced

    def forward(
        self,
        distances: Tensor,
        labels: Tensor,
        score: AlignabilityScore,
        frames: int,
        weights: Tensor | None = None,
    ) -> Tensor:
        """Distances (B, B), class ids (B,), f_S, frames T and optional clip weights (B,) -> scalar.

        A pair weighs as much as the product of its clips' weights. Where only one label occurs it takes all
        of a balanced weight; a batch without a pair gives zero, with a graph.
        """
        first, second = self._choose(labels)
        chosen = distances[first, second]
        logits = score(chosen.detach() if self.detach else chosen, frames)
        same = (labels[first] == labels[second]).to(logits)
        importance = torch.ones_like(logits)
        if weights is not None:
            importance = (weights[first] * weights[second]).to(logits)
        shares = importance
        if self.balanced:
            of_same, of_different = (importance * same).sum(), (importance * (1 - same)).sum()
            shares = importance * torch.where(same > 0, _inverse(of_same), _inverse(of_different))
        losses = functional.binary_cross_entropy_with_logits(logits, same, reduction="none")
        return (losses * shares).sum() * _inverse(shares.sum())

    def _choose(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        if self.pairs == "all":
            first, second = torch.triu_indices(len(labels), len(labels), 1, device=labels.device)
            return first, second
        anchor, positive, negative = triplets(labels)
        pairs = torch.stack((anchor.repeat(2), torch.cat((positive, negative))))
        first, second = torch.unique(pairs, dim=1)
        return first, second


def _inverse(total: Tensor) -> Tensor:
    """1 / total, and 0 where the total is 0."""
    return torch.where(total > 0, 1 / total.clamp_min(torch.finfo(total.dtype).tiny), torch.zeros_like(total))
