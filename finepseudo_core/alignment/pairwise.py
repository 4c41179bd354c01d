"""Soft-DTW of every pair of two sets of clips, straight from frame embeddings."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from finepseudo_core.alignment import device
from finepseudo_core.alignment.arithmetic_cpu import LANES, gain_of
from finepseudo_core.alignment.costs import normalise
from finepseudo_core.alignment.kernels_pairwise import align_pairs, differentiate_pairs, pack_clips
from finepseudo_core.alignment.products_cpu import ROWS, WIDTH
from finepseudo_core.alignment.soft_dtw import OnceDifferentiated, check_gamma
from finepseudo_core.alignment.threads import run_in_threads

CLIPS_OF_CHUNK, MOST_CHUNKS = 8, 32  # the gradients of the second set are summed up chunk by chunk


def pairwise_soft_dtw(first: Tensor, second: Tensor, gamma: float) -> Tensor:
    """Soft-DTW on cosine costs between every clip of one set and every clip of another.

    Costs are made and used up in the cache, one clip against a few others: N x M x T1 x T2 values never exist
    at once, neither forward nor backward (which works the costs out again). Differentiable once in both sets.
    Given one tensor twice, as for all pairs of a batch, the CPU does half the work.

    Args:
        first: frame embeddings (N, T1, F); half precision is widened to float32.
        second: frame embeddings (M, T2, F).
        gamma: smoothing, > 0.

    Returns:
        Distances (N, M), float32 or float64.

    Raises:
        ValueError: shapes that don't fit together, γ <= 0, or an embedding that is not finite or whose length
            overflows (its clip is named).
    """
    check_gamma(gamma)
    if first.ndim != 3 or second.ndim != 3 or first.shape[2] != second.shape[2]:
        raise ValueError(
            f"embeddings have shapes {tuple(first.shape)} and {tuple(second.shape)}; "
            "give (N, T1, F) and (M, T2, F)."
        )
    if 0 in first.shape[1:] or 0 in second.shape[1:]:
        raise ValueError("a clip needs at least one frame and one feature.")
    with torch.autocast(first.device.type, enabled=False):
        same = first is second
        first = _unit("first", first)
        second = first if same else _unit("second", second)
    if torch.is_grad_enabled() and (first.requires_grad or second.requires_grad):
        return _PairwiseSoftDTW.apply(first, second, gamma, same)
    return _distances(first, second, gamma, same)


def _unit(name: str, embeddings: Tensor) -> Tensor:
    """Embeddings at length one; those without a length are refused."""
    embeddings = embeddings if embeddings.dtype == torch.float64 else embeddings.float()
    lengths = torch.linalg.vector_norm(embeddings.detach(), dim=-1)
    if not bool(lengths.isfinite().all()):
        clip = int((~lengths.isfinite()).any(1).nonzero()[0])
        raise ValueError(
            f"{name}[{clip}] holds a value that is not finite, or too large to square; "
            "look for a diverged encoder."
        )
    return normalise(embeddings)


class _PairwiseSoftDTW(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor, gamma: float, same: bool) -> Tensor:
        ctx.save_for_backward(first, second)
        ctx.gamma, ctx.same = gamma, same
        return _distances(first.detach(), second.detach(), gamma, same)

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor, Tensor, None, None]:
        first, second = ctx.saved_tensors
        gradients = _gradients(first.detach(), second.detach(), ctx.gamma, incoming.detach(), ctx.same)
        if incoming.requires_grad:
            gradients = OnceDifferentiated.apply(incoming, *gradients)
        return (*gradients, None, None)


def _distances(first: Tensor, second: Tensor, gamma: float, same: bool) -> Tensor:
    if first.device.type != "cpu":
        return device.pairwise_values(first, second, gamma)
    sets = _Sets(first, second, same)
    distances = first.new_empty(len(first), len(second))
    starts = np.cumsum([0, *(sets.clips(block) for block in range(sets.blocks))])
    arguments = (sets.first, sets.frames, first.shape[1], sets.gain(gamma), starts, distances.numpy())
    run_in_threads(align_pairs, arguments, int(starts[-1]), cells=int(starts[-1]) * sets.cells)
    return torch.where(_mirrored(len(first)), distances.T, distances) if same else distances


def _gradients(
    first: Tensor, second: Tensor, gamma: float, incoming: Tensor, same: bool
) -> tuple[Tensor, Tensor]:
    if first.device.type != "cpu":
        return device.pairwise_gradients(first, second, gamma, incoming)
    if same:  # what flows into a pair that was not worked out flows into its mirror image
        incoming = torch.where(_mirrored(len(first)).T, incoming + incoming.T, incoming)
    sets = _Sets(first, second, same)
    vectors, of_first = sets.vectors(), np.zeros_like(sets.first)
    of_second = np.zeros((sets.blocks * LANES, *second.shape[1:]), sets.first.dtype)
    chunk = max(CLIPS_OF_CHUNK, -(-len(first) // MOST_CHUNKS))  # never by the threads: sums keep their order
    seeds = incoming.contiguous().numpy()
    for block in range(sets.blocks):
        clips = sets.clips(block)
        chunks = -(-clips // chunk)
        of_frames = np.empty((chunks, *sets.frames.shape[1:]), sets.first.dtype)
        batch = (sets.first, sets.frames, vectors, first.shape[1], sets.gain(gamma), seeds)
        arguments = (*batch, block, clips, chunk, of_first, of_frames)
        run_in_threads(differentiate_pairs, arguments, chunks, cells=clips * sets.cells)
        there = slice(block * LANES, (block + 1) * LANES)
        of_second[there] = of_frames.sum(0)[:, : second.shape[2]].transpose(2, 0, 1)
    inside = torch.from_numpy(of_first)[:, : first.shape[1], : first.shape[2]]
    return inside.contiguous(), torch.from_numpy(of_second)[: len(second)]


def _mirrored(clips: int) -> Tensor:
    """bool (N, N): pairs that are not worked out where both sets are the same."""
    blocks = torch.arange(clips) // LANES
    return blocks[:, None] > blocks


class _Sets:
    """Both sets in the layouts of the kernels: `first` (N, T1', F'), `frames` (blocks, T2, F', LANES).

    Frames and features are filled up with zeros to what the products take at once.
    """

    def __init__(self, first: Tensor, second: Tensor, same: bool) -> None:
        self.blocks, self.same = -(-len(second) // LANES), same
        features = -first.shape[2] % WIDTH
        self.first = _filled(first, (0, features, 0, -first.shape[1] % ROWS))
        self.second = _filled(second, (0, features))
        self.frames = np.empty((self.blocks, *self.second.shape[1:], LANES), self.first.dtype)
        run_in_threads(pack_clips, (self.second, self.frames), self.blocks, cells=self.second.size)
        self.cells = first.shape[1] * second.shape[1] * LANES  # of one clip against one block

    def clips(self, block: int) -> int:
        """How many clips of first meet a block; where both sets are the same, symmetry gives the others."""
        return min(len(self.first), (block + 1) * LANES) if self.same else len(self.first)

    def vectors(self) -> np.ndarray:
        """The second set as (blocks, F' / WIDTH, T2, LANES, WIDTH)."""
        clips, columns, features = self.second.shape
        lanes = np.zeros((self.blocks * LANES, columns, features), self.first.dtype)
        lanes[:clips] = self.second
        split = lanes.reshape(self.blocks, LANES, columns, features // WIDTH, WIDTH)
        return np.ascontiguousarray(split.transpose(0, 3, 2, 1, 4))

    def gain(self, gamma: float) -> Any:
        """1 / (γ ln 2) in the type of the embeddings."""
        return gain_of(gamma, self.first.dtype)


def _filled(embeddings: Tensor, padding: tuple[int, ...]) -> np.ndarray:
    return np.asarray(functional.pad(embeddings, padding).contiguous().numpy())
