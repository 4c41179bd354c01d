"""`python -m finepseudo_core.selftraining FOLDER --workspace DIR` runs a round without the studio.

On several GPUs, or cores: `torchrun --nproc-per-node 4 -m finepseudo_core.selftraining FOLDER ...`. Called
again with the same workspace it goes on from its checkpoint, with as many processes as there are now. The
workspace ends up with model.pt, embeddings-N.npy of the last pass, result.json and pseudo-labels.jsonl.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from finepseudo_core.assignments import read_assignments
from finepseudo_core.config import PRESETS, RoundConfig, preset
from finepseudo_core.datasets import label_splits
from finepseudo_core.datasets.dataset import Dataset
from finepseudo_core.datasets.formats.arguments import add_arguments
from finepseudo_core.errors import FinePseudoError
from finepseudo_core.records import ClipRecord, RoundResult
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.remaining_time import RemainingTime
from finepseudo_core.selftraining.report import Report
from finepseudo_core.selftraining.schedule import PlannedStage, plan
from finepseudo_core.video.progress_line import ProgressLine

WRITTEN = ("key", "label", "confidence", "alignability", "accepted")  # of every pseudo-label


def main() -> int:
    """Run the round and write what it found; 2 where it can't be done as asked."""
    parser = argparse.ArgumentParser(
        "python -m finepseudo_core.selftraining",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="folder of videos, with or without labels.csv")
    parser.add_argument(
        "--labels", type=Path, metavar="PATH", help="the annotation, where it isn't in the folder"
    )
    add_arguments(parser)
    parser.add_argument("--workspace", type=Path, required=True, metavar="DIR", help="folder of this round")
    parser.add_argument("--labelled-share", type=float, default=1.0, help="share of the labels to train on")
    parser.add_argument(
        "--label-split", type=Path, metavar="JSON", help="file that says which clips are labelled, instead"
    )
    parser.add_argument("--preset", default="single-gpu", choices=tuple(PRESETS))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting")
    options = parser.parse_args()
    torch.set_num_threads(distributed.threads())
    try:
        config = preset(options.preset).replace(read_assignments(options.set))
        with distributed.together():
            data = Dataset(
                options.folder,
                options.format,
                options.labels,
                options.workspace / "cuts",
                options.least_frames,
            )
            labelled, unlabelled, test = read_clips(
                data, options.labelled_share, config.seed, split=options.label_split
            )
            report = Report(_say, RemainingTime(_plan(config, labelled, unlabelled, test)))
            result = run(
                config, labelled, unlabelled, options.workspace, test=test, notify=report, rehearsed=True
            )
            if distributed.is_main():
                write(result, report, options.workspace)
    except (FinePseudoError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def read_clips(
    data: Dataset, share: float, seed: int, *, split: Path | None = None
) -> tuple[list[ClipRecord], list[ClipRecord], list[ClipRecord]]:
    """Labelled, unlabelled and test clips of a dataset; labels beyond the share only measure.

    Rows that can't be used, such as those of missing videos, are told on standard error and left out; what
    is labelled is drawn from all rows all the same.

    Args:
        split: file of `label_splits`, which says what is labelled instead of share and seed.

    Raises:
        DatasetError: no row can be used, or the split is of other clips.
    """
    found = data.read(ProgressLine("clips cut"))
    for problem in found.problems if distributed.is_main() else ():
        sys.stderr.write(f"left out: {problem}\n")
    train = label_splits.labels_of(found)
    drawn = label_splits.split(train, share, seed) if split is None else label_splits.read(split, train)
    chosen = set(drawn.labelled)
    records = {clip.key: ClipRecord(clip.key, clip.path, truth=clip.label) for clip in found.clips}
    labelled = [
        ClipRecord(key, record.path, label=train[key]) for key, record in records.items() if key in chosen
    ]
    tested = {clip.key for clip in found.clips if clip.split == "test"}
    unlabelled = [record for key, record in records.items() if key not in chosen | tested]
    return labelled, unlabelled, [record for key, record in records.items() if key in tested]


def write(result: RoundResult, report: Report, workspace: Path) -> None:
    """Leave the figures as result.json and the pseudo-labels as pseudo-labels.jsonl."""
    figures = {
        "metrics": dict(result.metrics),
        "accepted_per_class": dict(report.per_class),
        "left_out": report.left_out,
        "model_sha256": result.model_sha256,
    }
    (workspace / "result.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    lines = [
        json.dumps({name: getattr(label, name) for name in WRITTEN}) + "\n"
        for label in result.proposal.pseudo_labels
    ]
    (workspace / "pseudo-labels.jsonl").write_text("".join(lines), encoding="utf-8")


def _plan(
    config: RoundConfig,
    labelled: Sequence[ClipRecord],
    unlabelled: Sequence[ClipRecord],
    test: Sequence[ClipRecord],
) -> Callable[[int | None], Sequence[PlannedStage]]:
    """Stages of the round by the number of accepted labels."""
    counts = len(labelled), len(unlabelled), len({record.label for record in labelled})
    return lambda accepted: plan(config, *counts, test=len(test), pseudo_labelled=accepted)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
