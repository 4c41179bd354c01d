"""Soft-DTW of every pair of two sets of clips, straight from frame embeddings."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from finepseudo_core.alignment import wavefront
from finepseudo_core.alignment.costs import normalise
from finepseudo_core.alignment.kernels_cpu import LANES, align_tiles
from finepseudo_core.alignment.soft_dtw import OnceDifferentiated, check_gamma
from finepseudo_core.alignment.threads import run_in_threads

MOST_CELLS = 1 << 22  # cells (pair, i, j) held at once on the CPU: 16 MB of float32
MOST_CELLS_ELSEWHERE = 1 << 26


def pairwise_soft_dtw(first: Tensor, second: Tensor, gamma: float) -> Tensor:
    """Soft-DTW on cosine costs between every clip of one set and every clip of another.

    Costs are made and used up in blocks: N x M x T1 x T2 values never exist at once, neither forward nor
    backward (which works the blocks out again). Differentiable once in both sets.

    Args:
        first: frame embeddings (N, T1, F); half precision is widened to float32.
        second: frame embeddings (M, T2, F).
        gamma: smoothing, > 0.

    Returns:
        Distances (N, M), float32 or float64.

    Raises:
        ValueError: shapes that don't fit together, γ <= 0, or an embedding that is not finite (its clip
            is named).
    """
    check_gamma(gamma)
    if first.ndim != 3 or second.ndim != 3 or first.shape[2] != second.shape[2]:
        raise ValueError(
            f"embeddings have shapes {tuple(first.shape)} and {tuple(second.shape)}; "
            "give (N, T1, F) and (M, T2, F)."
        )
    if 0 in first.shape[1:] or 0 in second.shape[1:]:
        raise ValueError("a clip needs at least one frame and one feature.")
    for name, embeddings in (("first", first), ("second", second)):
        finite = embeddings.isfinite().flatten(1).all(1)
        if not bool(finite.all()):
            raise ValueError(
                f"{name}[{int((~finite).nonzero()[0])}] holds a value that is not finite; "
                "look for a diverged encoder."
            )
    with torch.autocast(first.device.type, enabled=False):
        first, second = normalise(first), normalise(second)
    if torch.is_grad_enabled() and (first.requires_grad or second.requires_grad):
        return _PairwiseSoftDTW.apply(first, second, gamma)
    return _distances(first, second, gamma)


class _PairwiseSoftDTW(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor, gamma: float) -> Tensor:
        ctx.save_for_backward(first, second)
        ctx.gamma = gamma
        return _distances(first, second, gamma)

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor, Tensor, None]:
        first, second = ctx.saved_tensors
        gradients = _gradients(first.detach(), second.detach(), ctx.gamma, incoming.detach())
        if incoming.requires_grad:
            return (*OnceDifferentiated.apply(incoming, *gradients), None)
        return (*gradients, None)


def _distances(first: Tensor, second: Tensor, gamma: float) -> Tensor:
    distances = first.new_empty(len(first), len(second))
    if first.device.type != "cpu":
        for here, there in _blocks_elsewhere(first, second):
            distances[here, there] = _align_elsewhere(first[here], second[there], gamma, wanted=False)[0]
        return distances
    for here, there, _, tiles in _tiles(first, second):
        values = first.new_empty(len(tiles), LANES)
        _align_tiles(tiles, gamma, values, values, wanted=False)
        distances[here, there] = values[:, : there.stop - there.start]
    return distances


def _gradients(first: Tensor, second: Tensor, gamma: float, incoming: Tensor) -> tuple[Tensor, Tensor]:
    of_first, of_second = torch.zeros_like(first), torch.zeros_like(second)
    if first.device.type != "cpu":
        for here, there in _blocks_elsewhere(first, second):
            flow = _align_elsewhere(first[here], second[there], gamma, wanted=True)[1]
            flow = flow * -incoming[here, there, None, None]
            of_first[here] += torch.einsum("nmij,mjf->nif", flow, second[there])
            of_second[there] += torch.einsum("nmij,nif->mjf", flow, first[here])
        return of_first, of_second
    features = first.shape[2]
    for here, there, frames, tiles in _tiles(first, second):
        values = first.new_empty(len(tiles), LANES)
        seeds = first.new_zeros(len(tiles), LANES)  # lanes beyond the last clip stay zero
        seeds[:, : there.stop - there.start] = -incoming[here, there]
        _align_tiles(tiles, gamma, values, seeds, wanted=True)
        flow = tiles.view(-1, frames.shape[1])  # (n T1, T2 LANES)
        of_first[here] += (flow @ frames.T).view_as(of_first[here])
        back = first[here].reshape(-1, features).T @ flow  # (F, T2 LANES)
        back = back.view(features, -1, LANES).permute(2, 1, 0)
        of_second[there] += back[: there.stop - there.start]
    return of_first, of_second


def _tiles(first: Tensor, second: Tensor) -> Iterator[tuple[slice, slice, Tensor, Tensor]]:
    """Yield (clips of first, at most LANES clips of second, their frames (F, T2 LANES), negated cosines).

    The matrix product writes (n, T1, T2, LANES), pair innermost, as the kernel wants it.
    """
    rows, columns, features = first.shape[1], second.shape[1], first.shape[2]
    step = max(1, MOST_CELLS // (rows * columns * LANES))
    negated = -first.reshape(-1, features)
    buffer = first.new_empty(min(step, len(first)) * rows, columns * LANES)
    for start in range(0, len(second), LANES):
        there = slice(start, min(start + LANES, len(second)))
        padded = first.new_zeros(features, columns, LANES)
        padded[:, :, : there.stop - there.start] = second[there].permute(2, 1, 0)
        frames = padded.view(features, -1)
        for begin in range(0, len(first), step):
            here = slice(begin, min(begin + step, len(first)))
            tiles = buffer[: (here.stop - begin) * rows]
            torch.mm(negated[begin * rows : here.stop * rows], frames, out=tiles)
            yield here, there, frames, tiles.view(-1, rows, columns, LANES)


def _align_tiles(tiles: Tensor, gamma: float, values: Tensor, seeds: Tensor, *, wanted: bool) -> None:
    array = tiles.numpy()
    arguments = (array, array.dtype.type(gamma), values.numpy(), seeds.numpy(), wanted)
    run_in_threads(align_tiles, arguments, len(tiles))


def _blocks_elsewhere(first: Tensor, second: Tensor) -> Iterator[tuple[slice, slice]]:
    cells = first.shape[1] * second.shape[1]
    width = max(1, min(len(second), MOST_CELLS_ELSEWHERE // cells))
    height = max(1, MOST_CELLS_ELSEWHERE // (cells * width))
    for begin in range(0, len(first), height):
        for start in range(0, len(second), width):
            yield slice(begin, min(begin + height, len(first))), slice(start, min(start + width, len(second)))


def _align_elsewhere(first: Tensor, second: Tensor, gamma: float, *, wanted: bool) -> tuple[Tensor, Tensor]:
    """Values (n, m) and flow (n, m, T1, T2) of one block of normalised embeddings."""
    costs = 1 - torch.einsum("nif,mjf->nmij", first, second)
    shape = costs.shape
    lengths = torch.tensor([shape[2:]], device=first.device).expand(shape[0] * shape[1], 2)
    values, gradient = wavefront.align(costs.flatten(0, 1), lengths, gamma, wanted)
    return values.view(shape[:2]), gradient.view(shape) if wanted else values
