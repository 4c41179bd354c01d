import numpy as np
import pytest

from finepseudo_core.evaluation.phase_classification import draw_clips, phase_accuracy

KEYS = [f"clip {number}" for number in range(30)]


def test_shares_are_nested_and_know_no_order():
    assert set(draw_clips(KEYS, 0.1)) < set(draw_clips(KEYS, 0.5)) < set(draw_clips(KEYS, 1.0)) == set(KEYS)
    assert draw_clips(reversed(KEYS), 0.5) == draw_clips(KEYS, 0.5)
    assert draw_clips(KEYS, 0.5, seed=1) != draw_clips(KEYS, 0.5)


@pytest.mark.parametrize(("fraction", "count"), [(0.1, 3), (0.01, 1), (0.7, 21), (0.29, 8), (1.0, 30)])
def test_a_share_is_rounded_down_but_never_to_nothing(fraction, count):
    assert len(draw_clips(KEYS, fraction)) == count


@pytest.mark.parametrize(("keys", "fraction"), [([], 0.5), (["a", "a"], 0.5), (["a"], 0.0), (["a"], 1.1)])
def test_a_draw_that_makes_no_sense_is_refused(keys, fraction):
    with pytest.raises(ValueError, match=r"give a fraction in \(0, 1\]"):
        draw_clips(keys, fraction)


def test_accuracy_counts_frames_that_have_a_phase():
    one_hot = np.eye(3)
    training = [one_hot[[0, 0, 1, 2]], one_hot[[0, 1, 2, 2]]]
    labels = [np.array([0, 0, 1, 2]), np.array([0, 1, 2, 2])]
    held_out, truth = [one_hot[[0, 1, 2, 0]], one_hot[[2]]], [np.array([0, 1, 1, -1]), np.array([2])]
    assert phase_accuracy(training, labels, held_out, truth) == 3 / 4


def test_held_out_frames_without_a_phase_are_refused():
    clip = [np.eye(2)]
    with pytest.raises(ValueError, match="no held-out frame has a phase"):
        phase_accuracy(clip, [np.array([0, 1])], clip, [np.array([-1, -1])])
