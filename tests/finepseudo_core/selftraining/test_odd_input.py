"""Clips and settings at the edge of what a round can do: it ends well, or says what to change."""

from dataclasses import replace

import pytest
import torch

from finepseudo_core.datasets.frame_store import FrameStore
from finepseudo_core.errors import CheckpointError, ConfigError, DatasetError, Stopped, TrainingError
from finepseudo_core.events import ignore, never
from finepseudo_core.selftraining import checkpoint, distributed
from finepseudo_core.selftraining import round as rounds
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.clip_checks import check_processes
from finepseudo_core.selftraining.round import open_round
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return make_clips(tmp_path_factory.mktemp("odd"))


@pytest.fixture(scope="module")
def finished(clips, tmp_path_factory):
    labelled, unlabelled, test = clips
    return run(tiny_config(), labelled, unlabelled, tmp_path_factory.mktemp("before"), test=test)


def test_without_unlabelled_clips_a_round_trains_and_proposes_nothing(clips, tmp_path):
    labelled, _, test = clips
    result = run(tiny_config(), labelled, [], tmp_path, test=test)
    assert result.proposal.pseudo_labels == ()
    assert result.metrics["accepted"] == 0
    assert 0 <= result.metrics["test_top1"] <= 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"alignability_encoder__image_encoder": "resnet50"}, ["alignability_encoder"]),
        ({"alignability_encoder__image_encoder": "resnet50", "alignability_encoder__weights": "w.pt"}, []),
        ({"alignability_encoder__image_encoder": "resnet18"}, []),
        ({"action_encoder__name": "r2plus1d_18"}, ["action_encoder"]),
        ({"action_encoder__name": "r2plus1d_18", "action_encoder__weights": "w.pt"}, []),
        (
            {
                "alignability_encoder__image_encoder": "resnet50",
                "method": "fixmatch",
                "pseudo_labels__strategy": "confidence",
            },
            [],
        ),
    ],
)
def test_a_network_of_the_paper_without_its_weights_is_said_before_any_work(
    clips, tmp_path, caplog, changes, said
):
    labelled, unlabelled, _ = clips
    with pytest.raises(Stopped):
        run(tiny_config(**changes), labelled, unlabelled, tmp_path, should_stop=lambda: True)
    warned = [record.getMessage() for record in caplog.records if "starts from chance" in record.getMessage()]
    assert [message.split(".weights is none")[0] for message in warned] == said


def test_where_every_label_is_turned_down_the_labelled_clips_train_on(clips, tmp_path):
    labelled, unlabelled, _ = clips
    config = tiny_config(pseudo_labels__threshold=1.0, self_training__iterations=2)
    result = run(config, labelled, unlabelled, tmp_path)
    assert result.proposal.accepted == ()
    assert len(result.proposal.pseudo_labels) == len(unlabelled)
    assert "precision" not in result.metrics


def test_a_class_that_nobody_labelled_is_never_proposed_and_counts_as_wrong(clips, tmp_path):
    labelled, unlabelled, test = clips
    novel = labelled[0].label
    known = [record for record in labelled if record.label != novel]
    result = run(tiny_config(pseudo_labels__threshold=0.0), known, unlabelled, tmp_path, test=test)
    assert novel not in result.proposal.classes
    assert {row.label for row in result.proposal.pseudo_labels} <= set(result.proposal.classes)
    share = sum(record.truth != novel for record in unlabelled) / len(unlabelled)
    assert result.metrics["accuracy"] <= share
    assert result.metrics["precision"] <= share


def test_a_class_with_one_clip_is_named(clips, tmp_path):
    labelled, unlabelled, _ = clips
    alone = labelled[0].label
    fewer = [record for record in labelled if record.label != alone] + [labelled[0]]
    with pytest.raises(
        DatasetError, match=f"{alone} has only one readable labelled clip; label at least two"
    ):
        run(tiny_config(), fewer, unlabelled, tmp_path)


def test_a_clip_shorter_than_the_networks_windows_repeats_its_frames(clips, tmp_path):
    labelled, unlabelled, test = clips
    config = tiny_config(
        alignability_encoder__frames=64, action_encoder__frames=64, action_encoder__stride=8,
        self_training__iterations=0, pretraining__epochs=1, evaluation__clips=2,
    )  # fmt: skip
    result = run(config, labelled, unlabelled, tmp_path, test=test)
    assert len(result.proposal.pseudo_labels) == len(unlabelled)


def test_a_loss_that_is_not_finite_ends_the_round_with_advice(clips, tmp_path):
    labelled, unlabelled, _ = clips
    config = tiny_config(optimizer__learning_rate=1e30, pretraining__epochs=0)
    with pytest.raises((TrainingError, ValueError), match=r"learning_rate|diverged encoder"):
        run(config, labelled, unlabelled, tmp_path)


def test_a_model_with_a_value_that_is_not_finite_is_not_carried_over(finished, clips, tmp_path):
    labelled, unlabelled, _ = clips
    content = checkpoint.load(finished.model)
    content["networks"]["action.classifier.bias"][0] = torch.nan
    checkpoint.save(content, tmp_path / "broken.pt")
    with pytest.raises(CheckpointError, match=r"not finite \(action.classifier.bias\)"):
        run(
            tiny_config(), labelled, unlabelled, tmp_path / "round",
            initial_model=tmp_path / "broken.pt",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"alignability_encoder__heads": 4}, "alignability_encoder.heads 2, not 4"),
        ({"action_encoder__width": 8}, "action_encoder.width 4, not 8"),
    ],
)
def test_a_model_of_other_encoders_is_not_carried_over(finished, clips, tmp_path, changes, said):
    labelled, unlabelled, _ = clips
    with pytest.raises(CheckpointError, match=said):
        run(tiny_config(**changes), labelled, unlabelled, tmp_path, initial_model=finished.model)


def test_clips_that_are_all_of_one_frame_still_go_through(clips, tmp_path, monkeypatch):
    labelled, unlabelled, _ = clips
    monkeypatch.setattr(FrameStore, "frames", lambda self, key: 1)
    result = run(tiny_config(), labelled, unlabelled, tmp_path)
    assert len(result.proposal.pseudo_labels) == len(unlabelled)


def test_a_class_none_of_whose_labelled_clips_can_be_read_is_named(clips, tmp_path):
    labelled, unlabelled, _ = clips
    gone = labelled[0].label
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    given = [replace(record, path=broken) if record.label == gone else record for record in labelled]
    with pytest.raises(DatasetError, match=f"none of the labelled clips of {gone} can be read; label others"):
        run(tiny_config(), given, unlabelled, tmp_path / "round")


@pytest.mark.parametrize(
    ("changes", "clips_of_batch"),
    [({}, "8 clips"), ({"pretraining__batch_size": 3}, "3 clips"), ({"accumulate": 4}, "2 clips")],
)
def test_more_processes_than_a_batch_has_clips_are_refused_before_any_work(
    clips, tmp_path, monkeypatch, changes, clips_of_batch
):
    labelled, unlabelled, _ = clips
    monkeypatch.setattr(distributed, "world_size", lambda: 9)
    monkeypatch.setattr(rounds, "open_frame_store", lambda *_, **__: pytest.fail("nothing is decoded"))
    with pytest.raises(ConfigError, match=f"9 processes can't divide {clips_of_batch}.*start fewer"):
        open_round(
            tiny_config(**changes), labelled, unlabelled, tmp_path,
            test=(), pseudo_labelled=(), initial_model=None, exemplars={}, stage_cache=None,
            notify=ignore, should_stop=never,
        )  # fmt: skip


def test_a_warm_round_needs_no_batch_of_pretraining(monkeypatch):
    monkeypatch.setattr(distributed, "world_size", lambda: 5)
    monkeypatch.setattr(distributed, "rank", lambda: 0)
    config = tiny_config(pretraining__batch_size=3)
    with pytest.raises(ConfigError, match="5 processes can't divide 3 clips"):
        check_processes(config, classes=4, clips=20, warm=False)
    check_processes(config, classes=4, clips=20, warm=True)


def test_a_weight_of_nothing_for_every_labelled_clip_is_refused(clips, tmp_path):
    labelled, unlabelled, _ = clips
    with pytest.raises(DatasetError, match="weight"):
        run(tiny_config(), [replace(record, weight=0.0) for record in labelled], unlabelled, tmp_path)
