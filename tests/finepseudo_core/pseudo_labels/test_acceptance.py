"""Counts and precision of accepted labels, counted by hand."""

import numpy as np
import pytest

from finepseudo_core.pseudo_labels.acceptance import ClassAcceptance, coverage_curve, precision_at, summarise

LABELS = np.array([0, 0, 1, 1, 1, 2])
ACCEPTED = np.array([True, True, True, False, True, False])
TRUTH = np.array([0, 1, 1, 1, 7, -1])  # 7 is a novel action, -1 unknown
CONFIDENCE = np.array([0.9, 0.6, 0.8, 0.7, 0.8, 0.99])


def test_accepted_labels_are_counted_overall_and_by_class():
    found = summarise(LABELS, ACCEPTED, 4, TRUTH)
    assert found.overall == ClassAcceptance(proposed=6, accepted=4, known=4, right=2)
    assert found.overall.precision == 0.5
    assert found.classes == (
        ClassAcceptance(2, 2, 2, 1),
        ClassAcceptance(3, 2, 2, 1),
        ClassAcceptance(1, 0, 0, 0),
        ClassAcceptance(0, 0, 0, 0),
    )
    assert found.classes[2].precision is None


def test_without_truth_there_are_counts_but_no_precision():
    found = summarise(LABELS, ACCEPTED, 3).overall
    assert (found.accepted, found.known, found.precision) == (4, 0, None)


def test_the_coverage_curve_is_the_accuracy_of_the_most_confident():
    # in order of confidence, ties as they stand, unknown truth left out: right, right, wrong, right, wrong
    expected = [1, 1, 2 / 3, 3 / 4, 3 / 5]
    np.testing.assert_allclose(coverage_curve(LABELS, CONFIDENCE, TRUTH), expected)
    assert precision_at(LABELS, CONFIDENCE, TRUTH, 4) == 3 / 4


@pytest.mark.parametrize("count", [0, 6])
def test_precision_at_a_count_that_is_not_there_is_refused(count):
    with pytest.raises(ValueError, match="the truth of 5 clips is known"):
        precision_at(LABELS, CONFIDENCE, TRUTH, count)
