"""Phase progression: a linear regression from frame embeddings to the time left until each key event.

TCC (Dwibedi et al., CVPR 2019), Sec. 4: progress is the difference in time between a frame and a key event,
divided by the number of frames of the video; the score is the mean R² over key events, on held-out clips.
CARL (Chen et al., CVPR 2022) does the same. Their code counts t - event, which changes no R², and takes the
last frame of a phase as the event; here it is the first of the next one, a shift by one frame of the clip.
"""

from collections.abc import Sequence

import numpy as np


def progress(times: np.ndarray, events: Sequence[float], frames: float) -> np.ndarray:
    """(event - t) / frames for every frame and key event, over all phases of the clip.

    Args:
        times: (T,) of the frames looked at.
        events: E times of key events, in the same unit.
        frames: length of the clip, in the same unit, > 0.

    Returns:
        float64 (T, E), positive before the event.
    """
    return (np.asarray(events, np.float64)[None] - np.asarray(times, np.float64)[:, None]) / frames


def progression_scores(
    embeddings: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    held_out_embeddings: Sequence[np.ndarray],
    held_out_targets: Sequence[np.ndarray],
) -> np.ndarray:
    """R² on held-out frames of an ordinary least-squares regression for every key event.

    Where the training frames leave the solution open, the one of least norm is taken.

    Args:
        embeddings: training clips, (T, F) each.
        targets: their `progress`, (T, E) each.
        held_out_embeddings: held-out clips, (T, F) each.
        held_out_targets: their `progress`, (T, E) each.

    Returns:
        float64 (E,), at most 1; 0 for a regression no better than the held-out mean. The metric is its mean.

    Raises:
        ValueError: there is no key event, or the held-out progress does not vary.
    """
    features, wanted = (np.concatenate(part).astype(np.float64) for part in (embeddings, targets))
    held_out, truth = (
        np.concatenate(part).astype(np.float64) for part in (held_out_embeddings, held_out_targets)
    )
    variation = ((truth - truth.mean(0)) ** 2).sum(0)  # (E,)
    if truth.shape[1] == 0 or not (variation > 0).all():
        raise ValueError("progress needs a key event, and held-out frames at different times from it.")
    centre, level = features.mean(0), wanted.mean(0)
    weights = np.linalg.lstsq(features - centre, wanted - level, rcond=None)[0]  # (F, E)
    errors = ((truth - ((held_out - centre) @ weights + level)) ** 2).sum(0)
    return 1 - errors / variation
