"""Soft-DTW of every pair of two sets of clips, straight from frame embeddings."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from finepseudo_core.alignment import wavefront
from finepseudo_core.alignment.arithmetic_cpu import LANES, gain_of
from finepseudo_core.alignment.costs import normalise
from finepseudo_core.alignment.kernels_cpu import align_tiles
from finepseudo_core.alignment.soft_dtw import OnceDifferentiated, check_gamma
from finepseudo_core.alignment.threads import run_in_threads

MOST_CELLS = 1 << 21  # cells (pair, i, j) held at once: 8 MB of float32, near enough to stay in the cache


def pairwise_soft_dtw(first: Tensor, second: Tensor, gamma: float) -> Tensor:
    """Soft-DTW on cosine costs between every clip of one set and every clip of another.

    Costs are made and used up in blocks: N x M x T1 x T2 values never exist at once, neither forward nor
    backward (which works the blocks out again). Differentiable once in both sets. Given one tensor twice, as
    for all pairs of a batch, the CPU does half the work.

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
        same = first is second
        first = normalise(first)
        second = first if same else normalise(second)
    if torch.is_grad_enabled() and (first.requires_grad or second.requires_grad):
        return _PairwiseSoftDTW.apply(first, second, gamma, same)
    return _distances(first, second, gamma, same)


class _PairwiseSoftDTW(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor, gamma: float, same: bool) -> Tensor:
        ctx.save_for_backward(first, second)
        ctx.gamma, ctx.same = gamma, same
        return _distances(first.detach(), second.detach(), gamma, same)

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor, Tensor, None, None]:
        first, second = ctx.saved_tensors
        gradients = _gradients(first.detach(), second.detach(), ctx.gamma, incoming.detach(), ctx.same)
        if incoming.requires_grad:
            gradients = OnceDifferentiated.apply(incoming, *gradients)
        return (*gradients, None, None)


def _distances(first: Tensor, second: Tensor, gamma: float, same: bool) -> Tensor:
    if first.device.type != "cpu":
        return wavefront.pairwise_values(first, second, gamma)
    distances = first.new_empty(len(first), len(second))
    for here, there, _, tiles in _tiles(first, second, same):
        values = first.new_empty(len(tiles), LANES)
        _align_tiles(tiles, gamma, values, values, wanted=False)
        distances[here, there] = values[:, : there.stop - there.start]
    if same:
        distances = torch.where(_mirrored(first), distances.T, distances)
    return distances


def _gradients(
    first: Tensor, second: Tensor, gamma: float, incoming: Tensor, same: bool
) -> tuple[Tensor, Tensor]:
    if first.device.type != "cpu":
        return wavefront.pairwise_gradients(first, second, gamma, incoming)
    of_first, of_second = torch.zeros_like(first), torch.zeros_like(second)
    if same:  # what flows into a pair that was not worked out flows into its mirror image
        incoming = torch.where(_mirrored(first).T, incoming + incoming.T, incoming)
    features = first.shape[2]
    for here, there, frames, tiles in _tiles(first, second, same):
        values = first.new_empty(len(tiles), LANES)
        seeds = first.new_zeros(len(tiles), LANES)  # lanes beyond the last clip stay zero
        seeds[:, : there.stop - there.start] = -incoming[here, there]
        _align_tiles(tiles, gamma, values, seeds, wanted=True)
        flow = tiles.view(-1, frames.shape[1])  # (n T1, T2 LANES)
        of_first[here] += (flow @ frames.T).view_as(of_first[here])
        back = flow.T @ first[here].reshape(-1, features)  # (T2 LANES, F): split by rows, never by the sum
        back = back.view(-1, LANES, features).transpose(0, 1)
        of_second[there] += back[: there.stop - there.start]
    return of_first, of_second


def _mirrored(clips: Tensor) -> Tensor:
    """bool (N, N): pairs that `_tiles` leaves out where both sets are the same."""
    blocks = torch.arange(len(clips)) // LANES
    return blocks[:, None] > blocks


def _tiles(first: Tensor, second: Tensor, same: bool) -> Iterator[tuple[slice, slice, Tensor, Tensor]]:
    """Yield (clips of first, at most LANES clips of second, their frames (F, T2 LANES), negated cosines).

    The matrix product writes (n, T1, T2, LANES), pair innermost, as the kernel wants it. Where both sets are
    the `same`, the clips of first stop at the last of second: the others follow by symmetry.
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
        stop = there.stop if same else len(first)
        for begin in range(0, stop, step):
            here = slice(begin, min(begin + step, stop))
            tiles = buffer[: (here.stop - begin) * rows]
            torch.mm(negated[begin * rows : here.stop * rows], frames, out=tiles)
            yield here, there, frames, tiles.view(-1, rows, columns, LANES)


def _align_tiles(tiles: Tensor, gamma: float, values: Tensor, seeds: Tensor, *, wanted: bool) -> None:
    array = tiles.numpy()
    arguments = (array, gain_of(gamma, array.dtype), values.numpy(), seeds.numpy(), wanted)
    run_in_threads(align_tiles, arguments, len(tiles))
