import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finepseudo_core.video.sampling import (
    global_and_local_indices,
    shared_positions,
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


def test_an_empty_clip_is_refused():
    with pytest.raises(ValueError, match="clip of 0"):
        uniform_indices(0, 4)
