"""On clips that a glance tells apart, every way of learning learns."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from finepseudo_core.events import Event, StepDone
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.video.canonical import write_frames
from tests.finepseudo_core.selftraining.tiny import tiny_config

DIRECTIONS = {"across": (0.0, 1.0), "down": (1.0, 0.0), "aslant": (0.7, 0.7)}


def stripes(path: Path, direction: tuple[float, float], seed: int) -> None:
    """A clip of stripes in noise that drift across their direction; phase and speed are drawn."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:32, :32]
    along = direction[0] * y + direction[1] * x
    phase, speed = generator.uniform(0, 8), generator.uniform(0.3, 0.8)
    waves = [np.sin((along + phase + speed * time) * 2 * np.pi / 8) for time in range(24)]
    grey = 128 + 70 * np.stack(waves) + generator.normal(0, 15, (24, 32, 32))
    frames = np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=3)
    write_frames(frames, path, Fraction(25))


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> tuple[list[ClipRecord], list[ClipRecord], list[ClipRecord]]:
    folder = tmp_path_factory.mktemp("stripes")
    lists: tuple[list[ClipRecord], ...] = ([], [], [])
    for name, direction in DIRECTIONS.items():
        for number in range(12):
            path = folder / f"{name}-{number}.mp4"
            stripes(path, direction, seed=number)
            place = 0 if number < 2 else 1 if number < 7 else 2
            lists[place].append(ClipRecord(path.name, path, label=None if place else name, truth=name))
    return lists[0], lists[1], lists[2]


LONGER = {
    "self_training__action_epochs": 20, "self_training__batch_size": 12, "optimizer__learning_rate": 3e-3,
    "evaluation__clips": 1, "timebalance__moments": 2, "timebalance__stretch": True,
    "fixmatch__unlabelled_ratio": 1,
}  # fmt: skip


@pytest.mark.parametrize("method", ["fixmatch", "timebalance"])
def test_stripes_are_told_apart(method, clips, tmp_path):
    labelled, unlabelled, test = clips
    config = tiny_config(method=method, pseudo_labels__strategy="confidence", **LONGER)
    result = run(config, labelled, unlabelled, tmp_path, test=test)
    assert result.metrics["test_top1"] >= 0.9
    assert result.metrics["accuracy_action"] >= 0.9


def test_carl_brings_frames_of_one_time_together(clips, tmp_path):
    labelled, unlabelled, _ = clips
    config = tiny_config(
        pretraining__objective="carl", pretraining__epochs=15, optimizer__learning_rate=3e-3,
        self_training__iterations=0, self_training__alignability_epochs=0, self_training__action_epochs=0,
    )  # fmt: skip
    events: list[Event] = []
    run(config, labelled, unlabelled, tmp_path, notify=events.append)
    losses = [
        event.values["loss"]
        for event in events
        if isinstance(event, StepDone) and event.stage == "pretraining"
    ]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.1
