"""DTW of one clip with many, in numpy: the recursion and its ties are those of finepseudo_core.alignment.

The page process loads neither torch nor numba, so this is a recursion over cells with all pairs at once.
"""

from dataclasses import dataclass

import numpy as np

NEAR = 1.0 + 1e-6  # embeddings either side of a carried-over moment that count as the same moment


@dataclass(frozen=True)
class Aligned:
    """P pairs of a clip of R embeddings (rows) with clips of C embeddings (columns).

    Args:
        costs: 1 - cos (P, R, C).
        distances: sum of the costs along the cheapest path (P,).
        on_path: which cells the path takes (P, R, C).
        partners: column that belongs to each row, the middle one where a row takes several (P, R).
        local: mean cost of the path's cells in each row (P, R).
    """

    costs: np.ndarray
    distances: np.ndarray
    on_path: np.ndarray
    partners: np.ndarray
    local: np.ndarray

    def excess(self) -> np.ndarray:
        """How much dearer than the cheapest path is the cheapest one through each cell, >= 0 (P, R, C)."""
        forward = totals(self.costs)
        backward = totals(self.costs[:, ::-1, ::-1])[:, ::-1, ::-1]
        return np.maximum(forward + backward - self.costs - self.distances[:, None, None], 0.0)


def cosine_costs(first: np.ndarray, others: np.ndarray) -> np.ndarray:
    """1 - cos of unit embeddings (R, F) or (P, R, F) with (P, C, F), at least 0: float64 (P, R, C)."""
    return np.maximum(1.0 - (first @ others.swapaxes(1, 2)).astype(np.float64), 0.0)


def totals(costs: np.ndarray) -> np.ndarray:
    """Cost of the cheapest path from the first cell to each, both included: (P, R, C) -> the same shape."""
    cells = np.ascontiguousarray(costs.transpose(1, 2, 0))  # (R, C, P)
    found = np.empty_like(cells)
    rows, columns, _ = cells.shape
    for row in range(rows):
        for column in range(columns):
            here = found[row, column]
            if row and column:
                np.minimum(found[row - 1, column - 1], found[row - 1, column], out=here)
                np.minimum(here, found[row, column - 1], out=here)
                here += cells[row, column]
            elif row or column:
                before = found[row - 1, column] if row else found[row, column - 1]
                np.add(before, cells[row, column], out=here)
            else:
                here[:] = cells[0, 0]
    return found.transpose(2, 0, 1)


def align(costs: np.ndarray) -> Aligned:
    """The cheapest monotone path of every pair, corner to corner; of equal ways the diagonal one.

    Raises:
        ValueError: a cost is not finite.
    """
    if not np.isfinite(costs).all():
        raise ValueError("a cost is not finite; the round's embeddings are damaged. Run the round again.")
    pairs, rows, columns = costs.shape
    padded = np.full((pairs, rows + 1, columns + 1), np.inf)
    padded[:, 1:, 1:] = totals(costs)
    on_path = np.zeros(costs.shape, bool)
    each = np.arange(pairs)
    row, column = np.full(pairs, rows - 1), np.full(pairs, columns - 1)
    for _ in range(rows + columns - 1):
        on_path[each, row, column] = True  # where the start is reached, it is marked again
        diagonal, above, left = (
            padded[each, row, column],
            padded[each, row, column + 1],
            padded[each, row + 1, column],
        )
        straight = (diagonal <= above) & (diagonal <= left)
        up = ~straight & (above <= left)
        start = (row == 0) & (column == 0)
        row = row - ((straight | up) & ~start)
        column = column - ((straight | ~up) & ~start)
    first = on_path.argmax(2)
    last = columns - 1 - on_path[:, :, ::-1].argmax(2)
    local = np.where(on_path, costs, 0.0).sum(2) / on_path.sum(2)
    return Aligned(costs, padded[:, -1, -1], on_path, (first + last) // 2, local)


def moment_of(frame: float, frames: int) -> float:
    """Moment in (0, 1) that a frame shows: the middle of its stretch of time."""
    return (frame + 0.5) / frames


def partner_moments(moment: float, partners: np.ndarray, columns: int) -> np.ndarray:
    """Moments of the column clips that belong to a moment of the row clip (P,), from partners (P, R).

    Linear between the middles of the rows, and from the first and last of them on to the corners.
    """
    rows = partners.shape[1]
    middles = np.concatenate(([0.0], (np.arange(rows) + 0.5) / rows, [1.0]))
    place = int(np.clip(np.searchsorted(middles, moment, side="right"), 1, rows + 1))
    low, high = middles[place - 1], middles[place]
    share = (min(max(moment, 0.0), 1.0) - low) / (high - low)
    known = (partners[:, [max(place - 2, 0), min(place - 1, rows - 1)]] + 0.5) / columns
    before = known[:, 0] if place > 1 else np.zeros(len(partners))
    behind = known[:, 1] if place <= rows else np.ones(len(partners))
    return before * (1 - share) + behind * share


def certainty(excess: np.ndarray, places: np.ndarray, scale: float) -> np.ndarray:
    """How surely a row's partner lies where the path says, in [0, 1].

    Every column of the row is as likely as exp(-excess / scale); the answer is the share of the columns
    within NEAR of the place. A path that runs along the row, or that could as well run elsewhere, is unsure.

    Args:
        excess: of one row (P, C), see `Aligned.excess`.
        places: place of the partner among the columns (P,).
        scale: excess cost that makes a column e times less likely, > 0.
    """
    weights = np.exp(-excess / scale)
    near = np.abs(np.arange(excess.shape[1]) - places[:, None]) <= NEAR
    return np.where(near, weights, 0.0).sum(1) / weights.sum(1)
