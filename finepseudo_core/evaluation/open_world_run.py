"""An open world on a labelled folder: some classes are novel, and their clips are unlabelled only.

`python -m finepseudo_core.evaluation.open_world_run --data FOLDER --novel 8 --share 0.1 --seed 0` trains a
round on the known classes and tells how well novel clips are turned down by alignability, by the confidence
of f_E and by both, and how many of them every strategy would accept. FinePseudo (Dave et al., ECCV 2024),
Sec. 4.4: 40 classes of Diving48 are known and 8 novel. The folder has clips and a labels.csv,
or another annotation (--format); a run that was cut off goes on, and a finished one is read from its file.
"""

import argparse
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from finepseudo_core.assignments import read_assignments
from finepseudo_core.config import PseudoLabelConfig, RoundConfig, preset
from finepseudo_core.datasets.clip_dataset import WholeClips
from finepseudo_core.datasets.dataset import Dataset
from finepseudo_core.datasets.formats.annotation_files import json_text, write_text
from finepseudo_core.datasets.formats.arguments import add_arguments
from finepseudo_core.datasets.frame_store import open_frame_store
from finepseudo_core.encoders.action_encoder import ActionEncoder
from finepseudo_core.errors import ConfigError, FinePseudoError
from finepseudo_core.evaluation.open_world import (
    ClassDivision,
    divide_classes,
    hide_novel,
    judge_rejection,
)
from finepseudo_core.evaluation.open_world_report import figure, markdown, rejection_values
from finepseudo_core.events import ClipLeftOut, Event, Notify, StageStarted, ignore
from finepseudo_core.experiments.clips import Clips, divide
from finepseudo_core.experiments.tables import SCALES, settings_of
from finepseudo_core.pseudo_labels.acceptance import summarise
from finepseudo_core.pseudo_labels.strategies import Evidence, decide
from finepseudo_core.records import ClipRecord, Proposal
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.models import load_models

STRATEGIES = ("confidence", "uncertainty", "verification", "collaborative", "alignability")
CLIPS_AT_ONCE = 32


@dataclass(frozen=True)
class OpenWorld:
    """What an open-world run is asked for.

    Args:
        data: the clips and what is known of them.
        novel: number of novel classes.
        share: share of the training clips of every known class that is labelled.
        hold_out: as in `experiments.clips.divide`; None tests a fifth of every class.
    """

    data: Dataset
    novel: int
    share: float
    hold_out: str | None = None


def divide_open(world: OpenWorld, seed: int, scratch: Path) -> tuple[ClassDivision, Clips]:
    """The classes, and the clips as `experiments.clips.divide` gives them, novel labels taken away.

    Test clips of novel classes are left out: a round tests on known classes.

    Raises:
        DatasetError: the folder can't be used.
        ValueError: fewer than two known classes or no novel one are left.
    """
    clips = divide(world.data, world.share, seed, hold_out=world.hold_out, scratch=scratch)
    division = divide_classes((str(record.label) for record in clips.labelled), world.novel, seed)
    labelled, hidden = hide_novel(clips.labelled, division)
    test = tuple(record for record in clips.test if record.truth in division.known)
    return division, Clips(labelled, (*clips.unlabelled, *hidden), test)


def measure(
    world: OpenWorld, config: RoundConfig, *, scratch: Path, results: Path, notify: Notify = ignore
) -> dict[str, Any]:
    """Train a round in an open world and judge its last pass; from its file where it was run before.

    Args:
        config: settings of the round; its seed also divides classes and clips.
        scratch: folder for decoded frames, label splits, learnt stages and the half-finished round.
        results: folder for the JSON file; `path` of what is returned names it.

    Raises:
        ConfigError: the method does not train f_A, so that there is no alignability to judge by.
        DatasetError, ValueError: as `divide_open`.
    """
    if not config.trains_alignability:
        raise ConfigError(f"the method {config.method} has no alignability to judge by; choose finepseudo.")
    identity = {
        "data": world.data.name,
        **{name: value for name, value in asdict(world).items() if name != "data"},
        "seed": config.seed,
    }
    named = json.dumps({**identity, "config": config.changes()}, sort_keys=True)
    digest = hashlib.sha256(named.encode()).hexdigest()[:12]
    file = results / f"open-world-{world.novel}-{world.share:g}-seed{config.seed}-{digest}.json"
    if file.exists():
        return {**json.loads(file.read_text(encoding="utf-8")), "path": str(file)}
    division, clips = divide_open(world, config.seed, scratch)
    workspace, started = scratch / f"open-world-{digest}", time.monotonic()
    result = run(
        config, clips.labelled, clips.unlabelled, workspace,
        test=clips.test, stage_cache=scratch / "shared", notify=notify,
    )  # fmt: skip
    truths = {record.key: str(record.truth) for record in clips.unlabelled}
    judged = judge_rejection(result.proposal, truths, seed=config.seed)
    spread = spreads(result.model, clips, result.proposal, scratch / "shared" / "frames")
    report: dict[str, Any] = {
        **identity,
        "division": asdict(division),
        "clips": {
            "labelled": len(clips.labelled),
            "unlabelled_known": judged.known,
            "unlabelled_novel": judged.novel,
            "test": len(clips.test),
        },
        "rejection": {name: rejection_values(found) for name, found in judged.rejection.items()},
        "gain": asdict(judged.gain),
        "gain_over_combined": asdict(judged.gain_over_combined),
        "strategies": accepted_by_strategy(result.proposal, truths, spread, config),
        "trained_with": config.pseudo_labels.strategy,
        "metrics": dict(result.metrics),
        "config": config.to_dict(),
        "seconds": time.monotonic() - started,
    }
    report = {"markdown": markdown(report), "figure": figure(report), **report}
    write_text(file, json_text(report))
    shutil.rmtree(workspace)
    return {**report, "path": str(file)}


def accepted_by_strategy(
    proposal: Proposal, truths: Mapping[str, str], spread: np.ndarray, config: RoundConfig
) -> dict[str, dict[str, float | None]]:
    """What every strategy would accept of one pass: the same evidence, the config's thresholds.

    Args:
        truths: key -> class of every clip of the pass; one that is not among the proposal's is novel.
        spread: (N,) deviation of p_E over dropout passes, for the uncertainty strategy.

    Returns:
        Strategy -> known and novel clips accepted, how many labels are right, and their precision over
        both (None where none is accepted).
    """
    rows, number = proposal.pseudo_labels, {name: place for place, name in enumerate(proposal.classes)}
    evidence = Evidence(
        np.stack([row.action_probabilities for row in rows]),
        np.stack([row.alignability_probabilities for row in rows]),
        np.stack([row.class_alignabilities for row in rows]),
        spread,
    )
    truth = np.array([number.get(truths[row.key], len(number)) for row in rows])
    novel = truth == len(number)
    found: dict[str, dict[str, float | None]] = {}
    for strategy in STRATEGIES:
        decision = decide(evidence, replace(config.pseudo_labels, strategy=strategy))
        overall = summarise(decision.labels, decision.accepted, len(number), truth).overall
        found[strategy] = {
            "known_accepted": int((decision.accepted & ~novel).sum()),
            "novel_accepted": int((decision.accepted & novel).sum()),
            "right": overall.right,
            "precision": overall.precision,
        }
    return found


@torch.no_grad()
def spreads(model: Path, clips: Clips, proposal: Proposal, frames: Path) -> np.ndarray:
    """Deviation of f_E's probability over dropout passes (N,), in the order of the pass; seeded."""
    models, config, _ = load_models(model)
    device = torch.device("cuda" if config.device != "cpu" and torch.cuda.is_available() else "cpu")
    encoder, part = models.action.to(device), config.action_encoder
    everything = sorted((*clips.labelled, *clips.unlabelled, *clips.test), key=lambda record: record.key)
    store = open_frame_store(
        everything, frames, size=max(part.size, config.alignability_encoder.size),
        squash=config.fit == "squash", most_bytes=config.cache_bytes,
    )  # fmt: skip
    by_key = {record.key: record for record in clips.unlabelled}
    records = [by_key[row.key] for row in proposal.pseudo_labels]
    torch.manual_seed(config.seed)
    found, asked = [], config.pseudo_labels
    for start in range(0, len(records), CLIPS_AT_ONCE):
        chunk: Sequence[ClipRecord] = records[start : start + CLIPS_AT_ONCE]
        views = WholeClips(store, chunk, part.frames, part.size, stride=part.stride)
        batch = torch.cat([views[place] for place in range(len(views))]).to(device)
        found.append(_spread(encoder, batch, asked))
    return torch.cat(found).numpy()


def _spread(encoder: ActionEncoder, clips: torch.Tensor, asked: PseudoLabelConfig) -> torch.Tensor:
    return encoder.predict_with_spread(clips, asked.uncertainty_passes, asked.uncertainty_dropout)[1].cpu()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of clips, with its annotation")
    add_arguments(parser)
    parser.add_argument("--annotations", type=Path, help="the annotation, where it isn't in the folder")
    parser.add_argument("--novel", type=int, required=True, help="number of novel classes")
    parser.add_argument("--share", type=float, default=0.1, help="share of the known classes' labels")
    parser.add_argument("--seed", type=int, default=0, help="of classes, labels and training")
    parser.add_argument("--hold-out", metavar="COLUMN[=VALUE]", help="groups, or the clips, that are tested")
    parser.add_argument("--preset", default="cpu-demo")
    parser.add_argument("--scale", choices=SCALES, default="large", help="size of cpu-demo's networks")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of the round")
    parser.add_argument("--scratch", type=Path, default=Path("build/experiments"))
    parser.add_argument("--results", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    data = Dataset(
        options.data.resolve(), options.format, options.annotations, options.scratch / "cuts",
        options.least_frames,
    )  # fmt: skip
    own = settings_of(options.scale, data.folder.name) if options.preset == "cpu-demo" else {}
    try:
        changes = {**own, **read_assignments(options.set), "seed": options.seed}
        report = measure(
            OpenWorld(data, options.novel, options.share, options.hold_out),
            preset(options.preset).replace(changes),
            scratch=options.scratch / data.name,
            results=options.results / data.name,
            notify=_tell,
        )
    except (FinePseudoError, ValueError) as error:
        sys.exit(f"{error}")
    sys.stdout.write(f"{report['markdown']}\n\n{report['path']}\n")


def _tell(event: Event) -> None:
    if isinstance(event, StageStarted):
        sys.stderr.write(f"{event.stage}: {event.steps} steps\n")
    elif isinstance(event, ClipLeftOut):
        sys.stderr.write(f"{event.key} left out: {event.reason}\n")


if __name__ == "__main__":
    main()
