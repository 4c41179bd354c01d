"""Triplet loss on alignment distances: clips of one class must align better than clips of two."""

import torch
from torch import Tensor, nn

MININGS = ("hard", "all", "hardest", "semihard", "random")
MEANS = ("mined", "all")


class AlignabilityTripletLoss(nn.Module):
    """L_AT = mean(max(0, D(a, p) - D(a, n) + margin)) over active triplets, D = soft-DTW.

    FinePseudo (Dave et al., ECCV 2024), Eq. 2.

    Args:
        margin: gap asked between the negative and the positive distance, > 0.
        mining: which negatives take part.
            hard: all that violate the margin, D(a, n) < D(a, p) + margin.
            all: every negative; the mean then counts the satisfied triplets too.
            hardest: for each anchor and positive only the nearest negative, if it violates the margin.
            semihard: violating negatives that are still farther away than the positive.
            random: for each anchor and positive one of the violating negatives, drawn by torch's seed.
        over: what the mean is over: the `mined` triplets, or `all` of the batch, so that a batch counts
            less the fewer of its triplets are still active.

    Raises:
        ValueError: margin <= 0, an unknown mining, or a mean over something unknown.
    """

    def __init__(self, margin: float = 0.1, mining: str = "hard", over: str = "mined") -> None:
        super().__init__()
        if not margin > 0:
            raise ValueError(f"margin is {margin!r}; it must be above zero.")
        if mining not in MININGS:
            raise ValueError(f"unknown mining {mining!r}; choose one of {', '.join(MININGS)}.")
        if over not in MEANS:
            raise ValueError(f"a mean over {over!r} is unknown; choose one of {', '.join(MEANS)}.")
        self.margin, self.mining, self.over = margin, mining, over

    def forward(self, distances: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """Distances (B, B) of a batch, class ids (B,) and optional clip weights (B,) -> scalar.

        A triplet weighs as much as the product of its three clips' weights. A batch without an active
        triplet gives zero, with a graph.
        """
        anchor, positive, negative = triplets(labels)
        gaps = distances[anchor, positive] - distances[anchor, negative] + self.margin
        kept = self._mine(gaps, anchor, positive, len(labels))
        counted = torch.ones_like(kept) if self.over == "all" else kept
        losses = torch.where(kept, gaps, torch.zeros_like(gaps))[counted].clamp_min(0)
        if weights is None:
            return losses.sum() / max(1, len(losses))
        shares = (weights[anchor] * weights[positive] * weights[negative])[counted].to(gaps)
        total = shares.sum()
        return (losses * shares).sum() / torch.where(total > 0, total, torch.ones_like(total))

    def _mine(self, gaps: Tensor, anchor: Tensor, positive: Tensor, batch: int) -> Tensor:
        gaps = gaps.detach()
        if self.mining == "all":
            return torch.ones_like(gaps, dtype=torch.bool)
        violating = gaps > 0
        if self.mining == "hard":
            return violating
        if self.mining == "semihard":
            return violating & (gaps < self.margin)
        pairs = anchor * batch + positive
        if self.mining == "random":  # a generator of its own: every process draws the same
            drawn = torch.rand(len(gaps), generator=torch.Generator().manual_seed(torch.initial_seed()))
            gaps = torch.where(violating, drawn.to(gaps), -torch.inf)
        widest = gaps.new_full((batch * batch,), -torch.inf).scatter_reduce(0, pairs, gaps, "amax")
        return violating & (gaps == widest[pairs])


def triplets(labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Every (anchor, positive, negative) of a batch: three index vectors of one length, in fixed order."""
    same = labels[:, None] == labels[None]
    others = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    anchor, positive, negative = (others[:, :, None] & ~same[:, None, :]).nonzero(as_tuple=True)
    return anchor, positive, negative
