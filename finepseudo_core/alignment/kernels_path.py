"""Hard DTW on the CPU: numba kernels laid out as those of soft-DTW, with the pair as the innermost axis."""

import numpy as np
from numba import njit

from finepseudo_core.alignment.arithmetic_cpu import LANES, OPTIONS, STRIDE, U
from finepseudo_core.alignment.kernels_cpu import pack

DIAGONAL, UPPER, LEFT, START = 0, 1, 2, 3


@njit(**OPTIONS)
def _advance(costs, cell, row, record, ways, narrow):
    """One inner cell for every lane; `narrow` leaves the upper step out."""
    left, diagonal = record, record + STRIDE
    here, above = diagonal + STRIDE, diagonal + STRIDE + STRIDE
    for lane in range(STRIDE):
        d, u, f = row[diagonal + lane], row[here + lane], row[left + lane]
        row[above + lane] = u
        least, way = d, np.int8(DIAGONAL)
        if not narrow and u < least:
            least, way = u, np.int8(UPPER)
        if f < least:
            least, way = f, np.int8(LEFT)
        row[here + lane] = costs[cell + lane] + least
        ways[cell + lane] = way


@njit(**OPTIONS)
def _fill(tile, row, ways, narrow, open_start, last_column):
    """Fill the ways (T1, T2, LANES), and R of the last column (T1, LANES).

    `row` (T2, 2, LANES) holds, for every column, R of the current row and R of the row before.
    """
    rows, columns = tile.shape[:2]
    costs, line, taken = tile.reshape(-1), row.reshape(-1), ways.reshape(-1)
    for i in range(rows):
        for j in range(columns):
            if i > 0 and j > 0:
                cell, before = U((i * columns + j) * LANES), U((j - 1) * 2 * LANES)
                _advance(costs, cell, line, before, taken, narrow)
                continue
            for lane in range(LANES):
                row[j, 1, lane] = row[j, 0, lane]
                if j > 0:
                    row[j, 0, lane] = tile[i, j, lane] + row[j - 1, 0, lane]
                    ways[i, j, lane] = LEFT
                elif i == 0 or open_start:
                    row[j, 0, lane] = tile[i, j, lane]
                    ways[i, j, lane] = START
                elif narrow:
                    row[j, 0, lane] = np.inf
                    ways[i, j, lane] = UPPER
                else:
                    row[j, 0, lane] = tile[i, j, lane] + row[j, 1, lane]
                    ways[i, j, lane] = UPPER
        for lane in range(LANES):
            last_column[i, lane] = row[columns - 1, 0, lane]


@njit(**OPTIONS)
def _trace(ways, lane, end, steps):
    """Write the path that ends in row `end` of the last column to `steps`; return its length."""
    i, j, length = end, ways.shape[1] - 1, 1
    while ways[i, j, lane] != START:
        way = ways[i, j, lane]
        i, j = i - (way != LEFT), j - (way != UPPER)
        length += 1
    i, j = end, ways.shape[1] - 1
    for place in range(length - 1, -1, -1):
        steps[place, 0], steps[place, 1] = i, j
        way = ways[i, j, lane]
        i, j = i - (way != LEFT), j - (way != UPPER)
    return length


@njit(**OPTIONS)
def align_paths(costs, narrow, open_start, open_end, distances, steps, lengths, wanted, first, last):
    """Hard DTW of the pairs first..last of a batch.

    Args:
        costs: (B, T1, T2), float32 or float64, contiguous; infinite where a path may not go.
        narrow: leave out the steps that advance the row alone.
        open_start, open_end: let a path begin, or end, in any row.
        distances: (B,), filled.
        steps: int64 (B, T1 + T2 - 1, 2) and lengths: int64 (B,), filled where `wanted`.
        first, last: half-open range of pairs.
    """
    rows, columns = costs.shape[1:]
    tile = np.empty((rows, columns, LANES), costs.dtype)
    row = np.zeros((columns, 2, LANES), costs.dtype)
    ways = np.empty((rows, columns, LANES), np.int8)
    last_column = np.empty((rows, LANES), costs.dtype)
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        pack(costs, start, count, tile)
        _fill(tile, row, ways, narrow, open_start, last_column)
        for lane in range(count):
            end = rows - 1
            if open_end:
                for i in range(rows - 1, -1, -1):
                    if last_column[i, lane] <= last_column[end, lane]:
                        end = i
            distances[start + lane] = last_column[end, lane]
            if wanted and np.isfinite(last_column[end, lane]):
                lengths[start + lane] = _trace(ways, lane, end, steps[start + lane])
