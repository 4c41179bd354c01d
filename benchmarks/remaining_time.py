"""How far off the remaining time is that a running round shows: python -m benchmarks.remaining_time

Runs a first round and a second one that starts from it, on drawn dives, with the studio's own clock, and
compares what it said at every tenth of the round with what was really left, as a share of the whole round.
"""

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks import machine
from finepseudo_core.assignments import read_assignments
from finepseudo_core.config import METHODS, RoundConfig, preset
from finepseudo_core.datasets import synthetic_dives
from finepseudo_core.events import Event
from finepseudo_core.records import ClipRecord, RoundResult
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.remaining_time import RemainingTime
from finepseudo_core.selftraining.schedule import plan


class Listener:
    """Writes down what the clock says at every event."""

    def __init__(self, remaining: RemainingTime) -> None:
        self.remaining, self.said, self.began = remaining, [], time.monotonic()

    def __call__(self, event: Event) -> None:
        self.remaining(event)
        self.said.append((time.monotonic() - self.began, self.remaining.seconds()))

    def errors(self) -> list[tuple[float, float | None]]:
        """(share of the round that is over, error as a share of the whole round) at every tenth."""
        whole = self.said[-1][0]
        found = []
        for tenth in range(1, 10):
            at, left = [point for point in self.said if point[0] <= whole * tenth / 10][-1]
            found.append((at / whole, None if left is None else (at + left) / whole - 1))
        return found


def timed_round(
    config: RoundConfig,
    labelled: Sequence[ClipRecord],
    unlabelled: Sequence[ClipRecord],
    test: Sequence[ClipRecord],
    workspace: Path,
    earlier: RoundResult | None = None,
    expected: Mapping[str, float] | None = None,
) -> tuple[RoundResult, Listener]:
    """A round with a clock that listens; rehearsed where no earlier round tells its pace."""
    accepted = {} if earlier is None else {one.key: one.label for one in earlier.proposal.accepted}
    carried = [replace(record, label=accepted[record.key]) for record in unlabelled if record.key in accepted]
    classes = len({record.label for record in labelled})
    stages = partial(
        plan, config, len(labelled), len(unlabelled), classes, test=len(test), warm=earlier is not None
    )
    listener = Listener(
        RemainingTime(lambda known: stages(pseudo_labelled=known), len(carried) if earlier else None)
    )
    listener.remaining.expected = expected
    result = run(
        config, labelled, unlabelled, workspace, test=test, pseudo_labelled=carried,
        initial_model=earlier.model if earlier else None, rehearsed=expected is None, notify=listener,
    )  # fmt: skip
    return result, listener


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=240)
    parser.add_argument("--preset", default="cpu-demo")
    parser.add_argument("--method", choices=METHODS, default="finepseudo")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of the rounds")
    asked = parser.parse_args()
    config = preset(asked.preset).replace(read_assignments(asked.set))
    if asked.method != config.method:
        config = config.replace({"method": asked.method, "pseudo_labels.strategy": "confidence"})
    about = machine.description()
    print(f"{about['cpu']}, {about['cores']} cores, load {os.getloadavg()[0]:.1f}, commit {about['commit']}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        synthetic_dives.generate(folder / "dives", clips=asked.clips)
        with (folder / "dives" / "labels.csv").open(newline="", encoding="utf-8") as file:
            rows = [(row["path"], row["label"]) for row in csv.DictReader(file)]
        records = [ClipRecord(path, folder / "dives" / path, truth=label) for path, label in rows]
        test, training = records[::7], [record for place, record in enumerate(records) if place % 7]
        seen: dict[str, int] = {}
        labelled, unlabelled = [], []
        for record in training:
            seen[str(record.truth)] = seen.get(str(record.truth), 0) + 1
            known = seen[str(record.truth)] <= 2
            (labelled if known else unlabelled).append(replace(record, label=record.truth if known else None))
        first, cold = timed_round(config, labelled, unlabelled, test, folder / "1")
        paces = cold.remaining.measured()
        _, warm = timed_round(config, labelled, unlabelled, test, folder / "2", first, paces)
    print("| round | seconds | " + " | ".join(f"{tenth} %" for tenth in range(10, 100, 10)) + " |")
    print("|---|---|" + "---|" * 9)
    for name, listener in (("first", cold), ("second", warm)):
        cells = ("nothing" if error is None else f"{error:+.0%}" for _, error in listener.errors())
        print(f"| {name} | {listener.said[-1][0]:.0f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
