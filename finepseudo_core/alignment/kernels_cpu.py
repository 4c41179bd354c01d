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
    normalise,
    one_like,
    power,
    retreat,
    shift,
    transpose,
)

# A record of the line holds one column: (exponent, mantissa) of an even row, then of an odd one.
RECORD = U(4 * LANES)
EVEN, ODD = U(0), U(2 * LANES)
BLOCK = 8  # pairs and cells that `transpose` takes at once
LINE = 16  # float32 numbers in a cache line


@njit(forceinline=True, **OPTIONS)
def _advance(costs, cell, slope, base, line, left, now, before, weights, keep, one):
    """One cell for every lane: Z = 2^-(slope C + base) (Z_diagonal + Z_upper + Z_left), and two weights."""
    here, upper, lefter = left + RECORD, cell + cell, cell + cell + STRIDE
    for lane in range(STRIDE):
        bits, share = power(slope, costs[cell + lane], base)
        of_diagonal, of_upper = line[left + before + lane], line[here + before + lane]
        of_left = line[left + now + lane]
        least = min(min(of_diagonal, of_upper), of_left)
        d = line[left + before + STRIDE + lane] * shift(least, of_diagonal)
        u = line[here + before + STRIDE + lane] * shift(least, of_upper)
        f = line[left + now + STRIDE + lane] * shift(least, of_left)
        total = (d + u) + f
        if keep:
            inverse = one / total
            weights[upper + lane] = u * inverse
            weights[lefter + lane] = f * inverse
        mantissa, exponent = normalise(total * share)
        line[here + now + lane] = least + (bits - exponent)
        line[here + now + STRIDE + lane] = mantissa


@njit(forceinline=True, **OPTIONS)
def _advance_row(costs, row, columns, slope, base, line, now, before, weights, keep, one):
    for j in range(columns):
        cell = U((row * columns + j) * LANES)
        _advance(costs, cell, slope, base, line, U(j) * RECORD, now, before, weights, keep, one)


@njit(forceinline=True, **OPTIONS)
def _fill(record, line, exponent, mantissa):
    for lane in range(STRIDE):
        line[record + lane] = exponent
        line[record + STRIDE + lane] = mantissa


@njit(**OPTIONS)
def forward(tile, slope, base, line, weights, keep, ends, values):
    """Fill `values` (LANES,) with R at each lane's end cell; keep the weights (T1, T2, 2, LANES) if asked.

    The cost of a cell, in bits, is slope * tile + base, |slope| = 1 / (γ ln 2). `line` holds T2 + 1 records:
    the column before the first, and each column.
    """
    rows, columns = tile.shape[:2]
    costs, kept, one = tile.reshape(-1), weights.reshape(-1), one_like(tile)
    zero = one - one
    for record in range(columns + 1):  # nothing leads in from outside, Z = 0 ...
        _fill(U(record) * RECORD + EVEN, line, np.inf, zero)
        _fill(U(record) * RECORD + ODD, line, np.inf, zero)
    _fill(ODD, line, zero, one)  # ... except from the corner before the first cell, Z_00 = 1
    first_end = ends[:, 0].min()
    for row in range(rows):
        if row % 2 == 0:
            _advance_row(costs, row, columns, slope, base, line, EVEN, ODD, kept, keep, one)
            _fill(ODD, line, np.inf, zero)
        else:
            _advance_row(costs, row, columns, slope, base, line, ODD, EVEN, kept, keep, one)
        if row >= first_end:
            for lane in range(LANES):
                if ends[lane, 0] == row:
                    place = (ends[lane, 1] + 1) * RECORD + (EVEN, ODD)[row % 2] + lane
                    bits = np.float64(line[place]) - np.log2(np.float64(line[place + LANES]))
                    values[lane] = bits / abs(np.float64(slope))


@njit(forceinline=True, **OPTIONS)
def _retreat_row(weights, row, columns, line, now, above, flow, seeds, one):
    """One row of the backward pass: every cell hands what arrived there on to its three neighbours."""
    for lane in range(STRIDE):
        line[U(columns) * RECORD + above + lane] = one - one
    for j in range(columns - 1, -1, -1):
        cell, left = (row * columns + j) * LANES, j * RECORD
        here = left + RECORD
        retreat(
            weights, 2 * cell, 2 * cell + LANES, line, here + now, here + above, left + now, left + above,
            flow, cell, seeds,
        )  # fmt: skip


@njit(**OPTIONS)
def backward(tile, line, weights, ends, seeds):
    """Overwrite the tile with seed * dD/dC, following the kept weights back from each lane's end cell."""
    rows, columns = tile.shape[:2]
    flow, kept, one = tile.reshape(-1), weights.reshape(-1), one_like(tile)
    line[:] = one - one
    first_end = ends[:, 0].min()
    for row in range(rows - 1, -1, -1):
        if row >= first_end:
            for lane in range(LANES):
                if ends[lane, 0] == row:
                    line[(ends[lane, 1] + 1) * RECORD + (EVEN, ODD)[row % 2] + lane] = one
        if row % 2 == 0:
            _retreat_row(kept, row, columns, line, EVEN, ODD, flow, seeds, one)
        else:
            _retreat_row(kept, row, columns, line, ODD, EVEN, flow, seeds, one)


@njit(**OPTIONS)
def pack(costs, start, count, tile):
    """Copy pairs into a tile; lanes beyond `count` repeat the last pair. False if one is not finite."""
    pairs, cells = costs.reshape(-1), tile.reshape(-1)
    size = tile.shape[0] * tile.shape[1]
    check = np.zeros(BLOCK, tile.dtype)
    whole = size - size % BLOCK if count == LANES else 0
    for line in range(0, whole, LINE):  # a cache line is read whole: the next pair's may drive it out
        for lane in range(0, LANES, BLOCK):
            for cell in range(line, min(line + LINE, whole), BLOCK):
                transpose(pairs, (start + lane) * size + cell, size, cells, cell * LANES + lane, LANES, check)
    broken = check.sum()
    for lane in range(LANES):
        pair = (start + min(lane, count - 1)) * size
        for cell in range(whole, size):
            value = pairs[pair + cell]
            cells[cell * LANES + lane] = value
            broken += value - value  # NaN for infinity and for NaN
    return broken == 0


@njit(**OPTIONS)
def _unpack(tile, start, count, gradients):
    cells, pairs = tile.reshape(-1), gradients.reshape(-1)
    size = tile.shape[0] * tile.shape[1]
    check = np.zeros(BLOCK, tile.dtype)
    whole = size - size % BLOCK if count == LANES else 0
    for lane in range(0, LANES if whole else 0, BLOCK):
        for cell in range(0, whole, BLOCK):
            transpose(cells, cell * LANES + lane, LANES, pairs, (start + lane) * size + cell, size, check)
    for lane in range(count):
        for cell in range(whole, size):
            pairs[(start + lane) * size + cell] = cells[cell * LANES + lane]


@njit(**OPTIONS)
def _clear_padding(tile, ends):
    """Zeros in the tile beyond each lane's end, whatever stood there; False if the rest is not finite."""
    rows, columns = tile.shape[:2]
    broken = one_like(tile) - one_like(tile)
    for lane in range(LANES):
        for i in range(rows):
            inside = ends[lane, 1] + 1 if i <= ends[lane, 0] else 0
            for j in range(inside):
                broken += tile[i, j, lane] - tile[i, j, lane]
            for j in range(inside, columns):
                tile[i, j, lane] = 0
    return broken == 0


@njit(**OPTIONS)
def scale(gradients, seeds, first, last):
    """Multiply the gradients (B, T1, T2) of pairs first..last by what flows into each pair (B,)."""
    for pair in range(first, last):
        gradients[pair] *= seeds[pair]


@njit(**OPTIONS)
def align_batch(costs, lengths, gain, values, gradients, wanted, first, last):
    """Soft-DTW of the pairs first..last of a batch.

    Args:
        costs: (B, T1, T2), float32 or float64, contiguous.
        lengths: int64 (B, 2), frames of each side that count.
        gain: 1 / (γ ln 2), bits per unit of cost, in the type of the costs.
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
    line = np.empty((columns + 1) * RECORD, costs.dtype)
    weights = np.empty((rows, columns, 2, LANES) if wanted else (0, 0, 2, LANES), costs.dtype)
    seeds, reached = np.ones(LANES, costs.dtype), np.empty(LANES, costs.dtype)
    ends = np.empty((LANES, 2), np.int64)
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        finite = pack(costs, start, count, tile)
        ragged = False
        for lane in range(LANES):
            for side in range(2):
                ends[lane, side] = lengths[start + min(lane, count - 1), side] - 1
                ragged |= ends[lane, side] + 1 < costs.shape[1 + side]
        if ragged:
            finite = _clear_padding(tile, ends)
        if not finite:
            return False
        if wanted:
            forward(tile, gain, one - one, line, weights, True, ends, reached)
            backward(tile, line, weights, ends, seeds)
            _unpack(tile, start, count, gradients)
        else:
            forward(tile, gain, one - one, line, weights, False, ends, reached)
        for lane in range(count):
            values[start + lane] = reached[lane]
    return True
