"""Which clips form a batch. Each sampler is a pure function of (seed, step), so training can resume."""

import math
from collections.abc import Sequence

import numpy as np

from finepseudo_core.datasets.clip_dataset import Draw


class ShuffledBatches:
    """Every clip once an epoch, in an order drawn for the epoch; the last short batch is filled up.

    Args:
        clips: number of clips, at least 1.
        batch_size: clips per batch.
        seed: numbers that name this sampler's random stream.
    """

    def __init__(self, clips: int, batch_size: int, seed: tuple[int, ...]) -> None:
        self.clips, self.batch_size, self.seed = clips, min(batch_size, clips), seed
        self.steps_per_epoch = math.ceil(clips / self.batch_size)

    def __call__(self, step: int) -> list[Draw]:
        """Samples of one step's batch."""
        epoch, place = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng((*self.seed, epoch)).permutation(self.clips)
        chosen = np.take(order, range(place * self.batch_size, (place + 1) * self.batch_size), mode="wrap")
        return _draws(chosen, (*self.seed, step))


class ClassBalancedBatches:
    """Batches with the same number of clips of each class drawn: at least two, as the triplets need.

    FinePseudo, Supp. B.1.2. A class with fewer clips repeats them, under another augmentation.

    Args:
        classes: class number of every clip.
        batch_size: most clips per batch.
        clips_per_class: clips of each class drawn into a batch.
        seed: numbers that name this sampler's random stream.
        least_steps: least steps per epoch.
        preferred: clips that have a share of every class's draw to themselves, as far as the class has any.
        share: that share, 0 to 1; 0 draws all clips alike.
    """

    def __init__(
        self,
        classes: Sequence[int],
        batch_size: int,
        clips_per_class: int,
        seed: tuple[int, ...],
        least_steps: int = 1,
        *,
        preferred: Sequence[bool] = (),
        share: float = 0.0,
    ) -> None:
        self.members = [np.flatnonzero(np.asarray(classes) == number) for number in sorted(set(classes))]
        self.preferred, self.reserved = np.asarray(preferred, bool), math.ceil(share * clips_per_class)
        # nothing is reserved where all clips are alike: the draw is then the one without a share
        self.reserves = (self.reserved, preferred) if self.reserved and not all(preferred) else ()
        self.classes_per_batch = max(2, min(len(self.members), batch_size // clips_per_class))
        self.clips_per_class, self.seed = clips_per_class, seed
        size = self.classes_per_batch * clips_per_class
        self.steps_per_epoch = max(least_steps, math.ceil(len(classes) / size))

    def __call__(self, step: int) -> list[Draw]:
        """Samples of one step's batch."""
        generator = np.random.default_rng((*self.seed, step))
        drawn = generator.permutation(len(self.members))[: self.classes_per_batch]
        chosen = [self._draw_members(self.members[number], generator) for number in drawn]
        return _draws(np.concatenate(chosen), (*self.seed, step))

    def _draw_members(self, members: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        favoured = members[self.preferred[members]] if self.reserves else members
        if len(favoured) in (0, len(members)):
            return _in_turns(members, self.clips_per_class, generator)
        first = _in_turns(favoured, self.reserved, generator)
        others = np.setdiff1d(members, first)
        return np.concatenate([first, _in_turns(others, self.clips_per_class - self.reserved, generator)])


def _in_turns(members: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """So many of some clips, none a second time before all have come."""
    pool = [generator.permutation(members) for _ in range(math.ceil(count / len(members)))]
    return np.concatenate([members[:0], *pool])[:count]


def _draws(chosen: np.ndarray, seed: tuple[int, ...]) -> list[Draw]:
    return [Draw(int(index), (*seed, place)) for place, index in enumerate(chosen)]
