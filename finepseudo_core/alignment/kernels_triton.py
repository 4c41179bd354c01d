"""Soft-DTW on the GPU: one thread per pair, the current row of the recursion in its registers.

A cell is kept as Z = exp(-R/γ) = mantissa · 2^exponent, mantissa a float32 in [1, 2), exponent an int32:

    Z_ij = K_ij (Z_{i-1,j-1} + Z_{i-1,j} + Z_{i,j-1}),    K_ij = exp(-C_ij/γ)

so that a cell costs one exp2, which does not wait for its neighbours, and no logarithm until the end. Float32
never holds R, whose size would swamp the differences that decide the weights: these are the three terms,
aligned by shifting exponent bits, over their sum. Two are kept for the backward pass, which has no exp.

Costs lie in tiles (T1, T2, LANES), pair innermost, so that threads read side by side. Columns are worked in
strips of at most WIDEST, unrolled; a strip hands its last column on to the next through memory.

Needs triton: `device` chooses between these functions and those of `wavefront`. Under TRITON_INTERPRET=1 they
take CPU tensors and run in numpy, for tests.
"""

# ruff: noqa: N803
# mypy: disable-error-code="no-untyped-def, assignment, var-annotated"

import math
from collections.abc import Iterator

import torch
import triton
import triton.language as tl
from torch import Tensor

from finepseudo_core.alignment import wavefront

LANES = 64  # pairs of a tile, one thread each
WIDEST = 32  # columns of a strip: each takes two registers, and compiling time grows with their cube
MOST_BYTES = 1 << 30  # costs and kept weights held at once
LARGEST = 1 << 22  # |log2 K|: up to here, adding 1.5 * 2^23 rounds a float32 to an integer
FURTHEST = 1 << 29  # |log2 Z| of a path

_NOTHING = tl.constexpr(-(1 << 30))  # exponent of Z = 0: below any path's


def align(costs: Tensor, lengths: Tensor, gamma: float, wanted: bool) -> tuple[Tensor, Tensor]:
    """Values (B,) and, where wanted, the gradient dD/dC (B, T1, T2) of float32 costs (B, T1, T2).

    `lengths` (B, 2) says how many frames of each side count. A pair whose distance nears the end of the
    exponents (a million γ or more, as where every path meets a mask of 1e30) is left to `wavefront`.
    """
    batch, rows, columns = costs.shape
    costs, ends = costs.contiguous(), lengths.to(torch.int32).contiguous()
    values = costs.new_empty(batch)
    gradient = costs.new_empty(costs.shape if wanted else 0)
    step = max(1, _most_pairs(rows, columns, wanted) // LANES) * LANES
    largest = min(LARGEST, FURTHEST // (rows + columns))
    for start in range(0, batch, step):
        chunk = slice(start, min(start + step, batch))
        tiles = costs.new_empty(triton.cdiv(chunk.stop - start, LANES), rows, columns, LANES)
        _transpose(costs[chunk], tiles, back=False)
        _launch(tiles.unsqueeze(2), values[chunk], None, ends[chunk], gamma, largest, wanted)
        if wanted:
            _transpose(tiles, gradient[chunk], back=True)
    far = (values.abs() > largest * gamma / 2).nonzero()[:, 0]
    if len(far):
        outcome = wavefront.align(costs[far], lengths[far], gamma, wanted)
        values[far] = outcome[0]
        if wanted:
            gradient[far] = outcome[1]
    return values, gradient


def suits(gamma: float, rows: int, columns: int) -> bool:
    """Whether the exponents reach far enough for cosine costs, which no fallback guards."""
    largest = 2.01 / (gamma * math.log(2))
    return largest < LARGEST and largest * (rows + columns) < FURTHEST


def pairwise_values(first: Tensor, second: Tensor, gamma: float) -> Tensor:
    """Distances (N, M) of normalised float32 embeddings (N, T1, F) and (M, T2, F), in blocks."""
    values = first.new_empty(len(first), len(second))
    for here, there, _, tiles in _tiles(first, second, wanted=False):
        block = first.new_empty(len(tiles), tiles.shape[2] * LANES)
        _launch(tiles, block, None, None, gamma, LARGEST, wanted=False)
        values[here, there] = block[:, : there.stop - there.start]
    return values


def pairwise_gradients(
    first: Tensor, second: Tensor, gamma: float, incoming: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients with respect to both sets of embeddings, for gradients `incoming` (N, M) of the distances."""
    of_first, of_second = torch.zeros_like(first), torch.zeros_like(second)
    features = first.shape[2]
    for here, there, frames, tiles in _tiles(first, second, wanted=True):
        groups, columns = tiles.shape[2:4]
        clips = there.stop - there.start
        seeds = first.new_zeros(len(tiles), groups * LANES)  # lanes beyond the last clip stay zero
        seeds[:, :clips] = -incoming[here, there]  # cost = 1 - cosine
        _launch(tiles, torch.empty_like(seeds), seeds, None, gamma, LARGEST, wanted=True)
        flow = tiles.view(-1, frames.shape[1])  # (n T1, G T2 LANES)
        of_first[here] += (flow @ frames.T).view_as(of_first[here])
        back = flow.T @ first[here].reshape(-1, features)
        back = back.view(groups, columns, LANES, features).transpose(1, 2).flatten(0, 1)
        of_second[there] += back[:clips]
    return of_first, of_second


def _tiles(first: Tensor, second: Tensor, wanted: bool) -> Iterator[tuple[slice, slice, Tensor, Tensor]]:
    """Yield clips of first, clips of second, their frames (F, G T2 LANES) and negated cosines.

    The matrix product writes tiles side by side, (n, T1, G, T2, LANES): G groups of LANES clips of second.
    """
    rows, columns, features = first.shape[1], second.shape[1], first.shape[2]
    pairs = max(LANES, _most_pairs(rows, columns, wanted))
    height = max(1, min(len(first), math.isqrt(pairs)))
    groups = max(1, min(triton.cdiv(len(second), LANES), pairs // (height * LANES)))
    height = max(1, min(len(first), pairs // (groups * LANES)))
    negated = -first.reshape(-1, features)
    buffer = first.new_empty(height * rows, groups * columns * LANES)
    for left in range(0, len(second), groups * LANES):
        there = slice(left, min(left + groups * LANES, len(second)))
        padded = first.new_zeros(groups * LANES, columns, features)
        padded[: there.stop - left] = second[there]
        frames = padded.view(groups, LANES, columns, features).permute(3, 0, 2, 1).reshape(features, -1)
        for top in range(0, len(first), height):
            here = slice(top, min(top + height, len(first)))
            tiles = buffer[: (here.stop - top) * rows]
            torch.mm(negated[top * rows : here.stop * rows], frames, out=tiles)
            yield here, there, frames, tiles.view(-1, rows, groups, columns, LANES)


def _most_pairs(rows: int, columns: int, wanted: bool) -> int:
    return MOST_BYTES // (rows * columns * (12 if wanted else 4))


def _launch(
    tiles: Tensor,
    values: Tensor,
    seeds: Tensor | None,
    ends: Tensor | None,
    gamma: float,
    largest: int,
    wanted: bool,
) -> None:
    """Fill `values` from tiles (n, T1, G, T2, LANES); where wanted, overwrite the tiles with seed * dD/dC.

    With `ends`, int32 (B, 2), tiles hold costs and every seed is 1; without, negated cosines at full length.
    """
    count, rows, groups, columns, lanes = tiles.shape
    strips = triton.cdiv(columns, WIDEST)
    width = triton.cdiv(columns, strips)
    programs = count * groups
    weights = tiles.new_empty(programs, strips, rows, width if wanted else 0, 2, lanes)
    border = tiles.new_empty(programs, rows if strips > 1 else 0, 2, lanes)
    sizes = (values.numel(), rows, groups, columns)
    constants = {"STRIPS": strips, "WIDTH": width, "LAST": (columns - 1) % width, "LANES": lanes}
    constants |= {"COSINES": ends is None, "num_warps": max(1, lanes // 32)}
    scales = (1 / (gamma * math.log(2)), gamma, gamma * math.log(2), float(largest))
    ends = tiles if ends is None else ends
    _forward[(programs,)](tiles, values, ends, weights, border, *sizes, *scales, WANTED=wanted, **constants)
    if wanted:
        seeds = tiles if seeds is None else seeds
        _backward[(programs,)](tiles, seeds, ends, weights, border, *sizes, **constants)


def _transpose(source: Tensor, target: Tensor, *, back: bool) -> None:
    """Copy pairs (B, T1, T2) into tiles (P, T1, T2, LANES), zeros beyond the last pair; or back."""
    pairs, tiles = (target, source) if back else (source, target)
    cells, lanes = tiles.shape[1] * tiles.shape[2], tiles.shape[3]
    grid = (len(tiles), triton.cdiv(cells, 64))
    _transpose_tiles[grid](source, target, len(pairs), cells, BACK=back, LANES=lanes, CELLS=64, num_warps=4)


@triton.jit(do_not_specialize=["pairs", "cells"])
def _transpose_tiles(
    source,
    target,
    pairs,
    cells,
    BACK: tl.constexpr,
    LANES: tl.constexpr,
    CELLS: tl.constexpr,
):
    tile = tl.program_id(0).to(tl.int64)
    lane, cell = tl.arange(0, LANES)[:, None], tl.program_id(1) * CELLS + tl.arange(0, CELLS)[None, :]
    by_pair = (tile * LANES + lane) * cells + cell
    by_tile = (tile * cells + cell) * LANES + lane
    inside = (tile * LANES + lane < pairs) & (cell < cells)
    if BACK:
        tl.store(target + by_pair, tl.load(source + by_tile, mask=inside), mask=inside)
    else:
        copied = tl.load(source + by_pair, mask=inside, other=0.0)
        tl.store(target + by_tile, copied, mask=(lane >= 0) & (cell < cells))


@triton.jit(do_not_specialize=["pairs", "rows", "groups", "columns"])
def _forward(
    tiles,  # (n, T1, G, T2, LANES)
    values,  # (pairs,), filled
    ends,  # int32 (pairs, 2), read unless COSINES
    weights,  # (n G, STRIPS, T1, WIDTH, 2, LANES), filled where WANTED: shares of upper and left neighbour
    border,  # (n G, T1, 2, LANES), where STRIPS > 1: the last column of a strip
    pairs,
    rows,
    groups,
    columns,
    inverse,  # 1 / (γ ln 2)
    gamma,
    unit,  # γ ln 2
    largest,
    STRIPS: tl.constexpr,
    WIDTH: tl.constexpr,
    LAST: tl.constexpr,  # the last column's place in its strip
    LANES: tl.constexpr,
    COSINES: tl.constexpr,
    WANTED: tl.constexpr,
):
    lane = tl.arange(0, LANES)
    program, tall = tl.program_id(0).to(tl.int64), rows.to(tl.int64)
    pair = program * LANES + lane
    stride = groups * columns * LANES  # from row to row of a tile
    tile = tiles + (program // groups) * tall * stride + (program % groups) * columns * LANES + lane
    kept = weights + program * tall * (STRIPS * WIDTH * 2 * LANES) + lane
    border += program * tall * (2 * LANES) + lane
    if not COSINES:
        last_row = tl.load(ends + 2 * pair, mask=pair < pairs, other=1) - 1
        last_column = tl.load(ends + 2 * pair + 1, mask=pair < pairs, other=1) - 1

    one, nothing = tl.full([LANES], 1.0, tl.float32), tl.full([LANES], _NOTHING, tl.int32)
    end_mantissa, end_exponent = one, nothing
    for strip in range(STRIPS):
        start = strip * WIDTH
        mantissas, exponents = (), ()  # of the row above: a tensor (LANES,) per column
        for _ in tl.static_range(WIDTH):
            mantissas += (one,)
            exponents += (nothing,)
        corner_mantissa = one
        corner_exponent = tl.where((lane >= 0) & (start == 0), 0, nothing)  # R_00 = 0
        costs, handed = tile + start * LANES, border
        for i in range(rows):
            left_mantissa, left_exponent = one, nothing
            if STRIPS > 1:
                earlier = (lane >= 0) & (start > 0)
                left_mantissa = tl.load(handed, mask=earlier, other=1.0)
                bits = tl.load(handed + LANES, mask=earlier, other=0.0).to(tl.int32, bitcast=True)
                left_exponent = tl.where(earlier, bits, nothing)
            diagonal_mantissa, diagonal_exponent = corner_mantissa, corner_exponent
            corner_mantissa, corner_exponent = left_mantissa, left_exponent
            row_mantissas, row_exponents = (), ()
            for j in tl.static_range(WIDTH):
                if COSINES and STRIPS == 1:
                    cost = 1.0 + tl.load(costs + j * LANES)
                elif COSINES:
                    cost = 1.0 + tl.load(
                        costs + j * LANES, mask=(lane >= 0) & (start + j < columns), other=0.0
                    )
                else:
                    inside = (i <= last_row) & (start + j <= last_column)
                    cost = tl.load(costs + j * LANES, mask=inside, other=0.0)

                # K = 2^(power + fraction); the fraction regains what rounding the product lost
                scaled = cost * -inverse
                if not COSINES:
                    scaled = tl.minimum(tl.maximum(scaled, -largest), largest)
                rounded = scaled + 12582912.0  # 1.5 * 2^23, in bits 0x4B400000
                power = rounded.to(tl.int32, bitcast=True) - 0x4B400000
                fraction = tl.fma(cost, -inverse, 12582912.0 - rounded)
                if not COSINES:
                    fraction = tl.minimum(tl.maximum(fraction, -1.0), 1.0)

                upper_mantissa, upper_exponent = mantissas[j], exponents[j]
                most = tl.maximum(tl.maximum(diagonal_exponent, upper_exponent), left_exponent)
                upper = _scale(upper_mantissa, upper_exponent - most)
                left = _scale(left_mantissa, left_exponent - most)
                total = _scale(diagonal_mantissa, diagonal_exponent - most) + upper + left
                if WANTED:
                    share = 1.0 / total
                    tl.store(kept + 2 * j * LANES, upper * share)
                    tl.store(kept + (2 * j + 1) * LANES, left * share)
                bits = (total * tl.exp2(fraction)).to(tl.int32, bitcast=True)
                diagonal_mantissa, diagonal_exponent = upper_mantissa, upper_exponent
                left_mantissa = ((bits & 0x7FFFFF) | 0x3F800000).to(tl.float32, bitcast=True)
                left_exponent = most + power + (bits >> 23) - 127
                row_mantissas += (left_mantissa,)
                row_exponents += (left_exponent,)
                if not COSINES:
                    ending = (i == last_row) & (start + j == last_column)
                    end_mantissa = tl.where(ending, left_mantissa, end_mantissa)
                    end_exponent = tl.where(ending, left_exponent, end_exponent)
            mantissas, exponents = row_mantissas, row_exponents
            costs += stride
            kept += WIDTH * 2 * LANES
            if STRIPS > 1:
                tl.store(handed, left_mantissa)
                tl.store(handed + LANES, left_exponent.to(tl.float32, bitcast=True))
                handed += 2 * LANES
        if COSINES:
            end_mantissa, end_exponent = mantissas[LAST], exponents[LAST]
    value = -unit * end_exponent.to(tl.float32) - gamma * tl.log(end_mantissa)
    tl.store(values + pair, value, mask=pair < pairs)


@triton.jit
def _scale(mantissa, power):
    """mantissa * 2^power for power <= 0, by its exponent bits; 2^-126 stands for anything less."""
    shift = tl.maximum(power, -126) << 23
    return (mantissa.to(tl.int32, bitcast=True) + shift).to(tl.float32, bitcast=True)


@triton.jit(do_not_specialize=["pairs", "rows", "groups", "columns"])
def _backward(
    tiles,  # (n, T1, G, T2, LANES), overwritten by seed * dD/dC
    seeds,  # (pairs,), read where COSINES
    ends,  # int32 (pairs, 2), read unless COSINES
    weights,  # (n G, STRIPS, T1, WIDTH, 2, LANES), from the forward pass
    border,  # (n G, T1, 2, LANES), where STRIPS > 1: what a strip passes to the one on its left
    pairs,
    rows,
    groups,
    columns,
    STRIPS: tl.constexpr,
    WIDTH: tl.constexpr,
    LAST: tl.constexpr,
    LANES: tl.constexpr,
    COSINES: tl.constexpr,
):
    lane = tl.arange(0, LANES)
    program, tall = tl.program_id(0).to(tl.int64), rows.to(tl.int64)
    pair = program * LANES + lane
    stride = groups * columns * LANES
    tile = tiles + (program // groups) * tall * stride + (program % groups) * columns * LANES + lane
    kept = weights + (program + 1) * tall * (STRIPS * WIDTH * 2 * LANES) + lane  # the end, read backwards
    border += (program + 1) * tall * (2 * LANES) + lane
    zero = tl.full([LANES], 0.0, tl.float32)
    if COSINES:
        seed = tl.load(seeds + pair)
    else:
        last_row = tl.load(ends + 2 * pair, mask=pair < pairs, other=1) - 1
        last_column = tl.load(ends + 2 * pair + 1, mask=pair < pairs, other=1) - 1

    for back in range(STRIPS):
        start = (STRIPS - 1 - back) * WIDTH
        flows = ()  # what the row below hands up
        for j in tl.static_range(WIDTH):
            if COSINES and j == LAST:
                flows += (tl.where((lane >= 0) & (back == 0), seed, 0.0),)
            else:
                flows += (zero,)
        pending = zero  # from the first column of the row below to the strip on the left
        flow_out, handed = tile + start * LANES + tall * stride, border
        for below in range(rows):
            i = rows - 1 - below
            flow_out -= stride
            kept -= WIDTH * 2 * LANES
            from_right, from_corner = zero, zero
            if STRIPS > 1:
                handed -= 2 * LANES
                from_right = tl.load(handed, mask=(lane >= 0) & (back > 0), other=0.0)
            row_flows = ()
            for j in tl.static_range(WIDTH - 1, -1, -1):
                flow = flows[j] + from_right
                if not COSINES:
                    flow += tl.where((i == last_row) & (start + j == last_column), 1.0, 0.0)
                if STRIPS == 1:
                    tl.store(flow_out + j * LANES, flow)
                else:
                    tl.store(flow_out + j * LANES, flow, mask=(lane >= 0) & (start + j < columns))
                upper = tl.load(kept + 2 * j * LANES)
                left = tl.load(kept + (2 * j + 1) * LANES)
                row_flows = (flow * upper + from_corner,) + row_flows
                from_corner = flow * (1.0 - upper - left)
                from_right = flow * left
            flows = row_flows
            if STRIPS > 1:
                tl.store(handed, from_right + pending)
                pending = from_corner
