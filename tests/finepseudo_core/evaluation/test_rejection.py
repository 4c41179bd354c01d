"""AUROC against its definition by pairs and against scikit-learn; curve, rate and bootstrap against it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finepseudo_core.evaluation.rejection import (
    auroc,
    auroc_difference,
    false_positive_rate,
    rejection_curve,
)

SCORES = st.lists(st.integers(0, 6).map(lambda n: n / 4), min_size=1, max_size=12).map(np.array)


def by_pairs(known: np.ndarray, novel: np.ndarray) -> float:
    """The rank definition: share of pairs in which the known clip is ahead, a tie counting half."""
    return float(((known[:, None] > novel) + 0.5 * (known[:, None] == novel)).mean())


@given(SCORES, SCORES)
def test_auroc_is_the_share_of_pairs_won(known, novel):
    assert auroc(known, novel) == pytest.approx(by_pairs(known, novel), abs=1e-15)
    assert auroc(known, novel) + auroc(novel, known) == pytest.approx(1)
    assert auroc(np.exp(known), np.exp(novel)) == auroc(known, novel)


@given(SCORES, SCORES)
def test_the_area_under_the_rejection_curve_is_the_auroc(known, novel):
    curve = rejection_curve(known, novel)
    assert np.trapezoid(curve.novel_rejected, curve.known_kept) == pytest.approx(auroc(known, novel))
    for threshold, kept, rejected in zip(
        curve.thresholds, curve.known_kept, curve.novel_rejected, strict=True
    ):
        assert kept == (known >= threshold).mean()
        assert rejected == pytest.approx((novel < threshold).mean())
    assert (curve.known_kept[0], curve.novel_rejected[0]) == (0, 1)
    assert (curve.known_kept[-1], curve.novel_rejected[-1]) == (1, 0)


@given(SCORES, SCORES, st.sampled_from([0.5, 0.8, 0.95, 1.0]))
def test_the_false_positive_rate_is_the_least_on_the_curve(known, novel, at):
    curve = rejection_curve(known, novel)
    allowed = curve.known_kept * len(known) >= at * len(known) - 1e-9
    expected = (1 - curve.novel_rejected)[allowed].min()
    assert false_positive_rate(known, novel, at) == pytest.approx(expected)


def test_they_agree_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(0)
    known, novel = generator.normal(0.5, size=80).round(1), generator.normal(size=50).round(1)
    truth, scores = np.repeat([1, 0], [80, 50]), np.concatenate([known, novel])
    assert auroc(known, novel) == pytest.approx(metrics.roc_auc_score(truth, scores))
    false, true, thresholds = metrics.roc_curve(truth, scores, drop_intermediate=False)
    curve = rejection_curve(known, novel)
    np.testing.assert_allclose(curve.known_kept, true)
    np.testing.assert_allclose(1 - curve.novel_rejected, false)
    np.testing.assert_allclose(curve.thresholds, thresholds)
    assert false_positive_rate(known, novel) == pytest.approx(false[true >= 0.95].min())


def test_equal_scores_are_worth_a_half_and_separate_ones_one():
    assert auroc(np.ones(5), np.ones(3)) == 0.5
    assert auroc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1.0
    assert false_positive_rate(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 0.0
    assert false_positive_rate(np.ones(5), np.ones(3)) == 1.0


@pytest.mark.parametrize(
    ("known", "novel"), [([], [1.0]), ([1.0], []), ([np.nan], [1.0]), ([1.0], [np.nan, 0.0])]
)
def test_nothing_and_nan_are_refused(known, novel):
    for measure in (auroc, rejection_curve, false_positive_rate):
        with pytest.raises(ValueError, match="give at least one of each, and numbers"):
            measure(np.array(known), np.array(novel))


def test_the_interval_is_seeded_and_narrows_with_more_clips():
    generator = np.random.default_rng(1)

    def interval(clips: int, seed: int = 0):
        better = generator.normal(1.5, size=clips), generator.normal(size=clips)
        worse = generator.normal(0.5, size=clips), generator.normal(size=clips)
        scores = [better[0], worse[0]], [better[1], worse[1]]
        first = auroc_difference(*scores, draws=300, seed=seed)
        assert first == auroc_difference(*scores, draws=300, seed=seed)
        assert first != auroc_difference(*scores, draws=300, seed=seed + 1)
        assert first.estimate == auroc(*better) - auroc(*worse)
        assert first.low < first.estimate < first.high
        return first

    few, many = interval(20), interval(500)
    assert many.high - many.low < (few.high - few.low) / 2
    assert many.low > 0


def test_a_score_compared_with_itself_differs_by_nothing():
    known, novel = np.arange(5.0), np.arange(3.0)
    found = auroc_difference([known, known], [novel, novel], draws=50)
    assert (found.estimate, found.low, found.high) == (0, 0, 0)


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says():
    """Two independent scores of equal worth: the true difference is nought."""
    generator = np.random.default_rng(2)
    covered = 0
    for seed in range(60):
        known, novel = generator.normal(1, size=(2, 40)), generator.normal(size=(2, 40))
        found = auroc_difference(list(known), list(novel), draws=200, level=0.9, seed=seed)
        covered += found.low <= 0 <= found.high
    assert 47 <= covered <= 60  # 54 expected, standard deviation 2.3


@pytest.mark.parametrize(("draws", "level"), [(0, 0.9), (10, 1.0), (10, 0.0)])
def test_an_interval_that_makes_no_sense_is_refused(draws, level):
    with pytest.raises(ValueError, match="give at least 1"):
        auroc_difference([np.ones(2)] * 2, [np.ones(2)] * 2, draws=draws, level=level)


def test_scores_of_other_clips_are_refused():
    with pytest.raises(ValueError, match="the same clips"):
        auroc_difference([np.ones(2), np.ones(3)], [np.ones(2)] * 2)
    with pytest.raises(ValueError, match="must lie in"):
        false_positive_rate(np.ones(2), np.ones(2), at=0)
