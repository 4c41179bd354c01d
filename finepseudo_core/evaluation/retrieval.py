"""Fine-grained frame retrieval: whether the nearest frames of other clips show the same phase.

CARL (Chen et al., CVPR 2022), Sec. 4, "AP@K": the share of a frame's K nearest frames, among all frames of
the other clips, that have its phase; the mean over the frames of a clip, then over clips.
"""

from collections.abc import Sequence

import numpy as np

from finepseudo_core.evaluation.frame_neighbours import FrameNeighbours

AT = (5, 10, 15)


def retrieval_precision(
    embeddings: Sequence[np.ndarray], labels: Sequence[np.ndarray], *, at: Sequence[int] = AT
) -> dict[int, float]:
    """Mean share of the K nearest frames of other clips that have the phase of the query frame.

    Frames as near as the K-th share the places left among them, so the order of the clips decides nothing
    and constant embeddings score chance; without such ties the values are CARL's.

    Args:
        embeddings: (T, F) of every clip.
        labels: phase of every frame, int (T,) each; frames of phase -1 neither ask nor answer.
        at: the Ks.

    Returns:
        K -> value in [0, 1].

    Raises:
        ValueError: fewer than two clips have frames with a phase, or a K is not between 1 and the number of
            frames that a clip is compared with.
    """
    chosen = [phases >= 0 for phases in labels]
    kept = [number for number, mask in enumerate(chosen) if mask.any()]
    frames = [np.asarray(embeddings[number])[chosen[number]] for number in kept]
    phases = [labels[number][chosen[number]] for number in kept]
    sizes = [len(clip) for clip in frames]
    fewest = sum(sizes) - max(sizes, default=0)
    if len(kept) < 2 or not all(1 <= count <= fewest for count in at):
        raise ValueError(
            f"{len(kept)} clips have phases, and a clip is compared with as few as {fewest} frames; "
            f"K of {list(at)} needs two clips and that many frames."
        )
    neighbours = FrameNeighbours(frames)
    there = neighbours.there.numpy()
    padded = np.full(there.shape, -1)
    padded[there] = np.concatenate(phases)  # (N, T)
    precisions = np.empty((len(kept), len(at)))
    for query, own in enumerate(phases):
        others = np.delete(np.arange(len(kept)), query)
        distances = np.concatenate([part for _, part in neighbours.distances(query)], axis=1)
        near = distances[:, others][:, there[others]]  # (T, frames of the others)
        same = own[:, None] == padded[others][there[others]]
        for place, count in enumerate(at):
            precisions[query, place] = _shares(near, same, count).mean()
    return {count: float(precisions[:, place].mean()) for place, count in enumerate(at)}


def _shares(distances: np.ndarray, same: np.ndarray, count: int) -> np.ndarray:
    """Expected share of `same` among the `count` nearest of each row (T, M), ties drawn by lot -> (T,)."""
    last = np.partition(distances, count - 1, axis=1)[:, count - 1, None]
    nearer, level = distances < last, distances == last
    left = count - nearer.sum(1)
    return ((nearer & same).sum(1) + left * (level & same).sum(1) / level.sum(1)) / count
