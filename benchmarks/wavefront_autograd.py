"""Soft-DTW as it is usually written in torch: operations on whole anti-diagonals, gradient by autograd."""

import math

import torch
from torch import Tensor
from torch.nn import functional


def soft_dtw(costs: Tensor, gamma: float) -> Tensor:
    """Distances (B,) of costs (B, T1, T2); softmin by logsumexp, gradient by autograd."""
    batch, rows, columns = costs.shape
    ends = [(max(0, k - columns + 1), min(k, rows - 1)) for k in range(rows + columns - 1)]
    order = [i * columns + k - i for k, (low, high) in enumerate(ends) for i in range(low, high + 1)]
    diagonals = costs.flatten(1)[:, order].split([high - low + 1 for low, high in ends], dim=1)

    before, previous = (
        costs.new_full((batch, 2), math.inf),
        _padded(diagonals[0]),
    )  # two and one diagonal back
    before_low, previous_low = 0, 0  # the row of the first cell after the padding
    for k in range(1, rows + columns - 1):
        low, size = ends[k][0], diagonals[k].shape[1]
        neighbours = (  # a padded diagonal holds row i at i - its low + 1
            before[:, low - before_low :][:, :size],
            previous[:, low - previous_low :][:, :size],
            previous[:, low - previous_low + 1 :][:, :size],
        )
        softmin = -gamma * torch.logsumexp(torch.stack(neighbours) / -gamma, dim=0)
        before, before_low = previous, previous_low
        previous, previous_low = _padded(diagonals[k] + softmin), low
    return previous[:, 1]


def _padded(diagonal: Tensor) -> Tensor:
    return functional.pad(diagonal, (1, 1), value=math.inf)
