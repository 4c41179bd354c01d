"""What a round only looks at: frames are prepared beside it, image features come in stages of their own."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from finepseudo_core.baselines.timebalance import compare_moments
from finepseudo_core.datasets.frame_store import FrameStore
from finepseudo_core.errors import Stopped
from finepseudo_core.events import Event, StageStarted, StepDone, ignore, never
from finepseudo_core.selftraining import image_features
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.image_features import features_of_views
from finepseudo_core.selftraining.outcome import conclude
from finepseudo_core.selftraining.proposal import propose
from finepseudo_core.selftraining.round import open_round
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return make_clips(tmp_path_factory.mktemp("looking"), clips=16)


def looked(clips, workspace: Path, workers: int) -> dict[str, object]:
    """What every pass of an untrained round finds, to the last bit."""
    labelled, unlabelled, test = clips
    config = tiny_config(
        method="timebalance", pseudo_labels__strategy="confidence", loader_workers=workers,
        cache_bytes=0, pseudo_labels__uncertainty_passes=2,
    )  # fmt: skip
    round = open_round(
        config, labelled, unlabelled, workspace,
        test=test, pseudo_labelled=(), initial_model=None, exemplars={}, stage_cache=None,
        notify=ignore, should_stop=never,
    )  # fmt: skip
    views = features_of_views(round, "views", round.labelled, 2)
    similarity = compare_moments(round)
    propose(round, config.self_training.iterations)
    result = conclude(round)
    return {
        "views": [view.numpy().tobytes() for view in views],
        "similarity": dict(similarity),
        "labels": [(row.key, row.probabilities.tobytes()) for row in result.proposal.pseudo_labels],
        "tested": (dict(result.metrics), dict(result.tested)),
        "features": {place: kept.numpy().tobytes() for place, kept in round.image_features.items()},
        "next_random": torch.rand(1).item(),
    }


def test_loader_workers_read_for_every_pass_and_change_no_bit(clips, tmp_path, monkeypatch):
    read, log = FrameStore.read, tmp_path / "readers"

    def watched(self, key, indices):
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        return read(self, key, indices)

    monkeypatch.setattr(FrameStore, "read", watched)
    found, readers = [], []
    for workers in (0, 2):
        found.append(looked(clips, tmp_path / f"{workers}", workers))
        readers.append(log.read_text().split())
        log.unlink()
    assert set(readers[0]) == {str(os.getpid())}
    assert str(os.getpid()) not in readers[1]
    assert sorted(map(len, readers)) == [len(readers[0])] * 2
    assert len(set(readers[1])) == 2 * 5  # of the views, similarity, features, proposal and test
    assert found[0] == found[1]


def stop_in(stage: str) -> tuple[Callable[[Event], None], Callable[[], bool]]:
    """Observer and `should_stop` of a round that is to stop as soon as a stage has begun."""
    seen: list[Event] = []

    def notify(event: Event) -> None:
        if isinstance(event, StageStarted) and event.stage == stage:
            seen.append(event)

    return notify, lambda: bool(seen)


@pytest.mark.parametrize("resumed_in", [None, "test"])
def test_image_features_are_computed_in_stages_that_say_so(clips, tmp_path, monkeypatch, resumed_in):
    labelled, unlabelled, test = clips
    if resumed_in is not None:
        notify, should_stop = stop_in(resumed_in)
        with pytest.raises(Stopped):
            run(
                tiny_config(), labelled, unlabelled, tmp_path,
                test=test, notify=notify, should_stop=should_stop,
            )  # fmt: skip
    compute, now, computed = image_features._features, [""], []

    def watched(round, clip):
        computed.append(now[0])
        return compute(round, clip)

    def follow(event: Event) -> None:
        if isinstance(event, StageStarted):
            now[0] = event.stage
        elif isinstance(event, StepDone) and event.step == event.steps:
            now[0] = "none"

    monkeypatch.setattr(image_features, "_features", watched)
    run(tiny_config(), labelled, unlabelled, tmp_path, test=test, notify=follow)
    number = "" if resumed_in is None else " 1"
    assert computed.count(f"features{number}") == len(labelled) + len(unlabelled) + len(test)
    assert set(computed) <= {f"features{number}", "views", "views 1"}
