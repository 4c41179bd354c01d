"""Average precision of same/different verification."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from finepseudo_core.evaluation.verification import average_precision


def test_worked_by_hand():
    assert average_precision(np.array([0.9, 0.8, 0.1]), np.array([True, False, True])) == pytest.approx(
        0.5 * 1 + 0.5 * 2 / 3
    )


@pytest.mark.parametrize("levels", [3, 50, 10_000])
def test_as_scikit_learn_has_it_with_and_without_ties(levels):
    generator = np.random.default_rng(levels)
    scores, same = generator.integers(levels, size=500) / levels, generator.random(500) < 0.2
    assert average_precision(scores, same) == pytest.approx(average_precision_score(same, scores))


def test_a_constant_score_finds_the_share_of_pairs_of_one_class():
    assert average_precision(np.zeros(8), np.arange(8) < 2) == 0.25


@pytest.mark.parametrize(
    ("scores", "same", "said"),
    [
        ([0.1, 0.2], [False, False], "0 pairs of one class"),
        ([np.nan, 0.2], [True, False], "1 scores that are NaN"),
        ([0.1], [True, False], "don't fit"),
    ],
)
def test_bad_input_says_what_is_wrong(scores, same, said):
    with pytest.raises(ValueError, match=said):
        average_precision(np.array(scores), np.array(same))
