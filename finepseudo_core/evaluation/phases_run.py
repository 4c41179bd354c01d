"""Phases, progress, order and retrieval of a finished round's f_A on an annotated folder.

`python -m finepseudo_core.evaluation.phases_run --model ROUND/model.pt --data FOLDER` embeds the clips of a
folder with a finished round's f_A, and prints and writes the metrics on held-out clips, beside those of a
clock that knows nothing but a frame's place in its clip. Table 13 of FinePseudo (Dave et al., ECCV 2024)
reports phase classification, Kendall's tau and progress on PennAction, where CARL's code takes every action
by itself (--by-class). Clips that are cut to the action from start to end are told by the clock nearly as
well as by anything: --trim cuts a part off at random, and leaves the clock behind.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from finepseudo_core.datasets.dataset import Dataset
from finepseudo_core.datasets.formats.annotation_files import write_text
from finepseudo_core.datasets.formats.arguments import add_arguments
from finepseudo_core.errors import FinePseudoError
from finepseudo_core.evaluation.annotated_clips import PHASES
from finepseudo_core.evaluation.embedded_folder import embed_folder
from finepseudo_core.evaluation.frame_embeddings import clock_embeddings
from finepseudo_core.evaluation.phases import (
    PROTOCOL,
    PhaseProtocol,
    evaluate_by_class,
    evaluate_phases,
    mean_over_classes,
)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="model.pt of a finished round")
    parser.add_argument("--data", type=Path, required=True, help="folder of clips")
    add_arguments(parser)
    parser.add_argument("--annotations", type=Path, help="the annotation, where it isn't in the folder")
    parser.add_argument(
        "--phases",
        type=Path,
        metavar="CSV",
        help=f"path,phase,start_frame,end_frame, paths being keys; else {PHASES} beside labels.csv, or what "
        "FineDiving tells",
    )
    parser.add_argument("--by-class", action="store_true", help="every class by itself, and their mean")
    parser.add_argument("--every-frame", action="store_true", help="embed all frames at once, as CARL does")
    parser.add_argument(
        "--trim",
        type=float,
        default=0.0,
        help="largest share cut off at either end of every clip, such as 0.3",
    )
    parser.add_argument("--strength", type=float, default=1.0, help="of the phase classifier (C)")
    parser.add_argument("--stride", type=int, default=1, help="of frames in Kendall's tau and retrieval")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON to write; phase_metrics.json beside the model")
    options = parser.parse_args()
    try:
        report = measure(
            options.model,
            Dataset(
                options.data,
                options.format,
                options.annotations,
                options.model.with_name("cuts"),
                options.least_frames,
                options.phases,
            ),
            by_class=options.by_class,
            every_frame=options.every_frame,
            trim=options.trim,
            protocol=PhaseProtocol(stride=options.stride, strength=options.strength, seed=options.seed),
        )
    except (FinePseudoError, ValueError) as error:
        sys.exit(f"{error}")
    target = options.out or options.model.with_name("phase_metrics.json")
    write_text(target, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    for key, reason in report["left_out"].items():
        sys.stderr.write(f"{key} left out: {reason}\n")
    sys.stdout.write(_table(report) + f"\n{target}\n")


def measure(
    model: Path,
    data: Dataset,
    *,
    by_class: bool = False,
    every_frame: bool = False,
    trim: float = 0.0,
    protocol: PhaseProtocol = PROTOCOL,
) -> dict[str, Any]:
    """What the command line writes: metrics of f_A and of the clock, numbers of clips, who was left out.

    Args:
        model: model file of a finished round.
        data: the clips, as `annotated_clips.read_annotated` takes them.
        by_class: evaluate each class by itself, and tell the mean over classes.
        protocol: fractions, Ks, stride and seed.

    Raises:
        CheckpointError: the model can't be read.
        DatasetError: the list or the phases can't be read, or too few clips are left.
    """
    found = embed_folder(model, data, every_frame=every_frame, trim=trim, seed=protocol.seed)
    clocks = {key: clock_embeddings(at, found.windows[key]) for key, at in found.times.items()}
    report: dict[str, Any] = {
        "model": model.name,
        "data": data.folder.resolve().name,
        "frames": "every" if every_frame else found.frames,
        "trim": trim,
        "clips": {"training": len(found.times) - len(found.held_out), "held_out": len(found.held_out)},
        "left_out": dict(sorted(found.left_out.items())),
        "metrics": {},
    }
    for name, embeddings in (("f_A", found.embeddings), ("clock", clocks)):
        clips = (embeddings, found.phases, found.held_out)
        if by_class:
            each = evaluate_by_class(*clips, found.labels, times=found.times, protocol=protocol)
            report.setdefault("by_class", {})[name] = each
            report["metrics"][name] = mean_over_classes(each)
        else:
            report["metrics"][name] = evaluate_phases(*clips, times=found.times, protocol=protocol)
    return report


def _table(report: Mapping[str, Any]) -> str:
    """The metrics, one a line, f_A beside the clock."""
    metrics = report["metrics"]
    names = list(dict.fromkeys(chain.from_iterable(metrics.values())))
    lines = [f"{'':24}" + "".join(f"{name:>10}" for name in metrics)]
    for name in names:
        cells = (f"{found[name]:10.3f}" if name in found else f"{'-':>10}" for found in metrics.values())
        lines.append(f"{name:24}" + "".join(cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
