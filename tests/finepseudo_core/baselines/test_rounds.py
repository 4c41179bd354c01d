"""Rounds of the baselines go through the plumbing of every round: resume, plan, cache, warm start."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from finepseudo_core.config import RoundConfig
from finepseudo_core.errors import ConfigError, DatasetError, Stopped
from finepseudo_core.events import Event, PseudoLabelsProposed, StageStarted, StepDone
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.models import Models, load_models
from finepseudo_core.selftraining.schedule import plan
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config

METHODS = ("fixmatch", "timebalance")
STAGES = {
    "fixmatch": ["fixmatch"],
    "timebalance": [
        "invariance", "distinctiveness", "teacher invariant", "teacher distinctive", "similarity", "student",
    ],
}  # fmt: skip

Clips = tuple[list[ClipRecord], list[ClipRecord], list[ClipRecord]]


def config_of(method: str, **changes: object) -> RoundConfig:
    return tiny_config(
        method=method, pseudo_labels__strategy="confidence", fixmatch__unlabelled_ratio=2,
        fixmatch__threshold=0.2, timebalance__moments=3, **changes,
    )  # fmt: skip


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Clips:
    return make_clips(tmp_path_factory.mktemp("dives"))


@pytest.fixture(scope="module", params=METHODS)
def finished(request, clips, tmp_path_factory):
    """A method, and its round run without interruption, with the events."""
    labelled, unlabelled, test = clips
    events: list[Event] = []
    result = run(
        config_of(request.param), labelled, unlabelled, tmp_path_factory.mktemp(request.param),
        test=test, notify=events.append,
    )  # fmt: skip
    return request.param, result, events


def stages_of(events: list[Event]) -> list[tuple[str, int]]:
    return [(event.stage, event.steps) for event in events if isinstance(event, StageStarted)]


def test_a_round_goes_as_planned_and_ends_with_a_proposal(finished, clips):
    method, result, events = finished
    labelled, unlabelled, test = clips
    planned = plan(config_of(method), len(labelled), len(unlabelled), 4, test=len(test))
    assert stages_of(events) == [(stage.stage, stage.steps) for stage in planned]
    names = ["frames", *STAGES[method], "features 1", "proposal 1", "test"]
    assert [name for name, _ in stages_of(events)] == names
    (published,) = (event for event in events if isinstance(event, PseudoLabelsProposed))
    assert published.proposal == result.proposal
    for label, record in zip(result.proposal.pseudo_labels, unlabelled, strict=True):
        assert label.key == record.key
        np.testing.assert_array_equal(label.probabilities, label.action_probabilities)
        assert label.accepted == (label.confidence > 0.3)


def test_f_e_learns_for_as_many_steps_as_in_algorithm_1(finished, clips, tmp_path):
    method, _, events = finished
    labelled, unlabelled, _ = clips
    others: list[Event] = []
    run(tiny_config(), labelled, unlabelled, tmp_path, notify=others.append)
    reference = sum(steps for stage, steps in stages_of(others) if stage.startswith("action"))
    assert dict(stages_of(events))[STAGES[method][-1]] == reference


def test_nothing_of_alignment_is_learnt_or_measured(finished, clips):
    method, result, events = finished
    torch.manual_seed(config_of(method).seed)
    untrained = Models(config_of(method), 4)
    after, _, _ = load_models(result.model, sha256=result.model_sha256)
    for part in ("alignability", "score", "projection"):
        for name, value in getattr(untrained, part).state_dict().items():
            assert torch.equal(value, getattr(after, part).state_dict()[name]), name
    assert not torch.equal(untrained.action.classifier.weight, after.action.classifier.weight)
    assert set(result.metrics) >= {"test_top1", "accuracy_action", "accepted"}
    assert not any("alignability" in name or "both" in name for name in result.metrics)
    assert all(label.nearest == () for label in result.proposal.pseudo_labels)


def test_the_teachers_end_with_their_round(finished):
    _, result, _ = finished
    after, _, _ = load_models(result.model)
    assert after.teachers is None


def _interrupt(stage: str, steps: int) -> tuple[Callable[[Event], None], Callable[[], bool]]:
    seen = [0]

    def watch(event: Event) -> None:
        seen[0] += isinstance(event, StepDone) and event.stage == stage

    return watch, lambda: seen[0] >= steps


@pytest.mark.parametrize(
    ("finished", "stage", "steps"),
    [
        ("fixmatch", "fixmatch", 1),
        ("fixmatch", "fixmatch", 5),
        ("timebalance", "distinctiveness", 3),
        ("timebalance", "teacher distinctive", 1),
        ("timebalance", "similarity", 1),
        ("timebalance", "student", 3),
    ],
    indirect=["finished"],
)
def test_a_stopped_round_ends_as_if_it_had_not_been_stopped(finished, clips, tmp_path, stage, steps):
    method = finished[0]
    labelled, unlabelled, test = clips
    watch, should_stop = _interrupt(stage, steps)
    with pytest.raises(Stopped, match="resume"):
        run(
            config_of(method), labelled, unlabelled, tmp_path, test=test,
            notify=watch, should_stop=should_stop,
        )  # fmt: skip
    resumed = run(config_of(method), labelled, unlabelled, tmp_path, test=test)
    assert resumed.model_sha256 == finished[1].model_sha256
    assert resumed.metrics == finished[1].metrics


def test_learnt_stages_are_shared_with_later_rounds(finished, clips, tmp_path):
    method, alone, _ = finished
    labelled, unlabelled, test = clips
    for name in ("first", "again"):
        events: list[Event] = []
        result = run(
            config_of(method), labelled, unlabelled, tmp_path / name, test=test,
            stage_cache=tmp_path / "cache", notify=events.append,
        )  # fmt: skip
        assert result.model_sha256 == alone.model_sha256
    learnt = {event.stage for event in events if isinstance(event, StepDone)}
    assert learnt & set(STAGES[method]) <= {"similarity"}


def test_rounds_may_follow_each_other_whatever_the_method(finished, clips, tmp_path):
    method, earlier, _ = finished
    labelled, unlabelled, test = clips
    algorithm_1 = run(
        tiny_config(), labelled, unlabelled, tmp_path / "first", test=test, initial_model=earlier.model
    )
    events: list[Event] = []
    run(
        config_of(method), labelled, unlabelled, tmp_path / "second", test=test,
        initial_model=algorithm_1.model, notify=events.append,
    )  # fmt: skip
    planned = plan(config_of(method), len(labelled), len(unlabelled), 4, test=len(test), warm=True)
    assert stages_of(events) == [(stage.stage, stage.steps) for stage in planned]
    assert dict(stages_of(events))[STAGES[method][-1]] == 2


@pytest.mark.parametrize("method", METHODS)
def test_clips_whose_label_was_turned_down_do_not_train(method, clips, tmp_path):
    labelled, unlabelled, _ = clips
    turned_down = [replace(record, weight=0.0) for record in unlabelled]
    with pytest.raises(DatasetError, match=f"{method} learns from unlabelled clips"):
        run(config_of(method, pretraining__epochs=0), labelled, turned_down, tmp_path / "none")
    few = [*turned_down[:-1], unlabelled[-1]]
    result = run(config_of(method, pretraining__epochs=0), labelled, few, tmp_path / "one")
    assert [label.accepted for label in result.proposal.pseudo_labels[:-1]] == [False] * (len(few) - 1)


@pytest.mark.parametrize("method", METHODS)
def test_a_large_batch_in_parts_learns_alike(method, clips, tmp_path):
    """Batch norm sees parts, so results differ a little; the objective is still the whole batch's."""
    labelled, unlabelled, _ = clips
    steps: list[Event] = []
    config = config_of(method, accumulate=2, self_training__iterations=0, pretraining__epochs=1)
    run(config, labelled, unlabelled, tmp_path, notify=steps.append)
    last = STAGES[method][-1]
    values = [event.values for event in steps if isinstance(event, StepDone) and event.stage == last]
    assert len(values) == 4
    assert all(0.5 < value["loss"] < 3 for value in values)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pseudo_labels.strategy": "collaborative"}, "set pseudo_labels.strategy from 'collaborative'"),
        ({"evaluation.predict": "both"}, "set evaluation.predict from 'both' to 'f_E'"),
    ],
)
def test_evidence_that_the_method_has_not_is_refused(method, changes, message):
    usual = {"method": method, "pseudo_labels.strategy": "confidence"}
    with pytest.raises(ConfigError, match=message):
        RoundConfig().replace({**usual, **changes})
