"""Pairs and moments that self-supervision and consistency learn from."""

import numpy as np
import pytest
import torch

from finepseudo_core.datasets.clip_dataset import Draw, MomentClips, TwoCrops, WeakStrongPairs
from finepseudo_core.records import ClipRecord

FRAMES = 40
RECORDS = [ClipRecord("one", None)]


class Clock:
    """A store of one clip whose frames are the brighter, the later they are."""

    def frames(self, key: str) -> int:
        return FRAMES

    def read(self, key: str, indices: np.ndarray) -> np.ndarray:
        values = (100 + 2 * np.asarray(indices)).astype(np.uint8)[:, None, None, None]
        return np.broadcast_to(values, (len(indices), 20, 20, 3))


def read_times(frames: np.ndarray, generator: np.random.Generator) -> torch.Tensor:
    """In place of a transform: the numbers of the frames (T,)."""
    return (torch.from_numpy(frames[:, 0, 0, 0].copy()).long() - 100) // 2


def test_weak_and_strong_view_are_of_the_same_frames():
    pairs = WeakStrongPairs(Clock(), RECORDS, 6, 2, 16, read_times)
    pairs.weak = read_times
    for seed in range(10):
        weak, strong = pairs[Draw(0, (seed,))]
        assert torch.equal(weak, strong)
        assert weak.diff().tolist() == [2] * 5


@pytest.mark.parametrize(("chosen", "augmentations"), [(2, 1), (4, 2)])
def test_moments_come_from_different_parts_in_order_of_time(chosen, augmentations):
    clips = MomentClips(Clock(), RECORDS, 3, 1, 16, moments=4, chosen=chosen, augmentations=augmentations)
    clips.transform = read_times
    seen = set()
    for seed in range(20):
        moments = clips[Draw(0, (seed,))]
        assert moments.shape == (chosen, augmentations, 3)
        assert torch.equal(moments, moments[:, :1].expand_as(moments))
        parts = (moments[:, 0] // 10).tolist()
        assert all(len(set(part)) == 1 for part in parts)
        assert [part[0] for part in parts] == sorted({part[0] for part in parts})
        seen |= {part[0] for part in parts}
    assert seen == {0, 1, 2, 3}


def test_augmentations_of_a_moment_differ():
    clips = MomentClips(Clock(), RECORDS, 3, 1, 16, moments=2, chosen=2, augmentations=2)
    moments = clips[Draw(0, (0,))]
    assert moments.shape == (2, 2, 3, 3, 16, 16)
    assert not torch.equal(moments[0, 0], moments[0, 1])


def test_crops_tell_when_their_frames_were():
    pairs = TwoCrops(Clock(), RECORDS, 8, 16, crop=1.5, overlap=0.2)
    pairs.transform = read_times
    views = [pairs[Draw(0, (seed,))] for seed in range(20)]
    for first, second, first_times, second_times in views:
        assert torch.equal(first.float(), first_times)
        assert torch.equal(second.float(), second_times)
    assert any(not torch.equal(first, second) for first, second, *_ in views)


def test_a_sample_depends_on_its_draw_alone():
    pairs = TwoCrops(Clock(), RECORDS, 8, 16, crop=1.5, overlap=0.2)
    first, again, other = (pairs[Draw(0, (seed,))] for seed in (1, 1, 2))
    assert all(torch.equal(one, same) for one, same in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
