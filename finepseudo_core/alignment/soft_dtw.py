"""Soft-DTW as a differentiable torch function: the distance that everything here rests on."""

import math
from typing import Any

import torch
from torch import Tensor

from finepseudo_core.alignment import device, kernels_cpu
from finepseudo_core.alignment.arithmetic_cpu import LANES, gain_of
from finepseudo_core.alignment.threads import run_in_threads


def soft_dtw(costs: Tensor, gamma: float, *, lengths: Tensor | None = None) -> Tensor:
    """D = R_TT with R_ij = C_ij + min^γ(R_{i-1,j-1}, R_{i-1,j}, R_{i,j-1}).

    FinePseudo (Dave et al., ECCV 2024), Eq. 1; Cuturi & Blondel, ICML 2017. The gradient is exact; a second
    derivative is refused. Results do not depend on the number of threads (`torch.set_num_threads`).

    Args:
        costs: (B, T1, T2), float32 or float64.
        gamma: smoothing, > 0; smaller is closer to hard DTW.
        lengths: int (B, 2), how many rows and columns of each pair count; all by default. What lies beyond
            may hold anything and gets a gradient of zero.

    Returns:
        Distances (B,) in the type of the costs.

    Raises:
        ValueError: a wrong shape, γ <= 0, a length out of range, or a cost that is not finite (its index
            is named).
        TypeError: costs in another type.
    """
    check_gamma(gamma)
    if costs.ndim != 3 or 0 in costs.shape[1:]:
        raise ValueError(
            f"costs have shape {tuple(costs.shape)}; give (B, T1, T2) with T1 and T2 at least 1."
        )
    if costs.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"costs are {costs.dtype}; soft-DTW needs float32 or float64, call .float() first.")
    if torch.is_grad_enabled() and costs.requires_grad:
        return _SoftDTW.apply(costs, gamma, _check_lengths(costs, lengths))
    return _align(costs.detach(), gamma, _check_lengths(costs, lengths), wanted=False)[0]


class _SoftDTW(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, costs: Tensor, gamma: float, lengths: Tensor) -> Tensor:
        values, ctx.gradient = _align(costs.detach(), gamma, lengths, wanted=True)
        ctx.gamma = gamma
        ctx.save_for_backward(costs, lengths)
        return values

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor, None, None]:
        costs, lengths = ctx.saved_tensors
        gradient, ctx.gradient = ctx.gradient, None
        if gradient is None:  # a second pass through a retained graph: the first took the gradient with it
            gradient = _align(costs.detach(), ctx.gamma, lengths, wanted=True)[1]
        if costs.device.type == "cpu":  # torch would wake its own threads for this
            arguments = (gradient.numpy(), incoming.detach().contiguous().numpy())
            run_in_threads(kernels_cpu.scale, arguments, len(costs), cells=costs.numel())
        else:
            gradient *= incoming.detach()[:, None, None]
        if incoming.requires_grad:
            (gradient,) = OnceDifferentiated.apply(incoming, gradient)
        return gradient, None, None


class OnceDifferentiated(torch.autograd.Function):
    """Hands gradients on as functions of what flowed in, and refuses to differentiate them again."""

    @staticmethod
    def forward(ctx: Any, incoming: Tensor, *gradients: Tensor) -> tuple[Tensor, ...]:
        return tuple(gradient.clone() for gradient in gradients)

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Any:
        raise RuntimeError(
            "soft-DTW has no second derivative here; take gradients without create_graph, "
            "or detach the distance before a gradient penalty."
        )


def check_gamma(gamma: float) -> None:
    """Raise ValueError unless γ is finite, above zero and not so small that 1/γ overflows float32."""
    if not (math.isfinite(gamma) and gamma > 1e-37):
        raise ValueError(f"gamma is {gamma!r}; it must be finite and above zero (the paper uses 0.001).")


def _check_lengths(costs: Tensor, lengths: Tensor | None) -> Tensor:
    batch, rows, columns = costs.shape
    if lengths is None:
        return torch.tensor([[rows, columns]], device=costs.device).expand(batch, 2)
    if lengths.shape != (batch, 2) or lengths.dtype.is_floating_point:
        raise ValueError(
            f"lengths are {tuple(lengths.shape)} {lengths.dtype}; give integers of shape ({batch}, 2)."
        )
    lengths = lengths.to(costs.device, torch.int64)
    wrong = (lengths < 1) | (lengths > torch.tensor([rows, columns], device=costs.device))
    if wrong.any():
        pair = int(wrong.any(1).nonzero()[0])
        raise ValueError(
            f"lengths[{pair}] is {lengths[pair].tolist()}; each must lie between 1 and {[rows, columns]}."
        )
    return lengths


def _align(costs: Tensor, gamma: float, lengths: Tensor, *, wanted: bool) -> tuple[Tensor, Tensor]:
    if costs.device.type == "cpu":
        values, gradient, finite = _align_on_cpu(costs, gamma, lengths, wanted)
    else:
        finite = bool(_finite(costs, lengths).all())
        values, gradient = device.align(costs, lengths, gamma, wanted)
    if not finite:
        index = tuple((~_finite(costs, lengths)).nonzero()[0].tolist())
        raise ValueError(
            f"costs[{', '.join(map(str, index))}] is {costs[index].item()}; every cost must be finite. "
            "Look for embeddings that are NaN or infinite."
        )
    if not bool(values.isfinite().all()):
        pair = int((~values.isfinite()).nonzero()[0])
        raise ValueError(f"the distance of pair {pair} overflows {costs.dtype}; scale the costs down.")
    return values, gradient


def _align_on_cpu(costs: Tensor, gamma: float, lengths: Tensor, wanted: bool) -> tuple[Tensor, Tensor, bool]:
    values = costs.new_empty(len(costs))
    gradient = torch.empty(costs.shape if wanted else (0, 0, 0), dtype=costs.dtype)
    if not len(costs):
        return values, gradient, True
    array = costs.contiguous().numpy()
    outputs = (values.numpy(), gradient.numpy(), wanted)
    arguments = (array, lengths.contiguous().numpy(), gain_of(gamma, array.dtype), *outputs)
    calls = run_in_threads(kernels_cpu.align_batch, arguments, len(costs), LANES, cells=costs.numel())
    return values, gradient, all(calls)


def _finite(costs: Tensor, lengths: Tensor) -> Tensor:
    rows = torch.arange(costs.shape[1], device=costs.device) < lengths[:, :1]
    columns = torch.arange(costs.shape[2], device=costs.device) < lengths[:, 1:]
    return costs.isfinite() | ~(rows[:, :, None] & columns[:, None, :])
