"""Rounds that share their first stages learn them once, and end as if each had learnt them itself."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from finepseudo_core.encoders.alignability_encoder import AlignabilityEncoder
from finepseudo_core.errors import CheckpointError
from finepseudo_core.events import Event, StageStarted, StepDone
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.models import load_models
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> tuple[list[ClipRecord], list[ClipRecord], list[ClipRecord]]:
    return make_clips(tmp_path_factory.mktemp("dives"))


def learnt(events: Sequence[Event]) -> set[str]:
    """Stages that took steps of learning."""
    looked = ("frames", "views", "features", "proposal", "test")
    return {
        event.stage for event in events if isinstance(event, StepDone) and not event.stage.startswith(looked)
    }


def test_rounds_that_differ_late_share_the_stages_before(clips, tmp_path):
    labelled, unlabelled, _ = clips
    config = tiny_config()
    results, stages = {}, {}
    for name, changes in {
        "alone": {},
        "first": {},
        "again": {},
        "other strategy": {"pseudo_labels.threshold": 0.0},
        "other mining": {"alignment.mining": "all"},
        "other seed": {"seed": 7},
    }.items():
        events: list[Event] = []
        results[name] = run(
            config.replace(changes), labelled, unlabelled, tmp_path / name,
            stage_cache=None if name == "alone" else tmp_path / "cache", notify=events.append,
        )  # fmt: skip
        stages[name] = learnt(events)
        assert "alignability" in {event.stage for event in events if isinstance(event, StageStarted)}
    everything = {"pretraining", "alignability", "action", "alignability 1", "action 1"}
    assert stages["alone"] == stages["first"] == stages["other seed"] == everything
    assert stages["again"] == set()
    assert stages["other strategy"] <= {"alignability 1", "action 1"}
    assert "alignability" in stages["other mining"]
    assert stages["other mining"] & {"pretraining", "action"} == set()
    networks = [load_models(results[name].model)[0].state_dict() for name in ("alone", "first", "again")]
    for name, value in networks[0].items():
        for other in networks[1:]:
            assert torch.equal(value, other[name]), name


def test_one_more_label_is_learnt_from_while_pretraining_stays(clips, tmp_path):
    labelled, unlabelled, _ = clips
    run(tiny_config(), labelled, unlabelled, tmp_path / "first", stage_cache=tmp_path / "cache")
    more = [*labelled, replace(unlabelled[0], label=unlabelled[0].truth)]
    events: list[Event] = []
    run(
        tiny_config(), more, unlabelled[1:], tmp_path / "second", stage_cache=tmp_path / "cache",
        notify=events.append,
    )  # fmt: skip
    assert learnt(events) >= {"alignability", "action"}
    assert "pretraining" not in learnt(events)


def test_image_features_are_read_where_another_round_has_left_them(clips, tmp_path, monkeypatch):
    labelled, unlabelled, test = clips
    cache, seen = tmp_path / "cache", []
    encode = AlignabilityEncoder.image_features

    def watch(self, clips):
        seen.append(len(clips))
        return encode(self, clips)

    def weights(name: str, stage_cache: Path | None, **changes: object) -> dict[str, torch.Tensor]:
        seen.clear()
        config = tiny_config(**changes)
        result = run(config, labelled, unlabelled, tmp_path / name, test=test, stage_cache=stage_cache)
        return load_models(result.model)[0].state_dict()

    strict = {"alignment__margin": 0.2}  # other alignability, the same image encoder
    alone = weights("alone", None, **strict)
    monkeypatch.setattr(AlignabilityEncoder, "image_features", watch)
    weights("first", cache)
    assert seen
    again = weights("again", cache, **strict)
    known = {view for folder in (cache / "features").iterdir() for view in folder.iterdir()}
    assert len(seen) < len(known) / 2  # of clips that the first round has not accepted, none of the others
    assert all(torch.equal(alone[name], again[name]) for name in alone)
    weights("other seed", cache, seed=3)
    assert len(list((cache / "features").iterdir())) == 2
    assert len(seen) > len(known) / 2


def test_two_rounds_are_never_in_one_cache_at_a_time(clips, tmp_path):
    labelled, unlabelled, _ = clips
    refused = []

    def try_another(event: Event) -> None:
        if isinstance(event, StageStarted) and event.stage == "action":
            with pytest.raises(CheckpointError, match="another round is at work in .*cache; wait") as error:
                run(tiny_config(), labelled, unlabelled, tmp_path / "b", stage_cache=tmp_path / "cache")
            refused.append(error)

    for name in ("a", "after"):
        run(
            tiny_config(), labelled, unlabelled, tmp_path / name,
            stage_cache=tmp_path / "cache", notify=try_another,
        )  # fmt: skip
    assert len(refused) == 2
    assert not (tmp_path / "b").exists()
