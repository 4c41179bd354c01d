"""One interface over the distances between clips that Table 8 compares, for training and for judging."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from finepseudo_core.alignment.costs import cosine_costs, normalise
from finepseudo_core.alignment.device import full_precision
from finepseudo_core.alignment.dtw_path import dtw_distance, dtw_path
from finepseudo_core.alignment.pairwise import pairwise_soft_dtw

CLIPS_AT_ONCE = 16


def cosine_pooled(first: Tensor, second: Tensor) -> Tensor:
    """1 - cosine of the mean frame embeddings: no order at all."""
    return cosine_costs(normalise(first).mean(1), normalise(second).mean(1))


def cosine_unpooled(first: Tensor, second: Tensor) -> Tensor:
    """Mean of 1 - cosine over frames at the same place: a fixed order. Both need as many frames."""
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"clips of {first.shape[1]} and {second.shape[1]} frames have no frame-by-frame cosine."
        )
    return 1 - normalise(first).flatten(1) @ normalise(second).flatten(1).T / first.shape[1]


def hard_dtw(first: Tensor, second: Tensor) -> Tensor:
    """Hard DTW on cosine costs: the whole of both clips in order."""
    return _in_blocks(first, second, along_path)


def otam(first: Tensor, second: Tensor) -> Tensor:
    """DTW with relaxed boundaries, mean of both directions (OTAM, Cao et al., CVPR 2020)."""

    def both_ways(costs: Tensor) -> Tensor:
        turned = along_path(costs.transpose(1, 2), relaxed=True)
        return (along_path(costs, relaxed=True) + turned) / 2

    return _in_blocks(first, second, both_ways)


DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cosine_pooled": cosine_pooled,
    "cosine_unpooled": cosine_unpooled,
    "otam": otam,
    "dtw": hard_dtw,
}


def pairwise_distance(first: Tensor, second: Tensor, kind: str = "soft_dtw", gamma: float = 0.001) -> Tensor:
    """Distances (N, M) between embedded clips (N, T, F) and (M, T, F); differentiable once in both.

    The gradient of hard DTW and of OTAM is that of the cheapest path, as if it stayed where it is.

    Args:
        first, second: frame embeddings.
        kind: `soft_dtw`, or a name in DISTANCES.
        gamma: smoothing of soft-DTW; the others don't use it.

    Raises:
        ValueError: an unknown kind, or clips it can't compare.
    """
    if kind == "soft_dtw":
        return pairwise_soft_dtw(first, second, gamma)
    if kind not in DISTANCES:
        raise ValueError(f"unknown distance {kind!r}; choose one of soft_dtw, {', '.join(DISTANCES)}.")
    with full_precision(first):
        return DISTANCES[kind](first, second)


def along_path(costs: Tensor, *, relaxed: bool = False) -> Tensor:
    """Hard DTW distances (B,) of costs (B, T1, T2), with the gradient of the costs on the cheapest path."""
    if torch.is_grad_enabled() and costs.requires_grad:
        return _AlongPath.apply(costs, relaxed)
    return dtw_distance(costs, relaxed=relaxed)


class _AlongPath(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, costs: Tensor, relaxed: bool) -> Tensor:
        found = dtw_path(costs, relaxed=relaxed)
        ctx.save_for_backward(found.steps)
        ctx.shape = costs.shape
        return found.distances

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor, None]:
        (steps,) = ctx.saved_tensors
        columns = ctx.shape[2]
        cells = steps[..., 0] * columns + steps[..., 1]  # (B, T1 + T2 - 1); padding lies below zero
        gradient = incoming.new_zeros(len(steps), ctx.shape[1] * columns + 1)
        gradient.scatter_(
            1, torch.where(cells < 0, gradient.shape[1] - 1, cells), incoming[:, None].expand_as(cells)
        )
        return gradient[:, :-1].reshape(ctx.shape), None


def _in_blocks(first: Tensor, second: Tensor, distance: Callable[[Tensor], Tensor]) -> Tensor:
    rows = []
    for start in range(0, len(first), CLIPS_AT_ONCE):
        block = first[start : start + CLIPS_AT_ONCE]
        costs = cosine_costs(block[:, None], second[None]).clamp_min(0)  # rounding may leave -1e-7
        rows.append(distance(costs.flatten(0, 1)).view(len(block), len(second)))
    return torch.cat(rows) if rows else first.new_zeros(0, len(second))
