"""How well a score tells pairs of clips of one class from pairs of two: what Table 8 judges distances by."""

import numpy as np


def average_precision(scores: np.ndarray, same: np.ndarray) -> float:
    """Area under the precision-recall curve, as the sum of precision times gain in recall.

    Pairs of equal score enter together, so their order decides nothing.

    Args:
        scores: higher is more alike, (n,).
        same: whether the pair is of one class, bool (n,).

    Raises:
        ValueError: no pair of one class, sizes that differ, or a score that is NaN.
    """
    scores, same = np.asarray(scores, np.float64), np.asarray(same, bool)
    if scores.shape != same.shape or scores.ndim != 1:
        raise ValueError(f"scores of shape {scores.shape} don't fit pairs of shape {same.shape}.")
    if not same.any() or np.isnan(scores).any():
        raise ValueError(
            f"{int(same.sum())} pairs of one class and {int(np.isnan(scores).sum())} scores that are NaN; "
            "give at least one such pair, and numbers."
        )
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(same[order])
    last = np.append(ranked[1:] != ranked[:-1], True)  # last pair of every score
    precision = hits[last] / (np.flatnonzero(last) + 1)
    return float((np.diff(hits[last], prepend=0) * precision).sum() / hits[-1])
