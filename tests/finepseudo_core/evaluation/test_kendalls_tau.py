"""Tau against counting pairs of frames one by one, and against SciPy."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finepseudo_core.evaluation import frame_neighbours
from finepseudo_core.evaluation import kendalls_tau as module
from finepseudo_core.evaluation.kendalls_tau import kendalls_tau, order_kept

GENERATOR = np.random.default_rng(0)


def counted(positions: np.ndarray) -> float:
    """Tau-b by its definition."""
    kept = broken = differing = pairs = 0
    for later in range(len(positions)):
        for earlier in range(later):
            pairs += 1
            kept += positions[later] > positions[earlier]
            broken += positions[later] < positions[earlier]
            differing += positions[later] != positions[earlier]
    return (kept - broken) / np.sqrt(pairs * differing) if differing else np.nan


def brute_force(clips: list[np.ndarray]) -> list[float]:
    taus = []
    for query, other in permutations(clips, 2):
        nearest = [int(np.argmin([((frame - f) ** 2).sum() for f in other])) for frame in query]
        taus.append(counted(np.array(nearest)))
    return taus


@given(arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.integers(0, 5)))
def test_the_order_kept_is_tau_b(positions):
    np.testing.assert_allclose(order_kept(positions), [counted(row) for row in positions])


def test_the_order_kept_is_scipys_tau():
    stats = pytest.importorskip("scipy.stats")
    rows = GENERATOR.integers(12, size=(20, 15))
    expected = [stats.kendalltau(np.arange(15), row).correlation for row in rows]
    np.testing.assert_allclose(order_kept(rows), expected)


@pytest.mark.parametrize("most", [1, 40, 1 << 22])
def test_all_ordered_pairs_are_aligned_whatever_the_blocks(most, monkeypatch):
    monkeypatch.setattr(frame_neighbours, "MOST_DISTANCES", most)
    monkeypatch.setattr(module, "MOST_DISTANCES", most)
    clips = [GENERATOR.normal(size=(frames, 3)) for frames in (7, 4, 9, 7, 1)]
    expected = np.array(brute_force(clips))
    found = kendalls_tau(clips)
    assert found.mean == pytest.approx(np.nanmean(expected))
    assert (found.pairs, found.without) == (np.isfinite(expected).sum(), np.isnan(expected).sum())


def test_of_equally_near_frames_the_earliest_is_the_neighbour():
    clips = [GENERATOR.integers(2, size=(frames, 2)).astype(float) for frames in (6, 9, 8)]
    assert kendalls_tau(clips).mean == pytest.approx(np.nanmean(brute_force(clips)))


def test_clips_of_one_course_at_other_paces_keep_their_order():
    clips = [np.linspace(0, 1, frames)[:, None] ** power for frames, power in ((9, 1), (9, 1.1), (9, 0.95))]
    assert kendalls_tau(clips).mean == pytest.approx(1, abs=0.05)
    assert kendalls_tau([clips[0], clips[0]]) == (1.0, 2, 0)


def test_a_reversed_clip_has_minus_one():
    clip = GENERATOR.normal(size=(12, 5))
    assert kendalls_tau([clip, clip[::-1]]).mean == -1.0


def test_a_constant_clip_has_no_tau_and_is_left_out():
    clip, constant = GENERATOR.normal(size=(12, 5)), np.full((12, 5), 0.3)
    assert kendalls_tau([clip, clip, constant]) == (1.0, 2, 4)
    found = kendalls_tau([constant, constant])
    assert np.isnan(found.mean)
    assert (found.pairs, found.without) == (0, 2)


def test_random_embeddings_have_no_order():
    clips = [GENERATOR.normal(size=(20, 8)) for _ in range(12)]
    assert abs(kendalls_tau(clips).mean) < 0.06


def test_a_stride_leaves_frames_out():
    clips = [GENERATOR.normal(size=(9, 3)) for _ in range(3)]
    assert kendalls_tau(clips, stride=2) == kendalls_tau([clip[::2] for clip in clips])


@pytest.mark.parametrize(("clips", "stride"), [(1, 1), (2, 0)])
def test_one_clip_and_no_stride_are_refused(clips, stride):
    with pytest.raises(ValueError, match="give two clips, and 1 or more"):
        kendalls_tau([np.eye(3)] * clips, stride=stride)
