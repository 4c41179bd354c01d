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
from finepseudo_core.datasets.dataset import Dataset
from finepseudo_core.evaluation import phases_run
from finepseudo_core.evaluation.annotated_clips import check_annotated, read_annotated
from finepseudo_core.evaluation.open_world import judge_rejection
from finepseudo_core.events import ClipLeftOut, Event, Notify, PseudoLabelsProposed
from finepseudo_core.experiments.clips import Clips, divide, without_labels_of_some
from finepseudo_core.pseudo_labels.acceptance import precision_at
from finepseudo_core.records import Proposal, RoundResult
from finepseudo_core.selftraining.algorithm import run

COVERAGE = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)  # shares of the unlabelled clips, surest first
PHASE_TRIM = 0.3  # largest share cut off at either end of a clip, so that its clock doesn't tell the phase


@dataclass(frozen=True)
class Setting:
    """What all runs of an experiment share.

    Args:
        data: the clips and what is known of them.
        scratch: folder for decoded frames, image features, label splits, learnt stages and rounds at work.
        results: folder for one JSON file per run.
        hold_out: column of groups kept for testing, or None.
        validation: test on validation clips instead, for choosing settings.
        novel: share of the classes that lose all their labels, and whose clips are to be turned down.
        phases: measure frame embeddings by the phases that the clips are annotated with.
    """

    data: Dataset
    scratch: Path
    results: Path
    hold_out: str | None
    validation: bool
    novel: float = 0.0
    phases: bool = False


def measure(setting: Setting, config: RoundConfig, share: float, notify: Notify) -> dict[str, Any]:
    """Figures of one round; from its file where it was run before, resumed where it was cut off.

    Raises:
        DatasetError: the clips can't be divided, or phases are asked for and too few clips have some.
    """
    known = finished(setting, config, share)
    if known is not None:
        return known
    identity, digest = _identity(setting, config, share)
    file = setting.results / f"{digest}.json"
    clips = divide(
        setting.data, share, config.seed,
        hold_out=setting.hold_out, validation=setting.validation, scratch=setting.scratch,
    )  # fmt: skip
    if setting.novel:
        clips = without_labels_of_some(clips, setting.novel, config.seed)
    if setting.phases:
        check_annotated(read_annotated(setting.data), setting.data.folder)
    passes: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}

    def watch(event: Event) -> None:
        if isinstance(event, PseudoLabelsProposed):
            passes.append({**event.metrics, "accepted_per_class": dict(event.accepted_per_class)})
        elif isinstance(event, ClipLeftOut):
            left_out[event.key] = event.reason
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
        "left_out": left_out,
        "metrics": {**result.metrics, **_more_metrics(setting, result, clips)},
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


def finished(setting: Setting, config: RoundConfig, share: float) -> dict[str, Any] | None:
    """Figures of a round that was run before, None where it was not."""
    file = setting.results / f"{_identity(setting, config, share)[1]}.json"
    if not file.exists():
        return None
    known = dict(json.loads(file.read_text(encoding="utf-8")))
    return known if RoundConfig.from_dict(known["config"]) == config else None


def _identity(setting: Setting, config: RoundConfig, share: float) -> tuple[dict[str, Any], str]:
    """What tells a run from others, and its digest.

    Only settings that differ from the defaults count: options added later leave finished runs valid.
    """
    identity = {
        "data": setting.data.name,
        "hold_out": setting.hold_out,
        "validation": setting.validation,
        "share": share,
        **({"novel": setting.novel} if setting.novel else {}),
        **({"phases": True} if setting.phases else {}),
    }
    named = json.dumps({**identity, "config": config.changes()}, sort_keys=True)
    return identity, hashlib.sha256(named.encode()).hexdigest()[:16]


def _more_metrics(setting: Setting, result: RoundResult, clips: Clips) -> dict[str, float]:
    """What some tables ask for besides a round's own metrics."""
    found: dict[str, float] = {}
    if setting.novel:
        truths = {record.key: str(record.truth) for record in clips.unlabelled}
        judged = judge_rejection(result.proposal, truths)
        found |= {f"auroc_{name}": rejection.auroc for name, rejection in judged.rejection.items()}
        found |= {"known_accepted": judged.known_accepted, "novel_accepted": judged.novel_accepted}
    if setting.phases:
        report = phases_run.measure(result.model, setting.data, trim=PHASE_TRIM)
        found |= {
            f"{who}_{name}": value
            for who, metrics in report["metrics"].items()
            for name, value in metrics.items()
        }
    return found


def compare(proposal: Proposal, clips: Clips) -> dict[str, Any]:
    """The last pass judged by p_E, by p_A and by both: accuracy of the n surest labels, for several n."""
    truths = {record.key: record.truth for record in clips.unlabelled}
    rows = proposal.pseudo_labels
    number = {name: place for place, name in enumerate(proposal.classes)}
    novel = len(number)  # a class that no label can be right about
    truth = np.array([number.get(str(truths[row.key]), novel) for row in rows])
    counts = [max(1, round(len(rows) * share)) for share in COVERAGE]
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
