"""Soft-DTW in plain torch, one anti-diagonal at a time: serves every device that torch knows."""

from collections.abc import Iterator

import torch
from torch import Tensor

MOST_CELLS = 1 << 25  # cells (pair, i, j) held at once: 128 MB of float32, some ten times over


def align(costs: Tensor, lengths: Tensor, gamma: float, wanted: bool) -> tuple[Tensor, Tensor]:
    """Values (B,) and, where wanted, the gradient dD/dC (B, T1, T2) of costs (B, T1, T2).

    `lengths` (B, 2) says how many frames of each side count. Row i of diagonal k is held at [k, i].
    """
    batch, rows, columns = costs.shape
    inside = torch.arange(rows, device=costs.device)[:, None] < lengths[:, 0]  # (T1, B)
    within = torch.arange(columns, device=costs.device)[:, None] < lengths[:, 1]  # (T2, B)
    diagonals = rows + columns - 1
    skewed = costs.new_zeros(diagonals, rows, batch)
    i, j = torch.meshgrid(
        torch.arange(rows, device=costs.device), torch.arange(columns, device=costs.device), indexing="ij"
    )
    masked = torch.where(inside[:, None] & within[None], costs.permute(1, 2, 0), costs.new_zeros(()))
    skewed[i + j, i] = masked

    infinite = float("inf")
    totals = costs.new_full((diagonals + 2, rows + 1, batch), infinite)  # shifted by two diagonals, one row
    totals[0, 0] = 0  # R_00
    weights = costs.new_zeros(diagonals + 2 if wanted else 0, rows + 2, 3, batch)
    for k in range(diagonals):
        low, high = max(0, k - columns + 1), min(rows, k + 1)
        neighbours = torch.stack(  # (3, rows here, B): diagonal, upper, left
            (totals[k, low:high], totals[k + 1, low:high], totals[k + 1, low + 1 : high + 1])
        )
        least = neighbours.amin(0)
        shares = torch.exp((least - neighbours) / gamma)
        total = shares.sum(0)
        totals[k + 2, low + 1 : high + 1] = skewed[k, low:high] + least - gamma * torch.log(total)
        if wanted:
            weights[k, low:high] = (shares / total).transpose(0, 1)
    pair = torch.arange(batch, device=costs.device)
    last = lengths.sum(1) - 2
    values = totals[last + 2, lengths[:, 0], pair]
    if not wanted:
        return values, costs.new_empty(0)

    flow = costs.new_zeros(diagonals + 2, rows + 1, batch)
    flow[last, lengths[:, 0] - 1, pair] = 1
    for k in range(diagonals - 2, -1, -1):
        low, high = max(0, k - columns + 1), min(rows, k + 1)
        flow[k, low:high] += (
            flow[k + 2, low + 1 : high + 1] * weights[k + 2, low + 1 : high + 1, 0]
            + flow[k + 1, low + 1 : high + 1] * weights[k + 1, low + 1 : high + 1, 1]
            + flow[k + 1, low:high] * weights[k + 1, low:high, 2]
        )
    return values, flow[i + j, i].permute(2, 0, 1).contiguous()


def pairwise_values(first: Tensor, second: Tensor, gamma: float) -> Tensor:
    """Distances (N, M) of normalised embeddings (N, T1, F) and (M, T2, F), in blocks."""
    values = first.new_empty(len(first), len(second))
    for here, there in _blocks(first, second):
        values[here, there] = _align_block(first[here], second[there], gamma, False)[0]
    return values


def pairwise_gradients(
    first: Tensor, second: Tensor, gamma: float, incoming: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients with respect to both sets of embeddings, for gradients `incoming` (N, M) of the distances."""
    of_first, of_second = torch.zeros_like(first), torch.zeros_like(second)
    for here, there in _blocks(first, second):
        flow = _align_block(first[here], second[there], gamma, True)[1]
        flow = flow * -incoming[here, there, None, None]  # cost = 1 - cosine
        of_first[here] += torch.einsum("nmij,mjf->nif", flow, second[there])
        of_second[there] += torch.einsum("nmij,nif->mjf", flow, first[here])
    return of_first, of_second


def _blocks(first: Tensor, second: Tensor) -> Iterator[tuple[slice, slice]]:
    pairs = max(1, MOST_CELLS // (first.shape[1] * second.shape[1]))
    width = max(1, min(len(second), pairs))
    height = max(1, pairs // width)
    for top in range(0, len(first), height):
        for left in range(0, len(second), width):
            yield slice(top, min(top + height, len(first))), slice(left, min(left + width, len(second)))


def _align_block(first: Tensor, second: Tensor, gamma: float, wanted: bool) -> tuple[Tensor, Tensor]:
    """Values (n, m) and, where wanted, flow (n, m, T1, T2)."""
    costs = 1 - torch.einsum("nif,mjf->nmij", first, second)
    shape = costs.shape
    lengths = torch.tensor([shape[2:]], device=first.device).expand(shape[0] * shape[1], 2)
    values, gradient = align(costs.flatten(0, 1), lengths, gamma, wanted)
    return values.view(shape[:2]), gradient.view(shape) if wanted else gradient
