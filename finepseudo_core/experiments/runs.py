"""One run of an experiment: a round, measured, and never run twice."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finepseudo_core.config import RoundConfig
from finepseudo_core.events import Event, Notify, PseudoLabelsProposed
from finepseudo_core.experiments.clips import Clips, divide
from finepseudo_core.pseudo_labels.acceptance import precision_at
from finepseudo_core.records import Proposal
from finepseudo_core.selftraining.algorithm import run


@dataclass(frozen=True)
class Setting:
    """What all runs of an experiment share.

    Args:
        data: folder with clips and labels.csv.
        scratch: folder for decoded frames, label splits, learnt stages and half-finished rounds.
        results: folder for one JSON file per run.
        hold_out: column of groups kept for testing, or None.
        validation: test on validation clips instead, for choosing settings.
    """

    data: Path
    scratch: Path
    results: Path
    hold_out: str | None
    validation: bool


def measure(setting: Setting, config: RoundConfig, share: float, notify: Notify) -> dict[str, Any]:
    """Figures of one round; from its file where it was run before, resumed where it was cut off."""
    identity = {
        "data": setting.data.name,
        "hold_out": setting.hold_out,
        "validation": setting.validation,
        "share": share,
    }
    # Named by what differs from the defaults: an option that is added later leaves finished runs valid.
    named = json.dumps({**identity, "config": config.changes()}, sort_keys=True)
    digest = hashlib.sha256(named.encode()).hexdigest()[:16]
    file = setting.results / f"{digest}.json"
    if file.exists():
        finished = dict(json.loads(file.read_text(encoding="utf-8")))
        if RoundConfig.from_dict(finished["config"]) == config:
            return finished
    clips = divide(
        setting.data, share, config.seed,
        hold_out=setting.hold_out, validation=setting.validation, scratch=setting.scratch,
    )  # fmt: skip
    passes: list[dict[str, float]] = []

    def watch(event: Event) -> None:
        if isinstance(event, PseudoLabelsProposed):
            passes.append(dict(event.metrics))
        notify(event)

    workspace, started = setting.scratch / digest, time.monotonic()
    result = run(
        config, clips.labelled, clips.unlabelled, workspace,
        test=clips.test, stage_cache=setting.scratch / "shared", notify=watch,
    )  # fmt: skip
    figures = {
        **identity,
        "config": config.to_dict(),
        "clips": {name: len(getattr(clips, name)) for name in ("labelled", "unlabelled", "test")},
        "metrics": dict(result.metrics),
        "passes": passes,
        **compare(result.proposal, clips),
        "seconds": time.monotonic() - started,
        "commit": _commit(),
    }
    setting.results.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    os.replace(part, file)
    shutil.rmtree(workspace)
    return figures


def compare(proposal: Proposal, clips: Clips) -> dict[str, Any]:
    """The last pass judged by p_E, by p_A and by both: accuracy of the n surest labels, for several n."""
    truths = {record.key: record.truth for record in clips.unlabelled}
    rows = proposal.pseudo_labels
    truth = np.array([proposal.classes.index(str(truths[row.key])) for row in rows])
    counts = [max(1, round(len(rows) * share)) for share in (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)]
    curves: Mapping[str, list[np.ndarray]] = {
        "f_E": [row.action_probabilities for row in rows],
        "f_A": [row.alignability_probabilities for row in rows],
        "both": [(row.action_probabilities + row.alignability_probabilities) / 2 for row in rows],
    }
    found: dict[str, Any] = {"coverage_counts": counts, "coverage": {}}
    for name, by in curves.items():
        probabilities = np.stack(by)
        labels, confidence = probabilities.argmax(1), probabilities.max(1)
        found["coverage"][name] = [precision_at(labels, confidence, truth, count) for count in counts]
    per_class = {name: [0, 0] for name in proposal.classes}
    for row in proposal.accepted:
        per_class[row.label][0] += 1
        per_class[row.label][1] += row.label == truths[row.key]
    return {**found, "accepted_per_class": per_class}


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parent,
    )  # fmt: skip
    return found.stdout.strip()
