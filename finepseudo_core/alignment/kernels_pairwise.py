"""Soft-DTW of all pairs of two sets of embedded clips on the CPU, one clip against LANES others at a time.

The cosines of those pairs fit the second-level cache: they are worked out, used up by the recursion and,
where gradients are wanted, overwritten by the flow, which the two products of the chain rule use up in turn.
"""

import numpy as np
from numba import njit

from finepseudo_core.alignment.arithmetic_cpu import LANES, OPTIONS
from finepseudo_core.alignment.kernels_cpu import RECORD, backward, forward, pack
from finepseudo_core.alignment.products_cpu import ROWS, WIDTH, multiply


@njit(**OPTIONS)
def pack_clips(clips, frames, begin, end):
    """Bring blocks begin..end of clips (M, T2, F) into the layout (blocks, T2, F, LANES) of `frames`.

    Lanes beyond the last clip repeat it.
    """
    for block in range(begin, end):
        pack(clips, block * LANES, min(LANES, len(clips) - block * LANES), frames[block])


@njit(**OPTIONS)
def _fill_cosines(first, clip, frames, block, tile):
    """tile (T1', T2, LANES) = clip (T1', F) times the frames of a block (F, LANES) of every column."""
    rows, features = first.shape[1:]
    columns = frames.shape[1]
    scalars, vectors, cells = first.reshape(-1), frames.reshape(-1), tile.reshape(-1)
    for j in range(columns):
        column = (block * columns + j) * features * LANES
        for i in range(0, rows, ROWS):
            row = (clip * rows + i) * features
            for lane in range(0, LANES, WIDTH):
                there, down = (i * columns + j) * LANES + lane, columns * LANES
                where = column + lane
                multiply(scalars, row, features, 1, vectors, where, LANES, features, cells, there, down, True)


@njit(**OPTIONS)
def align_pairs(first, frames, rows, gain, starts, distances, begin, end):
    """Soft-DTW of items begin..end: item k is clip k - starts[b] of the first set against block b of others.

    Args:
        first: unit frame embeddings (N, T1', F), T1' a multiple of ROWS, float32 or float64.
        frames: those of the second set, in blocks of clips (blocks, T2, F, LANES).
        rows: T1, how many rows of a clip count.
        gain: 1 / (γ ln 2), in the type of the embeddings.
        starts: int64 (blocks + 1,), the first item of each block.
        distances: (N, M), filled.
        begin, end: half-open range of items.
    """
    columns = frames.shape[1]
    tile = np.empty((first.shape[1], columns, LANES), first.dtype)
    line = np.empty((columns + 1) * RECORD, first.dtype)
    weights, values = np.empty((0, 0, 2, LANES), first.dtype), np.empty(LANES, first.dtype)
    ends = np.empty((LANES, 2), np.int64)
    ends[:, 0], ends[:, 1] = rows - 1, columns - 1
    block = 0
    for item in range(begin, end):
        while item >= starts[block + 1]:
            block += 1
        clip = item - starts[block]
        _fill_cosines(first, clip, frames, block, tile)
        forward(tile[:rows], -gain, gain, line, weights, False, ends, values)
        for lane in range(min(LANES, distances.shape[1] - block * LANES)):
            distances[clip, block * LANES + lane] = values[lane]


@njit(**OPTIONS)
def differentiate_pairs(
    first, frames, vectors, rows, gain, seeds, block, clips, chunk, of_first, of_frames, begin, end
):
    """Gradients of soft-DTW for chunks begin..end of the clips of the first set against one block of others.

    Args:
        first, frames, rows, gain: as for `align_pairs`.
        vectors: the second set as (blocks, F / WIDTH, T2, LANES, WIDTH).
        seeds: (N, M), what flows into the distances.
        block: which block.
        clips: how many clips of the first set take part.
        chunk: clips in a chunk, which is worked out by one thread.
        of_first: (N, T1', F), added to.
        of_frames: (chunks, T2, F, LANES), filled.
        begin, end: half-open range of chunks.
    """
    columns, features = frames.shape[1:3]
    padded = first.shape[1]
    tile = np.empty((padded, columns, LANES), first.dtype)
    line = np.empty((columns + 1) * RECORD, first.dtype)
    weights = np.empty((rows, columns, 2, LANES), first.dtype)
    values, flowing = np.empty(LANES, first.dtype), np.zeros(LANES, first.dtype)
    ends = np.empty((LANES, 2), np.int64)
    ends[:, 0], ends[:, 1] = rows - 1, columns - 1
    cells, scalars, others = tile.reshape(-1), first.reshape(-1), vectors.reshape(-1)
    back, on = of_first.reshape(-1), of_frames.reshape(-1)
    cell_row = columns * LANES
    for index in range(begin, end):
        of_frames[index] = 0
        for clip in range(index * chunk, min((index + 1) * chunk, clips)):
            for lane in range(min(LANES, seeds.shape[1] - block * LANES)):
                flowing[lane] = -seeds[clip, block * LANES + lane]  # the cost falls as the cosine rises
            _fill_cosines(first, clip, frames, block, tile)
            forward(tile[:rows], -gain, gain, line, weights, True, ends, values)
            backward(tile[:rows], line, weights, ends, flowing)
            for part in range(features // WIDTH):
                where = (block * (features // WIDTH) + part) * cell_row * WIDTH
                for i in range(0, padded, ROWS):
                    there = (clip * padded + i) * features + part * WIDTH
                    begins = i * cell_row
                    multiply(
                        cells,
                        begins,
                        cell_row,
                        1,
                        others,
                        where,
                        WIDTH,
                        cell_row,
                        back,
                        there,
                        features,
                        False,
                    )
            for j in range(columns):
                for feature in range(0, features, ROWS):
                    begins = clip * padded * features + feature
                    for lane in range(0, LANES, WIDTH):
                        where = j * LANES + lane
                        there = ((index * columns + j) * features + feature) * LANES + lane
                        multiply(
                            scalars,
                            begins,
                            1,
                            features,
                            cells,
                            where,
                            cell_row,
                            rows,
                            on,
                            there,
                            LANES,
                            False,
                        )
