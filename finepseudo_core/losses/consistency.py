"""FixMatch's unlabelled loss: the strong view of a clip must agree with what its weak view is sure of."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConsistencyLoss(nn.Module):
    """(1/N) Σ 1[max q >= threshold] H(argmax q, p), q of the weak view without gradient, p of the strong one.

    FixMatch (Sohn et al., NeurIPS 2020), Eq. 4.

    Args:
        threshold: least confidence of q, in [0, 1].

    Raises:
        ValueError: threshold out of range.
    """

    def __init__(self, threshold: float = 0.95) -> None:
        super().__init__()
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold is {threshold!r}; it must be between 0 and 1.")
        self.threshold = threshold

    def forward(self, weak: Tensor, strong: Tensor) -> Tensor:
        """Logits (N, K) of the weak and of the strong views -> scalar; the mean counts unsure clips too."""
        labels = weak.detach().argmax(dim=1)
        losses = functional.cross_entropy(strong, labels, reduction="none")  # (N,)
        return (losses * self.sure(weak)).mean()

    def sure(self, weak: Tensor) -> Tensor:
        """Which clips (N,) have a label by their weak logits (N, K)."""
        with torch.no_grad():
            return weak.softmax(dim=1).amax(dim=1) >= self.threshold
