import numpy as np
import pytest
import torch

from finepseudo_core.video.strong_transform import GREY, StrongTransform
from finepseudo_core.video.transforms import TrainingTransform, normalise


@pytest.fixture
def frames() -> np.ndarray:
    """Six frames with edges and colours, all the same."""
    ramp = np.linspace(0, 255, 40, dtype=np.uint8)
    frame = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], ramp[::-1, None]), axis=2)
    return np.repeat(frame[None], 6, axis=0)


@pytest.mark.parametrize("seed", range(20))
def test_all_frames_of_a_clip_are_changed_alike(frames, seed):
    clip = StrongTransform(32)(frames, np.random.default_rng(seed))
    assert clip.shape == (3, 6, 32, 32)
    assert clip.dtype == torch.float32
    assert bool(clip.isfinite().all())
    assert torch.equal(clip, clip[:, :1].expand_as(clip))


def test_a_view_depends_on_its_generator_alone(frames):
    torch.manual_seed(5)
    before, first = torch.random.get_rng_state(), StrongTransform(32)(frames, np.random.default_rng(1))
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    assert torch.equal(StrongTransform(32)(frames, np.random.default_rng(1)), first)
    assert not torch.equal(StrongTransform(32)(frames, np.random.default_rng(2)), first)


def test_without_operations_and_hole_it_is_a_crop(frames):
    plain = StrongTransform(32, operations=0, cutout=0.0)(frames, np.random.default_rng(0))
    weak = TrainingTransform(32, (0.5, 1.0), jitter=0, grey=0)(frames, np.random.default_rng(0))
    assert (plain - weak).abs().max() < 0.02  # rounded to bytes on the way


def test_the_hole_is_grey_and_no_larger_than_asked(frames):
    grey = normalise(torch.full((1, 3, 1, 1), GREY))[:, 0]
    sizes = []
    for seed in range(60):
        clip = StrongTransform(32, operations=0, cutout=0.5)(
            np.zeros_like(frames), np.random.default_rng(seed)
        )
        sizes.append(int((clip[:, 0] == grey).all(0).sum()))
    assert max(sizes) <= 16 * 16
    assert max(sizes) > 10 * 10
    assert min(sizes) < 4 * 4


def test_a_strong_view_is_farther_from_the_clip_than_a_weak_one(frames):
    plain = normalise(torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255)

    def mean_distance(transform) -> float:
        views = [transform(frames, np.random.default_rng(seed)) for seed in range(40)]
        return float(torch.stack([(view - plain).abs().mean() for view in views]).mean())

    assert mean_distance(StrongTransform(40)) > 1.3 * mean_distance(TrainingTransform(40))
