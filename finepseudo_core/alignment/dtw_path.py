"""Hard DTW: the distance and the path itself, for evidence on screen and for comparison (Table 8)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from finepseudo_core.alignment import kernels_path
from finepseudo_core.alignment.arithmetic_cpu import LANES
from finepseudo_core.alignment.threads import run_in_threads

Anchor = tuple[int, int]


class Alignment(NamedTuple):
    """Paths of a batch.

    Args:
        distances: (B,), the sum of the costs along each path.
        steps: int64 (B, T1 + T2 - 1, 2), cells (i, j) from first to last, padded with -1.
        lengths: int64 (B,), number of cells of each path.
    """

    distances: Tensor
    steps: Tensor
    lengths: Tensor

    def path(self, pair: int) -> list[Anchor]:
        """Cells (i, j) of one pair, from first to last."""
        return [(int(i), int(j)) for i, j in self.steps[pair, : self.lengths[pair]].tolist()]


def dtw_path(
    costs: Tensor, *, anchors: Sequence[Anchor] = (), band: int | None = None, relaxed: bool = False
) -> Alignment:
    """Cheapest monotone path through each cost matrix, and what it costs. Not differentiable.

    Of equally cheap ways the diagonal step is taken, then the upper, then the left one.

    Args:
        costs: (B, T1, T2), any float type, on any device; the work is done on the CPU.
        anchors: cells (i, j) that every path must pass through, as when a person has matched two frames.
        band: Sakoe-Chiba band: a path stays within this many columns of the line between the corners.
        relaxed: OTAM's boundaries (Cao et al., CVPR 2020): rows may be skipped at either end, each column
            takes exactly one row, and a row may take several columns. Needs costs >= 0.

    Raises:
        ValueError: a wrong shape, a cost that is not finite (its index is named), anchors out of range or out
            of order, or constraints that leave no path.
    """
    if costs.ndim != 3 or 0 in costs.shape[1:]:
        raise ValueError(
            f"costs have shape {tuple(costs.shape)}; give (B, T1, T2) with T1 and T2 at least 1."
        )
    array = _as_array(costs)
    if band is not None:
        _check_finite(array)
        array = np.where(_band(array.shape[1], array.shape[2], band), array, array.dtype.type(np.inf))
    corners = _corners(anchors, array.shape[1], array.shape[2])
    parts = []
    for index, ((top, left), (bottom, right)) in enumerate(pairwise(corners)):
        block = np.ascontiguousarray(array[:, top : bottom + 1, left : right + 1])
        open_start, open_end = relaxed and index == 0, relaxed and index == len(corners) - 2
        finite, part = _align(block, relaxed, open_start, open_end, top, left)
        if not finite and band is None:
            _check_finite(array)
        parts.append(part)
        if not np.isfinite(part[0]).all():
            raise ValueError(
                f"no path of pair {int(np.flatnonzero(~np.isfinite(part[0]))[0])} meets the constraints: "
                f"anchors {list(anchors)}, band {band}, relaxed {relaxed}. Widen the band or drop an anchor."
            )
    distances, steps, lengths = parts[0] if len(parts) == 1 else _join(array, parts, corners)
    return Alignment(*(torch.from_numpy(part).to(costs.device) for part in (distances, steps, lengths)))


def dtw_distance(costs: Tensor, *, relaxed: bool = False) -> Tensor:
    """Hard DTW distances (B,) of costs (B, T1, T2) without the paths; arguments as for `dtw_path`."""
    array = _as_array(costs)
    distances = np.empty(len(array), array.dtype)
    nothing = np.empty((0, 0, 2), np.int64), np.empty(0, np.int64)
    if not _run(array, relaxed, relaxed, relaxed, 0, 0, distances, *nothing, False):
        _check_finite(array)
    return torch.from_numpy(distances).to(costs.device)


def _as_array(costs: Tensor) -> np.ndarray:
    costs = costs.detach().cpu()
    return np.asarray((costs if costs.dtype == torch.float64 else costs.float()).contiguous().numpy())


def _check_finite(array: np.ndarray) -> None:
    if not np.isfinite(array).all():
        index = tuple(int(place[0]) for place in np.nonzero(~np.isfinite(array)))
        raise ValueError(f"costs[{', '.join(map(str, index))}] is {array[index]}; every cost must be finite.")


def _band(rows: int, columns: int, band: int) -> np.ndarray:
    """Allowed cells (T1, T2) of a Sakoe-Chiba band around the straight line between the corners."""
    if band < 0:
        raise ValueError(f"band is {band}; it must be at least 0.")
    line = np.arange(rows) * ((columns - 1) / max(rows - 1, 1))
    allowed = np.abs(np.arange(columns) - line[:, None]) <= band
    return np.asarray(allowed if rows > 1 else np.ones((1, columns), dtype=bool))


def _corners(anchors: Sequence[Anchor], rows: int, columns: int) -> list[Anchor]:
    """The cells between which the path is free: both ends of the matrix and the anchors, in order."""
    corners = [(0, 0), *sorted(anchors), (rows - 1, columns - 1)]
    for i, j in anchors:
        if not (0 <= i < rows and 0 <= j < columns):
            raise ValueError(f"anchor ({i}, {j}) lies outside costs of {rows} x {columns}.")
    for before, after in pairwise(corners):
        if after[1] < before[1]:
            raise ValueError(f"anchors {before} and {after} cross: time must run forward in both clips.")
    return corners


def _align(
    block: np.ndarray, relaxed: bool, open_start: bool, open_end: bool, top: int, left: int
) -> tuple[bool, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    pairs, rows, columns = block.shape
    distances, lengths = np.empty(pairs, block.dtype), np.empty(pairs, np.int64)
    steps = np.empty((pairs, rows + columns - 1, 2), np.int64)
    finite = _run(block, relaxed, open_start, open_end, top, left, distances, steps, lengths, True)
    return finite, (distances, steps, lengths)


def _run(block: np.ndarray, *arguments: object) -> bool:
    """Fill the arrays among the arguments; False where a cost is not finite."""
    calls = run_in_threads(kernels_path.align_paths, (block, *arguments), len(block), LANES, cells=block.size)
    return all(calls)


def _join(
    array: np.ndarray, parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], corners: Sequence[Anchor]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay the parts end to end; the anchor that two parts share counts once."""
    pairs, rows, columns = array.shape
    distances = np.sum([part[0] for part in parts], axis=0, dtype=array.dtype)
    for i, j in corners[1:-1]:
        distances = distances - array[:, i, j]
    steps = np.full((pairs, rows + columns - 1, 2), -1, np.int64)
    lengths = np.empty(pairs, np.int64)
    for pair in range(pairs):
        pieces = [part[1][pair, : part[2][pair]] for part in parts]
        path = np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])
        steps[pair, : len(path)], lengths[pair] = path, len(path)
    return distances, steps, lengths
