"""What collaborative pseudo-labels are worth on the demo's dives, next to those by f_E's confidence alone.

`python -m benchmarks.pseudo_labels --seeds 0 1 2` draws the dives, trains a round per seed (labels and
training both drawn by it) and prints, for the last pass: labels accepted at the threshold, their precision,
precision at equal count, and test top-1 of f_E, of f_A, and of both. The figures go to
benchmarks/results/pseudo_labels.json.
"""

import argparse
import csv
import json
import random
import tempfile
import time
from pathlib import Path

import numpy as np

from finepseudo_core.config import preset
from finepseudo_core.datasets import synthetic_dives
from finepseudo_core.events import Event, PseudoLabelsProposed
from finepseudo_core.pseudo_labels.acceptance import precision_at
from finepseudo_core.records import ClipRecord, PseudoLabel
from finepseudo_core.selftraining.algorithm import run

RESULTS = Path(__file__).parent / "results" / "pseudo_labels.json"


def divide(
    folder: Path, share: float, seed: int
) -> tuple[list[ClipRecord], list[ClipRecord], list[ClipRecord]]:
    """Labelled, unlabelled and test records; labels are drawn per class by the seed, at least two."""
    chance, by_class, test = random.Random(seed), {}, []
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            record = ClipRecord(row["path"], folder / row["path"], truth=row["label"])
            if row["split"] == "test":
                test.append(record)
            else:
                by_class.setdefault(row["label"], []).append(record)
    labelled, unlabelled = [], []
    for label, records in sorted(by_class.items()):
        chance.shuffle(records)
        count = max(2, round(share * len(records)))
        labelled += [ClipRecord(record.key, record.path, label=label) for record in records[:count]]
        unlabelled += records[count:]
    return labelled, unlabelled, test


def measure(folder: Path, share: float, seed: int) -> dict[str, float]:
    """One round: counts, precisions, accuracies and seconds."""
    labelled, unlabelled, test = divide(folder, share, seed)
    first: list[float] = []

    def watch(event: Event) -> None:
        if isinstance(event, PseudoLabelsProposed):
            first.append(time.monotonic() - started)

    started = time.monotonic()
    with tempfile.TemporaryDirectory() as workspace:
        config = preset("cpu-demo").replace({"seed": seed})
        result = run(config, labelled, unlabelled, Path(workspace), test=test, notify=watch)
    truths = {record.key: record.truth for record in unlabelled}
    rows, classes = result.proposal.pseudo_labels, result.proposal.classes
    truth = np.array([classes.index(str(truths[row.key])) for row in rows])
    confident, collaborative = _strategy(rows, "action"), _strategy(rows, "combined")
    threshold = config.pseudo_labels.threshold
    kept, taken = confident[1] > threshold, collaborative[1] > threshold
    count = max(1, int(min(kept.sum(), taken.sum())))
    return {
        "seed": seed,
        "first_proposal_s": first[0],
        "round_s": time.monotonic() - started,
        "confidence_count": int(kept.sum()),
        "confidence_precision": float((confident[0] == truth)[kept].mean()) if kept.any() else float("nan"),
        "collaborative_count": int(taken.sum()),
        "collaborative_precision": float((collaborative[0] == truth)[taken].mean())
        if taken.any()
        else float("nan"),
        "equal_count": count,
        "confidence_at_equal_count": precision_at(*confident, truth, count),
        "collaborative_at_equal_count": precision_at(*collaborative, truth, count),
        **{name: value for name, value in result.metrics.items() if name.startswith(("accuracy", "test"))},
    }


def _strategy(rows: tuple[PseudoLabel, ...], by: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N,) and confidences (N,) by the action encoder alone, or by both."""
    arrays = [row.action_probabilities if by == "action" else row.probabilities for row in rows]
    probabilities = np.stack(arrays)
    return probabilities.argmax(1), probabilities.max(1)


def main() -> None:
    """Run the seeds, print the table, keep the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--share", type=float, default=0.1, help="share of training clips that is labelled")
    parser.add_argument("--folder", type=Path, help="dives drawn earlier; drawn anew where absent")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        if not (folder / "labels.csv").exists():
            synthetic_dives.generate(folder)
        results = []
        for seed in options.seeds:
            results.append(measure(folder, options.share, seed))
            print({name: round(value, 3) for name, value in results[-1].items()}, flush=True)
    names = [name for name in results[0] if name != "seed"]
    for name in names:
        values = np.array([result[name] for result in results])
        print(f"{name:32s} mean {values.mean():8.3f}   spread {values.std():.3f}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"share": options.share, "runs": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
