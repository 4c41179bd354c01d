"""CARL's sequence contrast: frames of two views are alike the more, the nearer they are in time."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from finepseudo_core.alignment.costs import normalise


class SequenceContrastiveLoss(nn.Module):
    """Cross-entropy between a Gaussian over time and the similarities of one view's frames to the other's.

    L = mean over i of -Σ_j w_ij log softmax_j(cos(x_i, y_j) / τ), both ways round, averaged;
    w_ij ∝ exp(-(s_i - t_j)² / (2 · variance)), Σ_j w_ij = 1. CARL (Chen et al., CVPR 2022), Eq. 1-2: their KL
    divergence is this less the entropy of w, which no embedding moves.

    Args:
        temperature: τ, > 0.
        variance: σ² of the Gaussian, in the squared unit of the times, > 0. Towards 0 the loss becomes
            InfoNCE on the frame nearest in time.

    Raises:
        ValueError: an argument that is not above zero.
    """

    def __init__(self, temperature: float = 0.1, variance: float = 10.0) -> None:
        super().__init__()
        if not temperature > 0 or not variance > 0:
            raise ValueError(f"temperature {temperature!r} and variance {variance!r} must be above zero.")
        self.temperature, self.variance = temperature, variance

    def forward(self, first: Tensor, second: Tensor, first_times: Tensor, second_times: Tensor) -> Tensor:
        """Projected frames (B, T1, F) and (B, T2, F) with their times (B, T1) and (B, T2) -> scalar."""
        with torch.autocast(first.device.type, enabled=False):
            first, second = normalise(first), normalise(second)
            logits = first @ second.transpose(1, 2) / self.temperature  # (B, T1, T2)
            apart = first_times.to(logits)[:, :, None] - second_times.to(logits)[:, None, :]
            nearness = -(apart**2) / (2 * self.variance)  # log w before normalisation
            return (_one_way(logits, nearness) + _one_way(logits.mT, nearness.mT)) / 2


def _one_way(logits: Tensor, nearness: Tensor) -> Tensor:
    """Mean cross-entropy of every row's softmax against the softmax of its nearness."""
    target = nearness.softmax(dim=2)
    return -(target * functional.log_softmax(logits, dim=2)).sum(2).mean()
