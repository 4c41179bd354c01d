"""The slow, readable definitions: what every fast kernel here is tested against."""

import math
from collections.abc import Iterator, Sequence

Step = tuple[int, int]


def soft_minimum(values: Sequence[float], gamma: float) -> float:
    """min^γ(a) = -γ log Σ exp(-a_k / γ), written so that it does not underflow."""
    least = min(values)
    if math.isinf(least):
        return least
    return least - gamma * math.log(sum(math.exp(-(value - least) / gamma) for value in values))


def soft_dtw(costs: Sequence[Sequence[float]], gamma: float) -> float:
    """Eq. 1 of FinePseudo, literally: R_00 = 0, borders infinite, D = R_TT."""
    rows, columns = len(costs), len(costs[0])
    totals = [[math.inf] * (columns + 1) for _ in range(rows + 1)]
    totals[0][0] = 0.0
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            neighbours = (totals[i - 1][j - 1], totals[i - 1][j], totals[i][j - 1])
            totals[i][j] = costs[i - 1][j - 1] + soft_minimum(neighbours, gamma)
    return totals[rows][columns]


def paths(rows: int, columns: int) -> Iterator[tuple[Step, ...]]:
    """Every monotone path from (0, 0) to (rows - 1, columns - 1) by steps right, down and diagonal."""

    def extend(path: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
        i, j = path[-1]
        if (i, j) == (rows - 1, columns - 1):
            yield path
            return
        for step in ((i + 1, j + 1), (i + 1, j), (i, j + 1)):
            if step[0] < rows and step[1] < columns:
                yield from extend((*path, step))

    yield from extend(((0, 0),))


def path_cost(costs: Sequence[Sequence[float]], path: Sequence[Step]) -> float:
    """Sum of the costs along a path."""
    return math.fsum(costs[i][j] for i, j in path)


def soft_dtw_by_paths(costs: Sequence[Sequence[float]], gamma: float) -> float:
    """Soft-DTW as the soft minimum over the costs of all paths; exponential in the size, for tiny clips."""
    return soft_minimum([path_cost(costs, path) for path in paths(len(costs), len(costs[0]))], gamma)


def gradient_by_paths(costs: Sequence[Sequence[float]], gamma: float) -> list[list[float]]:
    """dD/dC: for each cell the share of all paths, weighted by exp(-cost / γ), that pass through it."""
    every = list(paths(len(costs), len(costs[0])))
    totals = [path_cost(costs, path) for path in every]
    least = min(totals)
    weights = [math.exp(-(total - least) / gamma) for total in totals]
    gradient = [[0.0] * len(costs[0]) for _ in costs]
    for path, weight in zip(every, weights, strict=True):
        for i, j in path:
            gradient[i][j] += weight / sum(weights)
    return gradient
