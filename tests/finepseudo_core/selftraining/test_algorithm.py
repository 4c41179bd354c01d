from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from finepseudo_core.errors import CheckpointError, DatasetError, Stopped
from finepseudo_core.events import (
    ClipLeftOut,
    Event,
    PseudoLabelsProposed,
    RoundFinished,
    StageStarted,
    StepDone,
)
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining import progress
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.models import load_models
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> tuple[list[ClipRecord], list[ClipRecord], list[ClipRecord]]:
    return make_clips(tmp_path_factory.mktemp("dives"))


@pytest.fixture(scope="module")
def finished(clips, tmp_path_factory):
    """A round run without interruption, with its events."""
    labelled, unlabelled, test = clips
    events: list[Event] = []
    workspace = tmp_path_factory.mktemp("finished")
    result = run(tiny_config(), labelled, unlabelled, workspace, test=test, notify=events.append)
    return result, events


def test_a_round_walks_through_algorithm_1(finished):
    _, events = finished
    stages = [event.stage for event in events if isinstance(event, StageStarted)]
    assert stages == [
        "frames", "pretraining", "views", "alignability", "action", "features", "proposal",
        "alignability 1", "action 1", "proposal 1", "test",
    ]  # fmt: skip
    assert isinstance(events[-1], RoundFinished)


def test_every_unlabelled_clip_gets_a_proposal(finished, clips):
    result, events = finished
    passes = [event.proposal for event in events if isinstance(event, PseudoLabelsProposed)]
    assert [proposal.iteration for proposal in passes] == [0, 1]
    assert passes[-1] == result.proposal
    for proposal in passes:
        assert [label.key for label in proposal.pseudo_labels] == [record.key for record in clips[1]]


def test_a_proposal_is_what_the_equations_say(finished, clips):
    result, _ = finished
    config, proposal = tiny_config(), result.proposal
    for label in proposal.pseudo_labels:
        p_a = np.exp(label.class_alignabilities / config.pseudo_labels.temperature)  # Eq. 8
        np.testing.assert_allclose(label.alignability_probabilities, p_a / p_a.sum(), rtol=1e-4)
        combined = (label.action_probabilities + label.alignability_probabilities) / 2
        np.testing.assert_allclose(label.probabilities, combined, rtol=1e-4)
        assert label.label == proposal.classes[int(combined.argmax())]
        assert label.confidence == pytest.approx(float(combined.max()), rel=1e-4)
        assert label.accepted == (label.confidence > config.pseudo_labels.threshold)
        scores = [match.alignability for match in label.nearest]
        assert scores == sorted(scores, reverse=True)
    labelled = {record.key: record.label for record in clips[0]}
    for name, keys in proposal.exemplars.items():
        assert [labelled[key] for key in keys] == [name] * len(keys)


def test_metrics_are_measured_on_what_is_known(finished, clips):
    result, _ = finished
    truths = {record.key: record.truth for record in clips[1]}
    accepted = result.proposal.accepted
    assert result.metrics["accepted"] == len(accepted)
    if accepted:
        right = sum(label.label == truths[label.key] for label in accepted)
        assert result.metrics["precision"] == pytest.approx(right / len(accepted))
    assert 0 <= result.metrics["test_top1"] <= 1


def _stop_after(steps: int, stage: str) -> tuple[list[int], object]:
    """An observer and a stop flag that stop a round after some steps of a stage."""
    seen = [0]

    def watch(event: Event) -> None:
        if isinstance(event, StepDone) and event.stage == stage:
            seen[0] += 1

    return seen, (watch, lambda: seen[0] >= steps)


@pytest.mark.parametrize(
    ("stage", "steps"),
    [("pretraining", 1), ("alignability", 2), ("action", 3), ("action 1", 1), ("proposal 1", 1)],
)
def test_a_stopped_round_ends_as_if_it_had_not_been_stopped(finished, clips, tmp_path, stage, steps):
    labelled, unlabelled, test = clips
    _, (watch, should_stop) = _stop_after(steps, stage)
    with pytest.raises(Stopped, match="resume"):
        run(tiny_config(), labelled, unlabelled, tmp_path, test=test, notify=watch, should_stop=should_stop)
    resumed = run(tiny_config(), labelled, unlabelled, tmp_path, test=test)
    assert resumed.model_sha256 == finished[0].model_sha256
    assert resumed.metrics == finished[0].metrics


def test_it_is_the_seed_of_every_step_that_makes_a_resumed_round_the_same(
    finished, clips, tmp_path, monkeypatch
):
    monkeypatch.setattr(progress.torch, "manual_seed", lambda seed: None)
    labelled, unlabelled, test = clips
    _, (watch, should_stop) = _stop_after(2, "alignability")
    with pytest.raises(Stopped, match="resume"):
        run(tiny_config(), labelled, unlabelled, tmp_path, test=test, notify=watch, should_stop=should_stop)
    resumed = run(tiny_config(), labelled, unlabelled, tmp_path, test=test)
    assert resumed.model_sha256 != finished[0].model_sha256


def test_a_crash_after_the_last_stage_keeps_the_result(finished, clips, tmp_path):
    labelled, unlabelled, test = clips

    def crash(event: Event) -> None:
        if isinstance(event, RoundFinished):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tiny_config(), labelled, unlabelled, tmp_path, test=test, notify=crash)
    told: list[Event] = []
    resumed = run(tiny_config(), labelled, unlabelled, tmp_path, test=test, notify=told.append)
    again = [event for event in told if isinstance(event, StepDone) and event.stage == "proposal 1"]
    assert [event.step for event in again] == list(range(1, again[0].steps + 1))
    assert resumed.metrics == finished[0].metrics
    assert [label.label for label in resumed.proposal.pseudo_labels] == [
        label.label for label in finished[0].proposal.pseudo_labels
    ]


def test_another_seed_gives_another_model(finished, clips, tmp_path):
    labelled, unlabelled, test = clips
    other = run(tiny_config(seed=1), labelled, unlabelled, tmp_path, test=test)
    assert other.model_sha256 != finished[0].model_sha256


def test_a_checkpoint_of_another_round_is_refused(clips, tmp_path):
    labelled, unlabelled, _ = clips
    _, (watch, should_stop) = _stop_after(1, "pretraining")
    with pytest.raises(Stopped):
        run(tiny_config(), labelled, unlabelled, tmp_path, notify=watch, should_stop=should_stop)
    with pytest.raises(CheckpointError, match="another configuration or other clips"):
        run(tiny_config(seed=3), labelled, unlabelled, tmp_path)


def test_the_next_round_starts_from_the_model_and_the_accepted_labels(finished, clips, tmp_path):
    labelled, unlabelled, test = clips
    earlier = finished[0]
    accepted = [
        replace(record, label=label.label)
        for record, label in zip(unlabelled, earlier.proposal.pseudo_labels, strict=True)
        if label.accepted
    ]
    events: list[Event] = []
    result = run(
        tiny_config(), labelled, unlabelled, tmp_path, test=test, pseudo_labelled=accepted,
        initial_model=earlier.model, notify=events.append,
    )  # fmt: skip
    stages = [event.stage for event in events if isinstance(event, StageStarted)]
    assert stages == ["frames", "views 1", "alignability 1", "action 1", "features 1", "proposal 1", "test"]
    before, _, _ = load_models(earlier.model)
    after, _, classes = load_models(result.model, sha256=result.model_sha256)
    assert classes == earlier.proposal.classes
    for one, other in zip(
        before.alignability.image_encoder.parameters(),
        after.alignability.image_encoder.parameters(),
        strict=True,
    ):
        assert torch.equal(one, other)
    assert not torch.equal(before.action.classifier.weight, after.action.classifier.weight)


def test_exemplars_asked_for_are_used(clips, tmp_path):
    labelled, unlabelled, _ = clips
    chosen = {str(labelled[0].label): [labelled[0].key]}
    result = run(tiny_config(self_training__iterations=0), labelled, unlabelled, tmp_path, exemplars=chosen)
    assert result.proposal.exemplars[str(labelled[0].label)] == (labelled[0].key,)


def test_an_unreadable_clip_is_left_out_and_reported(clips, tmp_path):
    labelled, unlabelled, _ = clips
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    events: list[Event] = []
    result = run(
        tiny_config(self_training__iterations=0), labelled, [*unlabelled, ClipRecord("broken", broken)],
        tmp_path / "round", notify=events.append,
    )  # fmt: skip
    left_out = [event for event in events if isinstance(event, ClipLeftOut)]
    assert [event.key for event in left_out] == ["broken"]
    assert "broken" not in {label.key for label in result.proposal.pseudo_labels}


@pytest.fixture
def bad_lists(clips) -> Iterator[dict]:
    labelled, unlabelled, _ = clips
    one_class = [record for record in labelled if record.label == labelled[0].label]
    return {
        "listed twice": (labelled, [*unlabelled, labelled[0]]),
        "two classes": (one_class, unlabelled),
        "only one readable labelled clip": (labelled[1:], unlabelled),
        "has no label": ([*labelled, replace(unlabelled[0], label=None)], unlabelled[1:]),
    }


@pytest.mark.parametrize(
    "message", ["listed twice", "two classes", "only one readable labelled clip", "has no label"]
)
def test_clips_that_cannot_be_used_say_why(bad_lists, tmp_path, message):
    labelled, unlabelled = bad_lists[message]
    with pytest.raises(DatasetError, match=message):
        run(tiny_config(), labelled, unlabelled, tmp_path)


def test_a_clip_of_weight_nothing_gets_a_proposal_that_never_trains(clips, tmp_path):
    labelled, unlabelled, _ = clips
    config = tiny_config(self_training__iterations=0, pseudo_labels__threshold=0.0)
    turned_down = [replace(unlabelled[0], weight=0.0), *unlabelled[1:]]
    result = run(config, labelled, turned_down, tmp_path)
    assert [label.accepted for label in result.proposal.pseudo_labels] == [False] + [True] * (
        len(unlabelled) - 1
    )


def test_strong_views_change_what_f_e_learns_and_nothing_before_it(clips, tmp_path):
    losses = {}
    for augmentation in ("weak", "strong"):
        events: list[Event] = []
        config = tiny_config(action_encoder__augmentation=augmentation, self_training__iterations=0)
        labelled, unlabelled, _ = clips
        run(config, labelled, unlabelled, tmp_path / augmentation, notify=events.append)
        losses[augmentation] = {
            (event.stage, event.step): dict(event.values) for event in events if isinstance(event, StepDone)
        }
    weak, strong = losses["weak"], losses["strong"]
    assert all(weak[step] == strong[step] for step in weak if step[0] in ("pretraining", "alignability"))
    assert weak["action", 1] != strong["action", 1]
