"""What people want of a round: exemplars pinned and banned, and classes under new names."""

from dataclasses import replace

import pytest
import torch

from finepseudo_core.errors import CheckpointError, DatasetError
from finepseudo_core.events import PseudoLabelsProposed
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.models import load_models
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config

SHORT = {"self_training__iterations": 0, "pretraining__epochs": 1}


class Enough(Exception):
    """The first pass is there."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> tuple[list[ClipRecord], list[ClipRecord], list[ClipRecord]]:
    return make_clips(tmp_path_factory.mktemp("dives"))


@pytest.fixture(scope="module")
def finished(clips, tmp_path_factory):
    labelled, unlabelled, test = clips
    return run(tiny_config(**SHORT), labelled, unlabelled, tmp_path_factory.mktemp("round"), test=test)


def test_banned_clips_stand_for_nothing(clips, tmp_path):
    labelled, unlabelled, _ = clips
    names = sorted({str(record.label) for record in labelled})
    banned = [next(record.key for record in labelled if record.label == name) for name in names]
    pinned = {names[0]: [record.key for record in labelled if record.label == names[0]][1:]}
    result = run(tiny_config(**SHORT), labelled, unlabelled, tmp_path, exemplars=pinned, banned=banned)
    used = {key for keys in result.proposal.exemplars.values() for key in keys}
    assert used == {record.key for record in labelled} - set(banned)


def test_an_unreadable_pin_leaves_the_class_to_the_draw(clips, tmp_path):
    labelled, unlabelled, _ = clips
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    name = str(labelled[0].label)
    result = run(
        tiny_config(**SHORT), [*labelled, ClipRecord("broken", broken, label=name)], unlabelled,
        tmp_path / "round", exemplars={name: ["broken"]},
    )  # fmt: skip
    assert set(result.proposal.exemplars[name]) == {record.key for record in labelled if record.label == name}


@pytest.mark.parametrize(
    ("exemplars", "every", "message"),
    [
        (
            {"no such class": ["no such clip"]},
            False,
            "'no such clip' is to be an exemplar of 'no such class' but",
        ),
        ({}, True, "every readable labelled clip of .* is banned"),
    ],
)
def test_exemplars_that_can_not_be_had_are_refused_at_once(clips, tmp_path, exemplars, every, message):
    labelled, unlabelled, _ = clips
    banned = [record.key for record in labelled] if every else []
    with pytest.raises(DatasetError, match=message):
        run(tiny_config(**SHORT), labelled, unlabelled, tmp_path, exemplars=exemplars, banned=banned)


def test_a_checkpoint_of_other_exemplars_is_not_taken_up(clips, tmp_path):
    labelled, unlabelled, _ = clips

    def stop(event) -> None:
        if isinstance(event, PseudoLabelsProposed):
            raise Enough

    with pytest.raises(Enough):
        run(tiny_config(**SHORT), labelled, unlabelled, tmp_path, notify=stop)
    with pytest.raises(CheckpointError, match="another configuration or other clips"):
        run(tiny_config(**SHORT), labelled, unlabelled, tmp_path, banned=[labelled[0].key])


def test_a_renamed_class_keeps_what_it_learnt_and_one_of_its_old_name_does_not(clips, finished, tmp_path):
    labelled, unlabelled, _ = clips
    first, second = sorted({str(record.label) for record in labelled})[:2]
    called = {first: "~ renamed", second: first}  # "~" sorts behind every letter
    moved = [replace(record, label=called.get(str(record.label), record.label)) for record in labelled]
    still = tiny_config(**{**SHORT, "self_training__iterations": 0})
    result = run(
        still, moved, unlabelled, tmp_path, initial_model=finished.model,
        former_names={"~ renamed": first, first: None},
    )  # fmt: skip
    before, _, old = load_models(finished.model)
    after, _, new = load_models(result.model)

    def weights(models, classes, name):
        return models.action.classifier.weight[classes.index(name)]

    assert torch.equal(weights(after, new, "~ renamed"), weights(before, old, first))
    assert not torch.equal(weights(after, new, first), weights(before, old, first))
    assert torch.equal(weights(after, new, old[3]), weights(before, old, old[3]))


def test_what_f_e_says_of_test_clips_gives_its_accuracy(clips, finished):
    truths = {record.key: record.truth or record.label for record in clips[2]}
    assert set(finished.tested) == set(truths)
    right = sum(finished.tested[key] == truth for key, truth in truths.items())
    assert finished.metrics["test_top1"] == pytest.approx(right / len(truths))
