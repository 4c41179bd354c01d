"""Soft-DTW in plain torch, one anti-diagonal at a time: serves every device that torch knows."""

import torch
from torch import Tensor


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
