"""Distances from the frames of one clip to the frames of all others, block by block."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

MOST_DISTANCES = 1 << 22  # at once


class FrameNeighbours:
    """Frame embeddings of all clips, padded to one length.

    Args:
        embeddings: (T, F) of every clip; the lengths may differ.
    """

    def __init__(self, embeddings: Sequence[np.ndarray]) -> None:
        self.clips = [torch.from_numpy(np.ascontiguousarray(clip, dtype=np.float64)) for clip in embeddings]
        self.padded = torch.nn.utils.rnn.pad_sequence(self.clips, batch_first=True)  # (N, T, F)
        lengths = torch.tensor([len(clip) for clip in self.clips])
        self.there = torch.arange(self.padded.shape[1]) < lengths[:, None]  # bool (N, T)

    def distances(self, query: int) -> Iterator[tuple[int, np.ndarray]]:
        """(first clip, distances (T, clips, T)) from the frames of a clip to those of some clips at a time.

        Euclidean, and float64; padding is at infinity. Every distance is summed up on its own, never as
        |x|² + |y|² - 2xy, which would lose the small ones and tell equal frames apart by rounding.
        """
        frames, length = self.clips[query], self.padded.shape[1]
        block = max(1, MOST_DISTANCES // (len(frames) * length))
        for first in range(0, len(self.clips), block):
            chosen = self.padded[first : first + block]
            found = torch.cdist(
                frames, chosen.flatten(0, 1), compute_mode="donot_use_mm_for_euclid_dist"
            ).view(len(frames), len(chosen), length)
            yield first, found.masked_fill(~self.there[first : first + block], torch.inf).numpy()
