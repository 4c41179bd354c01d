import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finepseudo_core.video.sampling import (
    global_and_local_indices,
    moment_indices,
    shared_positions,
    two_crops_indices,
    uniform_indices,
    window_indices,
)

frames = st.integers(1, 500)
counts = st.integers(1, 64)
seeds = st.integers(0, 2**32)


@given(frames, counts, seeds)
def test_uniform_indices_are_ascending_and_inside_the_clip(frames, count, seed):
    for generator in (None, np.random.default_rng(seed)):
        indices = uniform_indices(frames, count, generator)
        assert indices.shape == (count,)
        assert (np.diff(indices) >= 0).all()
        assert indices[0] >= 0
        assert indices[-1] < frames


def test_uniform_indices_take_the_middle_of_each_segment():
    assert uniform_indices(40, 4).tolist() == [5, 15, 25, 35]


@given(frames, counts, st.integers(0, 8), st.floats(0, 1))
def test_windows_stay_inside_the_clip(frames, count, stride, place):
    indices = window_indices(frames, count, stride, place)
    assert indices.shape == (count,)
    assert indices[0] >= 0
    assert indices[-1] < frames
    if stride and frames >= (count - 1) * stride + 1:
        assert (np.diff(indices) == stride).all()


def test_windows_reach_both_ends():
    assert window_indices(20, 4, 2, 0.0).tolist() == [0, 2, 4, 6]
    assert window_indices(20, 4, 2, 1.0).tolist() == [13, 15, 17, 19]


@given(frames, counts, seeds)
def test_the_local_clip_lies_inside_the_global_one(frames, count, seed):
    whole, local = global_and_local_indices(frames, count, np.random.default_rng(seed))
    assert whole.shape == local.shape == (count,)
    assert local.max() < frames
    if whole[-1] - whole[0] + 1 > count:
        assert whole[0] <= local[0]
        assert local[-1] <= whole[-1]
        assert (np.diff(local) == 1).all()


@given(frames, counts, seeds)
def test_shared_positions_name_the_same_frames_once(frames, count, seed):
    whole, local = global_and_local_indices(frames, count, np.random.default_rng(seed))
    in_whole, in_local = shared_positions(whole, local)
    assert (whole[in_whole] == local[in_local]).all()
    assert set(whole[in_whole]) == set(whole) & set(local)
    assert len(set(whole[in_whole])) == len(in_whole)


@given(frames, counts, st.floats(1, 4), st.floats(0, 1), seeds)
def test_two_crops_are_short_stretches_that_overlap(frames, count, crop, overlap, seed):
    views = two_crops_indices(frames, count, np.random.default_rng(seed), crop=crop, overlap=overlap)
    for indices in views:
        assert indices.shape == (count,)
        assert indices.dtype == np.int64
        assert indices[0] >= 0
        assert indices[-1] < frames
        assert indices[-1] - indices[0] < max(count, round(crop * count))
        assert (np.diff(indices) > 0).all() if frames >= count else len(set(indices)) == frames


def test_whole_stretches_overlap_by_the_share_asked_for_and_not_always_by_more():
    generator = np.random.default_rng(0)
    common = []
    for _ in range(300):
        first, second = two_crops_indices(400, 20, generator, crop=1.0, overlap=0.2)
        common.append(len(set(first) & set(second)))
    assert min(common) == 4
    assert max(common) == 20


def test_stretches_lie_anywhere_and_have_any_length():
    generator = np.random.default_rng(0)
    views = [two_crops_indices(100, 20, generator) for _ in range(500)]
    assert min(indices[0] for pair in views for indices in pair) == 0
    assert max(indices[-1] for pair in views for indices in pair) == 99
    spans = [indices[-1] - indices[0] + 1 for pair in views for indices in pair]
    assert min(spans) == 20
    assert max(spans) == 30


@pytest.mark.parametrize("options", [{"crop": 0.5}, {"overlap": 1.5}])
def test_crops_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match="must be >= 1"):
        two_crops_indices(40, 8, np.random.default_rng(0), **options)


@given(frames, counts, st.integers(0, 8), st.integers(1, 8), seeds)
def test_moments_follow_each_other_inside_the_clip(frames, count, stride, moments, seed):
    places = np.random.default_rng(seed).random(moments)
    windows = moment_indices(frames, count, stride, moments, places)
    assert windows.shape == (moments, count)
    assert windows.min() >= 0
    assert windows.max() < frames
    if frames >= moments:
        assert (windows[1:, 0] > windows[:-1, -1]).all()


def test_a_moment_keeps_its_stride_where_its_part_has_room():
    assert moment_indices(20, 3, 2, 2, np.array([0.0, 1.0])).tolist() == [[0, 2, 4], [15, 17, 19]]
    assert moment_indices(8, 3, 2, 2, np.array([0.5, 0.5])).tolist() == [[0, 2, 3], [4, 6, 7]]


def test_an_empty_clip_is_refused():
    with pytest.raises(ValueError, match="clip of 0"):
        uniform_indices(0, 4)
