"""The four strategies, one clip at a time by hand."""

import dataclasses

import numpy as np
import pytest

from finepseudo_core.config import PseudoLabelConfig
from finepseudo_core.pseudo_labels import STRATEGIES, Evidence, as_pseudo_labels, decide
from finepseudo_core.records import ExemplarMatch

EVIDENCE = Evidence(
    action=np.array([[0.9, 0.1], [0.7, 0.3], [0.55, 0.45], [0.2, 0.8]]),
    alignability=np.array([[0.8, 0.2], [0.1, 0.9], [0.7, 0.3], [0.7, 0.3]]),
    scores=np.array([[0.7, 0.1], [0.2, 0.9], [0.61, 0.3], [0.5, 0.6]]),
    spread=np.array([0.01, 0.02, 0.01, 0.2]),
)


def settings(strategy, **changes):
    return dataclasses.replace(PseudoLabelConfig(strategy=strategy), **changes)


@pytest.mark.parametrize(
    ("strategy", "labels", "accepted"),
    [
        ("confidence", [0, 0, 0, 1], [True, True, False, True]),
        ("uncertainty", [0, 0, 0, 1], [True, True, False, False]),
        ("verification", [0, 0, 0, 1], [True, False, False, False]),
        ("collaborative", [0, 1, 0, 1], [True, False, True, False]),
    ],
)
def test_each_strategy_accepts_what_its_rule_says(strategy, labels, accepted):
    decision = decide(EVIDENCE, settings(strategy))
    assert decision.labels.tolist() == labels
    assert decision.accepted.tolist() == accepted
    assert decision.confidence.tolist() == decision.probabilities.max(1).tolist()


def test_every_strategy_of_the_config_exists():
    (field,) = (item for item in dataclasses.fields(PseudoLabelConfig) if item.name == "strategy")
    assert set(field.metadata["choices"]) == set(STRATEGIES)


def test_the_sum_meets_the_threshold_more_often_but_decides_the_same_label():
    mean = decide(EVIDENCE, settings("collaborative"))
    total = decide(EVIDENCE, settings("collaborative", combine="sum"))
    assert total.accepted.all()
    assert total.labels.tolist() == mean.labels.tolist()
    assert (total.confidence <= 1).all()


def test_the_threshold_itself_is_not_enough():
    assert not decide(EVIDENCE, settings("confidence", threshold=0.9)).accepted.any()


def test_uncertainty_needs_a_spread():
    with pytest.raises(ValueError, match="needs the spread"):
        decide(dataclasses.replace(EVIDENCE, spread=None), settings("uncertainty"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": np.ones((4, 3))}, "must share one shape"),
        ({"spread": np.ones(3)}, "spread has shape"),
        ({"action": np.full((4, 2), np.nan)}, "not finite"),
    ],
)
def test_evidence_that_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(EVIDENCE, **changes)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_clips_give_no_labels(strategy):
    nothing = Evidence(*[np.empty((0, 3))] * 3, np.empty(0))
    decision = decide(nothing, settings(strategy))
    assert decision.accepted.shape == (0,)
    assert as_pseudo_labels([], ["a", "b", "c"], nothing, decision) == ()


def test_records_carry_the_evidence_of_their_clip():
    decision = decide(EVIDENCE, settings("collaborative"))
    nearest = [[ExemplarMatch("e", "turn", 0.9)], [], [], []]
    records = as_pseudo_labels(["a", "b", "c", "d"], ["dive", "turn"], EVIDENCE, decision, nearest)
    second = records[1]
    assert (second.key, second.label, second.accepted) == ("b", "turn", False)
    assert second.confidence == pytest.approx(0.6)
    assert second.alignability == pytest.approx(0.9)
    assert second.action_probabilities.dtype == np.float32
    np.testing.assert_allclose(second.probabilities, [0.4, 0.6], rtol=1e-6)
    np.testing.assert_allclose(second.class_alignabilities, [0.2, 0.9], rtol=1e-6)
    assert records[0].nearest == (ExemplarMatch("e", "turn", 0.9),)
    with pytest.raises(ValueError, match="zip"):
        as_pseudo_labels(["a"], ["dive", "turn"], EVIDENCE, decision)
