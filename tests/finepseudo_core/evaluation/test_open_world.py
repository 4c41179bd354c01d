from pathlib import Path

import numpy as np
import pytest

from finepseudo_core.errors import DatasetError
from finepseudo_core.evaluation.open_world import divide_classes, hide_novel, judge_rejection
from finepseudo_core.evaluation.rejection import auroc, auroc_difference
from finepseudo_core.records import ClipRecord, Proposal, PseudoLabel

CLASSES = [f"class {number}" for number in range(48)]


def proposal(clips: int = 40, novel: int = 12) -> tuple[Proposal, dict[str, str]]:
    """Confidence says nothing about novelty, alignability nearly everything."""
    generator = np.random.default_rng(0)
    rows, truths = [], {}
    for number in range(clips):
        p_action, p_aligned = generator.dirichlet([1.0] * 3, size=2).astype(np.float32)
        level = 0.1 if number < novel else 0.6
        aligned = (level + 0.3 * generator.random(3)).astype(np.float32)
        key = f"clip {number}"
        truths[key] = "unheard of" if number < novel else "abc"[number % 3]
        rows.append(PseudoLabel(key, "a", 0.5, 0.5, number % 4 == 0, p_action, p_aligned, p_action, aligned))
    return Proposal(0, ("a", "b", "c"), {}, tuple(rows)), truths


def test_forty_classes_stay_known_and_eight_are_novel():
    found = divide_classes(CLASSES, 8)
    assert (len(found.known), len(found.novel)) == (40, 8)
    assert sorted(found.known + found.novel) == sorted(CLASSES)
    assert divide_classes(reversed(CLASSES), 8) == found
    assert divide_classes(CLASSES, 8, seed=1) != found
    assert set(divide_classes(CLASSES, 4).novel) < set(found.novel)


def test_novel_classes_may_be_named():
    assert divide_classes("abcd", ["d", "b"]) == divide_classes("dcba", {"b", "d"})
    assert divide_classes("abcd", ["d", "b"]).known == ("a", "c")


@pytest.mark.parametrize(
    ("novel", "message"),
    [(0, "0 novel of 4"), (3, "two known at least"), (-1, "0 novel"), (["x"], r"\['x'\] are not among")],
)
def test_a_division_without_both_sides_is_refused(novel, message):
    with pytest.raises(ValueError, match=message):
        divide_classes("abcd", novel)


def test_novel_clips_lose_their_label_and_keep_their_truth():
    records = [ClipRecord(name, Path(name), label=name) for name in "abcd"]
    known, hidden = hide_novel(records, divide_classes("abcd", ["c"]))
    assert [(r.key, r.label) for r in known] == [("a", "a"), ("b", "b"), ("d", "d")]
    assert [(r.key, r.label, r.truth) for r in hidden] == [("c", None, "c")]


def test_a_proposal_is_judged_by_all_three_scores():
    given, truths = proposal()
    found = judge_rejection(given, truths, draws=200)
    is_novel = np.array([truths[row.key] == "unheard of" for row in given.pseudo_labels])
    scores = {
        "confidence": np.array([row.action_probabilities.max() for row in given.pseudo_labels], float),
        "alignability": np.array([row.class_alignabilities.max() for row in given.pseudo_labels], float),
        "combined": np.array([
            (row.action_probabilities.astype(float) + row.alignability_probabilities).max() / 2
            for row in given.pseudo_labels
        ]),
    }  # fmt: skip
    for name, values in scores.items():
        assert found.rejection[name].auroc == auroc(values[~is_novel], values[is_novel])
    assert (found.known, found.novel) == (28, 12)
    assert found.rejection["alignability"].auroc == 1.0
    assert found.rejection["alignability"].false_positive_rate == 0.0
    assert found.gain == auroc_difference(
        [scores["alignability"][~is_novel], scores["confidence"][~is_novel]],
        [scores["alignability"][is_novel], scores["confidence"][is_novel]],
        draws=200,
    )
    assert found.gain.low > 0
    assert (found.known_accepted, found.novel_accepted) == (7 / 28, 3 / 12)


def test_clips_without_a_truth_are_left_out():
    given, truths = proposal()
    fewer = {key: truth for key, truth in truths.items() if int(key.split()[1]) % 2}
    found = judge_rejection(given, fewer, draws=1)
    assert (found.known, found.novel) == (14, 6)


@pytest.mark.parametrize("kept", ["a", "unheard of", ""])
def test_truths_of_one_side_only_are_refused(kept):
    given, truths = proposal()
    with pytest.raises(DatasetError, match="Give the truths of both"):
        judge_rejection(given, {key: truth for key, truth in truths.items() if truth == kept})
