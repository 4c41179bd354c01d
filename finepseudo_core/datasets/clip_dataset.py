"""Clips as network input. A sample is a function of (seed, epoch, index) alone, so training can resume."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from finepseudo_core.datasets.frame_store import FrameStore
from finepseudo_core.records import ClipRecord
from finepseudo_core.video.sampling import (
    global_and_local_indices,
    moment_indices,
    shared_positions,
    two_crops_indices,
    uniform_indices,
    window_indices,
)
from finepseudo_core.video.transforms import EvaluationTransform, TrainingTransform

Transform = Callable[[np.ndarray, np.random.Generator], Tensor]


@dataclass(frozen=True)
class Draw:
    """Which sample to make: the number of a clip, and the numbers that seed its augmentation."""

    index: int
    seed: tuple[int, ...]


class ActionClips(Dataset):
    """Training clips of f_E: a dense window at a random place, augmented -> (3, T, H, W).

    Args:
        transform: frames uint8 (T, H, W, 3) and a generator -> float32 (3, T, size, size).
    """

    def __init__(
        self,
        store: FrameStore,
        records: Sequence[ClipRecord],
        frames: int,
        stride: int,
        transform: Transform,
    ) -> None:
        self.store, self.records, self.frames, self.stride = store, tuple(records), frames, stride
        self.transform = transform

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, int]:
        """Clip (3, T, H, W) and its number."""
        generator = np.random.default_rng(draw.seed)
        key = self.records[draw.index].key
        indices = window_indices(self.store.frames(key), self.frames, self.stride, generator.random())
        return self.transform(self.store.read(key, indices), generator), draw.index


class WeakStrongPairs(Dataset):
    """Unlabelled clips of FixMatch: a window as f_E trains on it, and the same frames in a strong view.

    Args:
        strong: frames uint8 (T, H, W, 3) and a generator -> float32 (3, T, size, size).
    """

    def __init__(
        self,
        store: FrameStore,
        records: Sequence[ClipRecord],
        frames: int,
        stride: int,
        size: int,
        strong: Transform,
    ) -> None:
        self.store, self.records, self.frames, self.stride = store, tuple(records), frames, stride
        self.weak, self.strong = TrainingTransform(size), strong

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """Weak and strong view, (3, T, H, W) each."""
        generator = np.random.default_rng(draw.seed)
        key = self.records[draw.index].key
        indices = window_indices(self.store.frames(key), self.frames, self.stride, generator.random())
        frames = self.store.read(key, indices)
        return self.weak(frames, generator), self.strong(frames, generator)


class MomentClips(Dataset):
    """Windows at different times of a clip, each augmented apart: what TimeBalance's teachers compare.

    Args:
        moments: parts that the clip is cut into; a window lies in each.
        chosen: how many of them a sample holds, drawn at random, in the order of time.
        augmentations: views of each chosen window, of the same frames.
    """

    def __init__(
        self,
        store: FrameStore,
        records: Sequence[ClipRecord],
        frames: int,
        stride: int,
        size: int,
        *,
        moments: int,
        chosen: int,
        augmentations: int,
    ) -> None:
        self.store, self.records, self.frames, self.stride = store, tuple(records), frames, stride
        self.moments, self.chosen, self.augmentations = moments, chosen, augmentations
        self.transform = TrainingTransform(size)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, draw: Draw) -> Tensor:
        """Clips (chosen, augmentations, 3, T, H, W)."""
        generator = np.random.default_rng(draw.seed)
        key = self.records[draw.index].key
        places = generator.random(self.moments)
        windows = moment_indices(self.store.frames(key), self.frames, self.stride, self.moments, places)
        drawn = np.sort(generator.permutation(self.moments)[: self.chosen])
        views = []
        for indices in windows[drawn]:
            frames = self.store.read(key, indices)
            views.append(torch.stack([self.transform(frames, generator) for _ in range(self.augmentations)]))
        return torch.stack(views)


class PhaseClips(Dataset):
    """Training clips of f_A: T frames over the whole clip, augmented -> (3, T, H, W)."""

    def __init__(self, store: FrameStore, records: Sequence[ClipRecord], frames: int, size: int) -> None:
        self.store, self.records, self.frames = store, tuple(records), frames
        self.transform = TrainingTransform(size)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, int]:
        """Clip (3, T, H, W) and its number."""
        generator = np.random.default_rng(draw.seed)
        key = self.records[draw.index].key
        indices = uniform_indices(self.store.frames(key), self.frames, generator)
        return self.transform(self.store.read(key, indices), generator), draw.index


class GlobalLocalPairs(Dataset):
    """Pairs of GITDL: a sparse global and a dense local clip, augmented apart, and the frames they share.

    A sample is (global (3, T, H, W), local (3, T, H, W), positions in global (T,), positions in local (T,),
    times (T,) in [0, 1], mask (T,)); the last four are padded behind the K shared frames.
    """

    def __init__(self, store: FrameStore, records: Sequence[ClipRecord], frames: int, size: int) -> None:
        self.store, self.records, self.frames = store, tuple(records), frames
        self.transform = TrainingTransform(size)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        generator = np.random.default_rng(draw.seed)
        key = self.records[draw.index].key
        frames = self.store.frames(key)
        whole, local = global_and_local_indices(frames, self.frames, generator)
        in_whole, in_local = shared_positions(whole, local)
        times = whole[in_whole] / max(1, frames - 1)
        global_clip = self.transform(self.store.read(key, whole), generator)
        local_clip = self.transform(self.store.read(key, local), generator)
        mask = np.arange(self.frames) < len(in_whole)
        return (
            global_clip,
            local_clip,
            self._pad(in_whole),
            self._pad(in_local),
            self._pad(times).float(),
            torch.from_numpy(mask),
        )

    def _pad(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.pad(values, (0, self.frames - len(values))))


class TwoCrops(Dataset):
    """Pairs of CARL: random frames of two stretches of a clip, augmented apart, and when they were.

    Args:
        crop, overlap: as in `two_crops_indices`.
    """

    def __init__(
        self,
        store: FrameStore,
        records: Sequence[ClipRecord],
        frames: int,
        size: int,
        *,
        crop: float,
        overlap: float,
    ) -> None:
        self.store, self.records, self.frames = store, tuple(records), frames
        self.crop, self.overlap = crop, overlap
        self.transform = TrainingTransform(size)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Two clips (3, T, H, W), then the times of their frames (T,), counted in frames."""
        generator = np.random.default_rng(draw.seed)
        key = self.records[draw.index].key
        views = two_crops_indices(
            self.store.frames(key), self.frames, generator, crop=self.crop, overlap=self.overlap
        )
        first, second = (self.transform(self.store.read(key, indices), generator) for indices in views)
        first_times, second_times = (torch.from_numpy(indices).float() for indices in views)
        return first, second, first_times, second_times


class WholeClips(Dataset):
    """Every clip once, without randomness -> (views, 3, T, H, W).

    Args:
        stride: source frames from one frame of a window to the next; 0 spreads them over the whole clip.
        views: windows per clip, evenly placed.
        crops: spatial crops per window.
    """

    def __init__(
        self,
        store: FrameStore,
        records: Sequence[ClipRecord],
        frames: int,
        size: int,
        *,
        stride: int = 0,
        views: int = 1,
        crops: int = 1,
    ) -> None:
        self.store, self.records, self.frames, self.stride, self.views = (
            store,
            tuple(records),
            frames,
            stride,
            views,
        )
        self.transform = EvaluationTransform(size, crops)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Tensor:
        key = self.records[index].key
        frames = self.store.frames(key)
        places = np.linspace(0, 1, self.views) if self.views > 1 else (0.5,)
        windows = [window_indices(frames, self.frames, self.stride, float(place)) for place in places]
        return torch.cat([self.transform(self.store.read(key, indices)) for indices in windows])


class Batches:
    """Batch sampler for the DataLoader: the batches of `steps`, from `start` on.

    Args:
        draws: step -> the samples of that step's batch.
    """

    def __init__(self, draws: Any, start: int, steps: int) -> None:
        self.draws, self.start, self.steps = draws, start, steps

    def __len__(self) -> int:
        return max(0, self.steps - self.start)

    def __iter__(self) -> Any:
        return (self.draws(step) for step in range(self.start, self.steps))
