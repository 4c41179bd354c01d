"""Kendall's tau: whether nearest neighbours between two clips keep the order of time.

TCC (Dwibedi et al., CVPR 2019), Sec. 4, and CARL (Chen et al., CVPR 2022): every frame of one clip
is given its nearest neighbour in another clip; tau counts how many pairs of frames keep their order; the mean
goes over all ordered pairs of clips. Both use SciPy's `kendalltau`, which is tau-b, and leave out pairs of
clips without a tau.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from finepseudo_core.evaluation.frame_neighbours import MOST_DISTANCES, FrameNeighbours


class AlignmentTau(NamedTuple):
    """Mean tau in [-1, 1], NaN where no pair has one, and how many ordered pairs have one and have none."""

    mean: float
    pairs: int
    without: int


def kendalls_tau(embeddings: Sequence[np.ndarray], *, stride: int = 1) -> AlignmentTau:
    """Mean tau of the nearest-neighbour alignments over all ordered pairs of clips.

    A pair has no tau where all its frames share one neighbour. Among equally near frames the earliest is the
    neighbour. The work grows as clips² x frames² x F: 200 clips of 32 frames take a few seconds.

    Args:
        embeddings: (T, F) of every clip.
        stride: 2 uses every second frame, as CARL does for PennAction; 1 uses all.

    Raises:
        ValueError: fewer than two clips, or a stride below 1.
    """
    if len(embeddings) < 2 or stride < 1:
        raise ValueError(f"{len(embeddings)} clips at a stride of {stride}: give two clips, and 1 or more.")
    neighbours = FrameNeighbours([clip[::stride] for clip in embeddings])
    taus = []
    for query in range(len(embeddings)):
        nearest = [distances.argmin(2) for _, distances in neighbours.distances(query)]
        others = np.delete(np.concatenate(nearest, axis=1).T, query, axis=0)  # (N - 1, T)
        taus.append(order_kept(others))
    found = np.concatenate(taus)
    kept = found[np.isfinite(found)]
    mean = float(kept.mean()) if len(kept) else float("nan")
    return AlignmentTau(mean, len(kept), len(found) - len(kept))


def order_kept(positions: np.ndarray) -> np.ndarray:
    """Kendall's tau-b between 0, 1, ..., T - 1 and each row of positions (N, T).

    (concordant - discordant) / sqrt(all pairs x pairs of different position).

    Returns:
        float64 (N,) in [-1, 1]; NaN for a row of equal positions.
    """
    length = positions.shape[1]
    pairs = length * (length - 1) // 2
    earlier, later = np.triu_indices(length, 1)
    found = np.full(len(positions), np.nan)
    block = max(1, MOST_DISTANCES // max(1, pairs))
    for first in range(0, len(positions), block):
        rows = positions[first : first + block]
        signs = np.sign(rows[:, later] - rows[:, earlier])  # (n, pairs)
        differing = np.abs(signs).sum(1).astype(np.float64)
        value = np.divide(
            signs.sum(1),
            np.sqrt(pairs * differing),
            out=np.full(len(rows), np.nan),
            where=differing > 0,
        )
        found[first : first + block] = value
    return found
