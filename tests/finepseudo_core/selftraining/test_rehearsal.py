"""A rehearsal tells what every stage takes, and changes nothing."""

from pathlib import Path

import pytest
from torch import nn

from finepseudo_core.errors import Stopped
from finepseudo_core.events import Event, StageStarted, StagesTimed
from finepseudo_core.selftraining import image_features, schedule
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.schedule import plan
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return make_clips(tmp_path_factory.mktemp("clips"))


def rehearsed(clips, workspace: Path, **options):
    labelled, unlabelled, test = clips
    events: list[Event] = []
    result = run(
        tiny_config(),
        labelled,
        unlabelled,
        workspace,
        test=test,
        rehearsed=True,
        notify=events.append,
        **options,
    )
    return result, events


def test_every_stage_to_come_is_timed_before_the_first_one(clips, tmp_path):
    _, events = rehearsed(clips, tmp_path)
    (timed,) = (event for event in events if isinstance(event, StagesTimed))
    before = [event.stage for event in events[: events.index(timed)] if isinstance(event, StageStarted)]
    stages = {event.stage for event in events if isinstance(event, StageStarted)}
    assert before == ["frames"]
    assert timed.seconds.keys() == {stage.partition(" ")[0] for stage in stages} - {"frames"}
    assert all(seconds > 0 for seconds in timed.seconds.values())


def test_the_result_is_the_same_without_a_rehearsal(clips, tmp_path):
    labelled, unlabelled, test = clips
    without = run(tiny_config(), labelled, unlabelled, tmp_path / "without", test=test)
    result, _ = rehearsed(clips, tmp_path / "with")
    assert result.model_sha256 == without.model_sha256


def test_stages_go_as_planned_once_the_accepted_labels_are_known(clips, tmp_path, monkeypatch):
    for module in (schedule, image_features):
        monkeypatch.setattr(module, "PROPOSAL_CHUNK", 5)  # so that stages differ in their steps
    labelled, unlabelled, test = clips
    result, events = rehearsed(clips, tmp_path / "cold")
    accepted = next(len(event.proposal.accepted) for event in events if hasattr(event, "proposal"))
    planned = plan(tiny_config(), len(labelled), len(unlabelled), 4, test=len(test), pseudo_labelled=accepted)
    stages = [(event.stage, event.steps) for event in events if isinstance(event, StageStarted)]
    assert stages == [(stage.stage, stage.steps) for stage in planned if stage.steps]
    _, events = rehearsed(clips, tmp_path / "warm", initial_model=result.model)
    planned = plan(
        tiny_config(), len(labelled), len(unlabelled), 4, test=len(test), warm=True, pseudo_labelled=0
    )
    stages = [(event.stage, event.steps) for event in events if isinstance(event, StageStarted)]
    assert stages == [(stage.stage, stage.steps) for stage in planned]


def test_a_rehearsal_can_be_stopped(clips, tmp_path):
    labelled, unlabelled, _ = clips
    seen: list[Event] = []
    asked = iter(range(10**6))
    clips_read = len(labelled) + len(unlabelled)
    with pytest.raises(Stopped, match="resume"):
        run(
            tiny_config(), labelled, unlabelled, tmp_path, rehearsed=True, notify=seen.append,
            should_stop=lambda: next(asked) > clips_read,
        )  # fmt: skip
    assert not any(isinstance(event, StagesTimed) for event in seen)


@pytest.mark.parametrize("method", ["fixmatch", "timebalance"])
def test_methods_that_it_is_compared_with_are_rehearsed_too(clips, tmp_path, method):
    labelled, unlabelled, test = clips
    config = tiny_config(method=method, pseudo_labels__strategy="confidence", pretraining__epochs=1)
    events: list[Event] = []
    result = run(
        config, labelled, unlabelled, tmp_path / "with", test=test, rehearsed=True, notify=events.append
    )
    (timed,) = (event for event in events if isinstance(event, StagesTimed))
    stages = [event.stage for event in events if isinstance(event, StageStarted)]
    assert timed.seconds.keys() == {stage.partition(" ")[0] for stage in stages} - {"frames"}
    assert all(seconds > 0 for seconds in timed.seconds.values())
    without = run(config, labelled, unlabelled, tmp_path / "without", test=test)
    assert result.model_sha256 == without.model_sha256


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch")
def test_compiled_networks_are_rehearsed_too(clips, tmp_path, monkeypatch):
    labelled, unlabelled, test = clips
    compile, compiled = nn.Module.compile, []

    def quickly(network: nn.Module) -> None:
        compiled.append(network)
        compile(network, backend="eager")  # traced and guarded as always, but no C++ is built

    monkeypatch.setattr(nn.Module, "compile", quickly)
    config, events = tiny_config(compile=True), []
    result = run(
        config, labelled, unlabelled, tmp_path / "with", test=test, rehearsed=True, notify=events.append
    )
    (timed,) = (event for event in events if isinstance(event, StagesTimed))
    stages = [event.stage for event in events if isinstance(event, StageStarted)]
    assert timed.seconds.keys() == {stage.partition(" ")[0] for stage in stages} - {"frames"}
    without = run(config, labelled, unlabelled, tmp_path / "without", test=test)
    assert result.model_sha256 == without.model_sha256
    assert len(compiled) == 4  # two encoders of each round
