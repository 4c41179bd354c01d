"""A config so small that a whole round takes seconds, and the clips it runs on."""

import csv
from pathlib import Path

from finepseudo_core.config import RoundConfig, preset
from finepseudo_core.datasets import synthetic_dives
from finepseudo_core.records import ClipRecord


def tiny_config(**changes: object) -> RoundConfig:
    """cpu-demo with every size and duration cut down; keyword names use __ for the dot."""
    small: dict[str, object] = {
        "device": "cpu",
        "action_encoder.width": 4,
        "action_encoder.frames": 4,
        "action_encoder.size": 24,
        "alignability_encoder.frames": 6,
        "alignability_encoder.size": 24,
        "alignability_encoder.width": 4,
        "alignability_encoder.hidden": 16,
        "alignability_encoder.model": 16,
        "alignability_encoder.layers": 1,
        "alignability_encoder.heads": 2,
        "alignability_encoder.feedforward": 16,
        "alignability_encoder.embedding": 8,
        "alignability_encoder.feature_views": 2,
        "pretraining.epochs": 2,
        "pretraining.batch_size": 8,
        "self_training.alignability_epochs": 2,
        "self_training.action_epochs": 2,
        "self_training.iterations": 1,
        "self_training.epochs": 1,
        "self_training.batch_size": 8,
        "self_training.clips_per_class": 2,
        "self_training.least_steps": 2,
        "pseudo_labels.threshold": 0.3,
        "evaluation.clips": 2,
    }
    small.update({name.replace("__", "."): value for name, value in changes.items()})
    return preset("cpu-demo").replace(small)


def make_clips(folder: Path, clips: int = 24) -> tuple[list[ClipRecord], list[ClipRecord], list[ClipRecord]]:
    """Labelled, unlabelled and test records of a few synthetic dives of four classes."""
    synthetic_dives.generate(folder, clips=clips, classes=4, size=32, seed=1, processes=1)
    return listed_clips(folder)


def listed_clips(folder: Path) -> tuple[list[ClipRecord], list[ClipRecord], list[ClipRecord]]:
    """The same, of dives that were drawn before."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labelled, unlabelled, test = [], [], []
    counts: dict[str, int] = {}
    for row in rows:
        path, label = folder / row["path"], row["label"]
        counts[label] = counts.get(label, 0) + 1
        if counts[label] <= 2:
            labelled.append(ClipRecord(row["path"], path, label=label, truth=label))
        elif counts[label] == 3:
            test.append(ClipRecord(row["path"], path, truth=label))
        else:
            unlabelled.append(ClipRecord(row["path"], path, truth=label))
    return labelled, unlabelled, test
