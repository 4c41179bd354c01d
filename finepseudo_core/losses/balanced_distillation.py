"""TimeBalance's distillation: a student follows two teachers, each as far as the clip suits it."""

import torch
from torch import Tensor, nn
from torch.nn import functional

DIVERGENCES = ("l2", "cross_entropy")


class BalancedDistillationLoss(nn.Module):
    """Divergence of the student's p from w p_I + (1 - w) p_D, mean over clips.

    After TimeBalance (Dave et al., CVPR 2023): the more alike the moments of a clip are, the more the
    temporally-invariant teacher p_I counts, else the temporally-distinctive one, p_D.

    Args:
        divergence: `l2`, the squared distance of the probabilities, or `cross_entropy`.

    Raises:
        ValueError: unknown divergence.
    """

    def __init__(self, divergence: str = "l2") -> None:
        super().__init__()
        if divergence not in DIVERGENCES:
            raise ValueError(f"unknown divergence {divergence!r}; choose one of {', '.join(DIVERGENCES)}.")
        self.divergence = divergence

    def forward(self, student: Tensor, invariant: Tensor, distinctive: Tensor, similarity: Tensor) -> Tensor:
        """Logits (N, K) of the three networks and the similarity w (N,) in [0, 1] -> scalar.

        The teachers get no gradient.
        """
        weight = similarity[:, None].to(student)
        with torch.no_grad():
            target = weight * invariant.softmax(dim=1) + (1 - weight) * distinctive.softmax(dim=1)
        if self.divergence == "l2":
            return (student.softmax(dim=1) - target).square().sum(1).mean()
        return functional.cross_entropy(student, target)
