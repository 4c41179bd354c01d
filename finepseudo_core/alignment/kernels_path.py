"""Hard DTW on the CPU: numba kernels laid out as those of soft-DTW, with the pair as the innermost axis."""

import numpy as np
from numba import njit

from finepseudo_core.alignment.arithmetic_cpu import LANES, OPTIONS, STRIDE, U
from finepseudo_core.alignment.kernels_cpu import pack

# How a cell was reached: bit 0 tells that the row advanced, bit 1 that the column did.
START, UPPER, LEFT, DIAGONAL = 0, 1, 2, 3
# A record of the line holds R of one column: of an even row, then of an odd one.
RECORD = U(2 * LANES)
EVEN, ODD = U(0), U(LANES)


@njit(forceinline=True, **OPTIONS)
def _advance(costs, cell, line, left, now, before, ways, narrow):
    """One inner cell for every lane; `narrow` leaves the upper step out."""
    here = left + RECORD
    for lane in range(STRIDE):
        d, u, f = line[left + before + lane], line[here + before + lane], line[left + now + lane]
        if narrow:
            least = f if f < d else d
            ways[cell + lane] = np.int8(LEFT) if f < d else np.int8(DIAGONAL)
        else:
            near = f if f < u else u
            least = near if near < d else d
            aside = np.int8(LEFT) if f < u else np.int8(UPPER)
            ways[cell + lane] = aside if near < d else np.int8(DIAGONAL)
        line[here + now + lane] = costs[cell + lane] + least


@njit(forceinline=True, **OPTIONS)
def _fill_row(costs, row, columns, line, now, before, ways, narrow, open_start):
    """One row, from left to right; cells of the first row and column have at most one neighbour."""
    base = U(row * columns * LANES)
    for lane in range(STRIDE):
        if row == 0 or open_start:
            ways[base + lane] = START
            line[now + lane] = costs[base + lane]
        else:
            ways[base + lane] = UPPER
            line[now + lane] = np.inf if narrow else costs[base + lane] + line[before + lane]
    for j in range(1, columns):
        cell, left = base + U(j) * STRIDE, U(j - 1) * RECORD
        if row == 0:
            for lane in range(STRIDE):
                ways[cell + lane] = LEFT
                line[left + RECORD + now + lane] = costs[cell + lane] + line[left + now + lane]
        elif narrow:
            _advance(costs, cell, line, left, now, before, ways, True)
        else:
            _advance(costs, cell, line, left, now, before, ways, False)


@njit(**OPTIONS)
def _fill(tile, line, ways, narrow, open_start, last_column):
    """Fill the ways (T1, T2, LANES), and R of the last column (T1, LANES)."""
    rows, columns = tile.shape[:2]
    costs, taken = tile.reshape(-1), ways.reshape(-1)
    line[:] = np.inf
    for row in range(rows):
        if row % 2 == 0:
            _fill_row(costs, row, columns, line, EVEN, ODD, taken, narrow, open_start)
        else:
            _fill_row(costs, row, columns, line, ODD, EVEN, taken, narrow, open_start)
        for lane in range(LANES):
            last_column[row, lane] = line[U(columns - 1) * RECORD + (EVEN, ODD)[row % 2] + U(lane)]


@njit(**OPTIONS)
def _trace(ways, ends, back, lengths):
    """Follow the ways of every lane at once from row ends[lane] of the last column to the start.

    Fills back (T1 + T2 - 1, 2, LANES) with the cells, the last one first, and lengths (LANES,).
    """
    rows, columns = ways.shape[:2]
    taken = ways.reshape(-1)
    i, j = ends.copy(), np.full(LANES, np.int32(columns - 1))
    lengths[:] = 1
    for place in range(rows + columns - 1):
        moved = np.int32(0)
        for lane in range(LANES):
            back[place, 0, lane], back[place, 1, lane] = i[lane], j[lane]
            way = np.int32(taken[(i[lane] * columns + j[lane]) * LANES + lane])
            i[lane] -= way & 1
            j[lane] -= way >> 1
            moved |= way
            lengths[lane] += way != START
        if moved == 0:
            return


@njit(**OPTIONS)
def align_paths(
    costs, narrow, open_start, open_end, top, left, distances, steps, lengths, wanted, first, last
):
    """Hard DTW of the pairs first..last of a batch.

    Args:
        costs: (B, T1, T2), float32 or float64, contiguous; infinite where a path may not go.
        narrow: leave out the steps that advance the row alone.
        open_start, open_end: let a path begin, or end, in any row.
        top, left: added to the cells of the paths.
        distances: (B,), filled.
        steps: int64 (B, T1 + T2 - 1, 2) and lengths: int64 (B,), filled where `wanted`.
        first, last: half-open range of pairs.

    Returns:
        False where a cost is not finite.
    """
    rows, columns = costs.shape[1:]
    tile = np.empty((rows, columns, LANES), costs.dtype)
    line = np.empty(U(columns) * RECORD, costs.dtype)
    ways = np.empty((rows, columns, LANES), np.int8)
    last_column = np.empty((rows, LANES), costs.dtype)
    ends, counts = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    back = np.empty((rows + columns - 1, 2, LANES), np.int32)
    finite = True
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        finite &= pack(costs, start, count, tile)
        _fill(tile, line, ways, narrow, open_start, last_column)
        ends[:] = rows - 1
        if open_end:
            for i in range(rows - 1, -1, -1):
                for lane in range(LANES):
                    if last_column[i, lane] <= last_column[ends[lane], lane]:
                        ends[lane] = i
        for lane in range(count):
            distances[start + lane] = last_column[ends[lane], lane]
        if not wanted:
            continue
        _trace(ways, ends, back, counts)
        for lane in range(count):
            length, path = counts[lane], steps[start + lane]
            lengths[start + lane] = length
            for place in range(length):
                path[place, 0] = back[length - 1 - place, 0, lane] + top
                path[place, 1] = back[length - 1 - place, 1, lane] + left
            path[length:] = -1
    return finite
