"""Soft-DTW on the CPU: numba kernels in which the pair is the innermost axis.

A tile holds LANES pairs as (T1, T2, LANES), so that every step of the recursion is one vector operation over
pairs. The forward pass keeps two of the three softmin weights of every cell (the third is one minus both),
which leaves the backward pass without an exponential and exact where a rebuild from float32 R is not.

Every pair is worked out by the same instructions wherever it stands in the batch, so results do not depend on
the number of threads. The kernels release the GIL and start no threads of their own.
"""

import numpy as np
from numba import njit

from finepseudo_core.alignment.arithmetic_cpu import (
    LANES,
    OPTIONS,
    STRIDE,
    U,
    decay,
    log_and_share,
    one_like,
)

ROWS_BETWEEN_REBASING = 4


@njit(**OPTIONS)
def _advance(costs, cell, shift, scale, gamma, line, record, weights, keep, one):
    """One inner cell of the recursion for every lane: R, and the weights of its upper and left neighbours."""
    left, diagonal = record, record + STRIDE
    here, above = diagonal + STRIDE, diagonal + STRIDE + STRIDE
    upper, lefter = cell + cell, cell + cell + STRIDE
    inverse = one / gamma
    for lane in range(STRIDE):
        d, u, f = line[diagonal + lane], line[here + lane], line[left + lane]
        line[above + lane] = u
        near = u if u < f else f
        far = f if u < f else u
        least = d if d < near else near
        middle = near if d < near else d
        first = decay((middle - least) * inverse)
        second = decay((far - least) * inverse)
        logarithm, share = log_and_share(first + second)
        line[here + lane] = (shift + scale * costs[cell + lane]) + (least - gamma * logarithm)
        if keep:
            of_near = first if d < near else one
            weights[upper + lane] = (of_near if u < f else second) * share
            weights[lefter + lane] = (second if u < f else of_near) * share


@njit(**OPTIONS)
def _advance_border(costs, cell, shift, scale, line, here, before, weights, keep, i, j, one):
    """One cell of the first row or column for every lane: it has one neighbour, the first cell none."""
    zero = one - one
    for lane in range(STRIDE):
        previous = line[before + lane] if i + j > 0 else zero
        line[here + STRIDE + lane] = previous
        line[here + lane] = previous + (shift + scale * costs[cell + lane])
        if keep:
            weights[cell + cell + lane] = one if i > 0 else zero
            weights[cell + cell + STRIDE + lane] = one if j > 0 else zero


@njit(**OPTIONS)
def _rebase(row, columns, offset):
    """Take about the least R of the row off all of it, for every lane, and add it to the lane's offset.

    R grows with the row while only differences of neighbours, divided by γ, decide the weights: near zero
    float32 tells them apart ten times as finely.
    """
    for lane in range(LANES):
        least = row[0, 0, lane]
        for j in range(ROWS_BETWEEN_REBASING, columns, ROWS_BETWEEN_REBASING):
            least = min(least, row[j, 0, lane])
        for j in range(columns):
            row[j, 0, lane] -= least
        offset[lane] += least


@njit(**OPTIONS)
def _forward(tile, shift, scale, gamma, row, weights, keep, ends, values):
    """Fill `values` (LANES,) with R at each lane's end cell; keep the weights (T1, T2, 2, LANES) if asked.

    `row` (T2, 2, LANES) holds, for every column, R of the current row and R of the row before.
    """
    rows, columns = tile.shape[:2]
    one = one_like(tile)
    costs, line, kept = tile.reshape(-1), row.reshape(-1), weights.reshape(-1)
    offset = np.zeros(LANES, tile.dtype)
    for i in range(rows):
        if i > 0 and i % ROWS_BETWEEN_REBASING == 0:
            _rebase(row, columns, offset)
        for j in range(columns):
            cell = U((i * columns + j) * LANES)
            here = U(j * 2 * LANES)
            before = U(max(j - 1, 0) * 2 * LANES)
            if i > 0 and j > 0 and keep:
                _advance(costs, cell, shift, scale, gamma, line, before, kept, True, one)
            elif i > 0 and j > 0:
                _advance(costs, cell, shift, scale, gamma, line, before, kept, False, one)
            else:
                _advance_border(costs, cell, shift, scale, line, here, before, kept, keep, i, j, one)
        for lane in range(LANES):
            if ends[lane, 0] == i:
                values[lane] = row[ends[lane, 1], 0, lane] + offset[lane]


@njit(**OPTIONS)
def _collect(line, here, kept, right, below, flow, cell, one):
    """One inner cell of the backward pass: what flows in from the right, from below and from the corner."""
    under = here + STRIDE
    next_here, next_under, corner = under + STRIDE, under + STRIDE + STRIDE, below + STRIDE + STRIDE
    for lane in range(STRIDE):
        of_corner = one - kept[corner + lane] - kept[corner + STRIDE + lane]
        total = line[here + lane]
        total += line[under + lane] * kept[below + lane]
        total += line[next_here + lane] * kept[right + STRIDE + lane]
        total += line[next_under + lane] * of_corner
        line[here + lane] = total
        flow[cell + lane] = total


@njit(**OPTIONS)
def _backward(tile, row, weights, ends, seeds):
    """Overwrite the tile with seed * dD/dC, following the kept weights back from each lane's end cell.

    `row` (T2, 2, LANES) holds, for every column, the flow of the current row and of the row below.
    """
    rows, columns = tile.shape[:2]
    one = one_like(tile)
    zero = one - one
    flow, line, kept = tile.reshape(-1), row.reshape(-1), weights.reshape(-1)
    row[:] = zero
    for i in range(rows - 1, -1, -1):
        for j in range(columns):
            for lane in range(LANES):
                row[j, 1, lane] = row[j, 0, lane]
                row[j, 0, lane] = zero
        for lane in range(LANES):
            if ends[lane, 0] == i:
                row[ends[lane, 1], 0, lane] = seeds[lane]
        for j in range(columns - 1, -1, -1):
            cell, here = (i * columns + j) * LANES, j * 2 * LANES
            right, below = 2 * (cell + LANES), 2 * (cell + columns * LANES)
            if i + 1 < rows and j + 1 < columns:
                _collect(line, U(here), kept, U(right), U(below), flow, U(cell), one)
                continue
            for lane in range(LANES):
                if i + 1 < rows:
                    line[here + lane] += line[here + LANES + lane] * kept[below + lane]
                elif j + 1 < columns:
                    line[here + lane] += line[here + 2 * LANES + lane] * kept[right + LANES + lane]
                flow[cell + lane] = line[here + lane]


@njit(**OPTIONS)
def pack(costs, start, count, tile):
    """Copy pairs into a tile; lanes beyond `count` repeat the last pair."""
    rows, columns = tile.shape[:2]
    for i in range(rows):
        for lane in range(LANES):
            pair = start + min(lane, count - 1)
            for j in range(columns):
                tile[i, j, lane] = costs[pair, i, j]


@njit(**OPTIONS)
def _clear_padding(tile, ends):
    """Zeros in the tile beyond each lane's end cell, whatever stood there."""
    rows, columns = tile.shape[:2]
    for lane in range(LANES):
        for i in range(rows):
            for j in range(ends[lane, 1] + 1 if i <= ends[lane, 0] else 0, columns):
                tile[i, j, lane] = 0


@njit(**OPTIONS)
def _is_finite(tile):
    values = tile.reshape(-1)
    zero = one_like(tile) - one_like(tile)
    broken = False
    for index in range(values.size):
        broken |= values[index] - values[index] != zero  # inf - inf is NaN
    return not broken


@njit(**OPTIONS)
def _unpack(tile, start, count, gradients):
    rows, columns = tile.shape[:2]
    for i in range(rows):
        for lane in range(count):
            for j in range(columns):
                gradients[start + lane, i, j] = tile[i, j, lane]


@njit(**OPTIONS)
def align_batch(costs, lengths, gamma, values, gradients, wanted, first, last):
    """Soft-DTW of the pairs first..last of a batch.

    Args:
        costs: (B, T1, T2), float32 or float64, contiguous.
        lengths: int64 (B, 2), frames of each side that count.
        gamma: smoothing, in the type of the costs.
        values: (B,), filled with D.
        gradients: (B, T1, T2), filled with dD/dC where `wanted`; else any array of that type.
        wanted: whether to fill the gradients.
        first, last: half-open range of pairs.

    Returns:
        False where a cost that counts is not finite; the outputs are then unspecified.
    """
    rows, columns = costs.shape[1:]
    one = one_like(costs)
    tile = np.empty((rows, columns, LANES), costs.dtype)
    row = np.empty((columns, 2, LANES), costs.dtype)
    weights = np.empty((rows, columns, 2, LANES) if wanted else (0, 0, 2, LANES), costs.dtype)
    ends = np.empty((LANES, 2), np.int64)
    results = np.empty(LANES, costs.dtype)
    seeds = np.full(LANES, one)
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        pack(costs, start, count, tile)
        for lane in range(LANES):
            pair = start + min(lane, count - 1)
            ends[lane, 0], ends[lane, 1] = lengths[pair, 0] - 1, lengths[pair, 1] - 1
        _clear_padding(tile, ends)
        if not _is_finite(tile):
            return False
        _forward(tile, one - one, one, gamma, row, weights, wanted, ends, results)
        for lane in range(count):
            values[start + lane] = results[lane]
        if wanted:
            _backward(tile, row, weights, ends, seeds)
            _unpack(tile, start, count, gradients)
    return True


@njit(**OPTIONS)
def align_tiles(tiles, gamma, values, seeds, wanted, first, last):
    """Soft-DTW of ready tiles of negated cosines: cost = 1 + tile.

    Args:
        tiles: (P, T1, T2, LANES); where `wanted`, overwritten by seed * dD/dC.
        gamma: smoothing, in the type of the tiles.
        values: (P, LANES), filled with D.
        seeds: (P, LANES), the gradient that flows into each D.
        wanted: whether to overwrite the tiles with the gradient.
        first, last: half-open range of tiles.
    """
    rows, columns, lanes = tiles.shape[1:]
    if lanes != LANES:  # numba's cache on disk looks at this file alone
        raise ValueError("the compiled kernels are out of date; delete the __pycache__ folder beside them.")
    one = one_like(tiles)
    row = np.empty((columns, 2, LANES), tiles.dtype)
    weights = np.empty((rows, columns, 2, LANES) if wanted else (0, 0, 2, LANES), tiles.dtype)
    ends = np.empty((LANES, 2), np.int64)
    ends[:, 0], ends[:, 1] = rows - 1, columns - 1
    for index in range(first, last):
        _forward(tiles[index], one, one, gamma, row, weights, wanted, ends, values[index])
        if wanted:
            _backward(tiles[index], row, weights, ends, seeds[index])
