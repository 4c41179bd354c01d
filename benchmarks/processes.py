"""Time of a step of every stage: `python -m benchmarks.processes`, or under torchrun with several processes.

Prints, for the main process, the median over the steps of a stage: seconds on the wall and of CPU. On a
machine that others use too, only the second says anything. One thread per process.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import torch

from finepseudo_core.config import preset
from finepseudo_core.datasets import synthetic_dives
from finepseudo_core.datasets.dataset import Dataset
from finepseudo_core.events import Event, StageStarted, StepDone
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.__main__ import read_clips
from finepseudo_core.selftraining.algorithm import run

CONFIG = preset("cpu-demo").replace({
    "device": "cpu",
    "pretraining.epochs": 2,
    "self_training.alignability_epochs": 12,
    "self_training.action_epochs": 6,
    "self_training.clips_per_class": 12,
    "self_training.iterations": 0,
})  # fmt: skip


class Stopwatch:
    """Observer that keeps when every step ended, on the wall and on the CPU."""

    def __init__(self) -> None:
        self.times: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def __call__(self, event: Event) -> None:
        """Note the time."""
        if isinstance(event, StageStarted | StepDone):
            self.times[event.stage].append((time.perf_counter(), time.process_time()))

    def report(self) -> None:
        """Print a line per learning stage; its first step, which warms up, is left out."""
        for stage in ("pretraining", "alignability", "action"):
            times = self.times[stage][1:]
            steps = [
                (later[0] - sooner[0], later[1] - sooner[1])
                for sooner, later in zip(times, times[1:], strict=False)
            ]
            wall, cpu = (median(step[place] for step in steps) for place in range(2))
            print(f"{distributed.world_size()} | {stage} | {wall:.3f} s | {cpu:.3f} s")


def main() -> None:
    """Draw clips once, run a small round, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, default=Path("build/benchmarks/dives"))
    clips = parser.parse_args().clips
    torch.set_num_threads(1)
    with distributed.together():
        if distributed.is_main() and not (clips / "labels.csv").exists():
            synthetic_dives.generate(clips, clips=60, classes=4, size=64, seed=1)
        distributed.wait_for_all()
        labelled, unlabelled, _ = read_clips(Dataset(clips), 0.2, seed=0)
        workspace = Path(distributed.from_main(lambda: tempfile.mkdtemp()))
        watch = Stopwatch()
        run(CONFIG, labelled, unlabelled, workspace, notify=watch)
        if distributed.is_main():
            watch.report()


if __name__ == "__main__":
    main()
