"""A round at full size: what each stage does per second, what it waits for, and a plain loop beside it.

`python -m benchmarks.full_size` draws synthetic dives, runs a short round of a preset on them and prints for
every stage: clips per second, the share of its time spent waiting for frames (reading, cropping, augmenting),
copying batches to the device and computing, how busy the GPU was, and the peak of memory. The stage `frames`
decodes all clips, and does nothing else. Beside it stands a plain PyTorch loop over
the same encoder on tensors that lie on the device already: what no pipeline can beat. One call does
everything, on a GPU with `--preset paper --dives 2000 --workers 14`.
"""

import argparse
import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from benchmarks import machine
from finepseudo_core.assignments import read_assignments
from finepseudo_core.config import RoundConfig, preset
from finepseudo_core.datasets import synthetic_dives
from finepseudo_core.datasets.dataset import Dataset
from finepseudo_core.encoders.action_encoder import ActionEncoder
from finepseudo_core.events import Event, PseudoLabelsProposed, RoundFinished, StageStarted, StepDone
from finepseudo_core.selftraining import round as rounds
from finepseudo_core.selftraining.__main__ import read_clips
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.schedule import PROPOSAL_CHUNK

RESULTS = Path(__file__).parent / "results" / "full_size.json"
WARM_UP = 3  # steps of a stage that are not counted: first allocations, tuning, worker processes


@dataclass
class Stage:
    """What was seen of one stage, in seconds, without its first steps."""

    steps: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    copied: float = 0.0
    batch: int = 0
    busy: list[float] = field(default_factory=list)  # GPU utilisation in percent
    peak_bytes: int = 0


class Watch:
    """Observer of a round that times its stages."""

    def __init__(self, cuda: bool) -> None:
        self.cuda, self.current = cuda, Stage()
        self.stages: dict[str, Stage] = {}
        self.outcome: dict[str, float] = {}
        self.began = time.perf_counter()

    def __call__(self, event: Event) -> None:
        """Note the end of steps and stages."""
        match event:
            case StageStarted():
                self._end_stage()
                self.current = self.stages.setdefault(event.stage, Stage(batch=_clips_per_step(event.stage)))
                self.began = time.perf_counter()
                if self.cuda:
                    torch.cuda.reset_peak_memory_stats()
            case StepDone():
                self._end_step(event.step)
            case PseudoLabelsProposed():
                self.outcome = dict(event.metrics)
            case RoundFinished():
                self._end_stage()
                self.outcome = dict(event.result.metrics)

    def _end_step(self, step: int) -> None:
        if self.cuda:
            torch.cuda.synchronize()
        now = time.perf_counter()
        if step > WARM_UP:
            self.current.seconds += now - self.began
            self.current.steps += 1
        else:
            self.current.waited = self.current.copied = 0.0
        self.began = now

    def _end_stage(self) -> None:
        if self.cuda:
            self.current.peak_bytes = torch.cuda.max_memory_allocated()


def _clips_per_step(stage: str) -> int:
    """Of a stage that only looks; one that learns has batches, which tell their size."""
    return 1 if stage == "frames" else PROPOSAL_CHUNK


@contextmanager
def timed_looks(watch: Watch) -> Iterator[None]:
    """Time what a stage that only looks waits for its clips; where one learns, `timed_batches` knows."""
    ahead = rounds.Round.ahead

    def timed(self: rounds.Round, dataset: Any) -> Iterator[Any]:
        samples = ahead(self, dataset)
        while True:
            start = time.perf_counter()
            sample = next(samples, None)
            watch.current.waited += time.perf_counter() - start
            if sample is None:
                return
            yield sample

    rounds.Round.ahead = timed  # type: ignore[method-assign]
    try:
        yield
    finally:
        rounds.Round.ahead = ahead  # type: ignore[method-assign]


@contextmanager
def timed_batches(watch: Watch) -> Iterator[None]:
    """Time what a stage waits for its batches, and what copying them to the device takes."""
    batches = rounds.Round.batches

    class Timed:
        def __init__(self, loader: Any, device: torch.device) -> None:
            self.loader, self.device = loader, device

        def __iter__(self) -> Iterator[Any]:
            found = iter(self.loader)
            while True:
                start = time.perf_counter()
                try:
                    batch = next(found)
                except StopIteration:
                    return
                watch.current.waited += time.perf_counter() - start
                watch.current.batch = len(batch[0])
                yield self._copied(batch)

        def _copied(self, batch: Any) -> Any:
            if not watch.cuda:
                return batch
            torch.cuda.synchronize()
            start = time.perf_counter()
            moved = [part.to(self.device) if part.is_floating_point() else part for part in batch]
            torch.cuda.synchronize()
            watch.current.copied += time.perf_counter() - start
            return moved

    def timed(self: rounds.Round, dataset: Any, draws: Any) -> Any:
        return Timed(batches(self, dataset, draws), self.device)

    rounds.Round.batches = timed  # type: ignore[method-assign]
    try:
        yield
    finally:
        rounds.Round.batches = batches  # type: ignore[method-assign]


@contextmanager
def gpu_sampled(watch: Watch, every: float = 0.2) -> Iterator[None]:
    """Ask nvidia-smi how busy the GPU is, as long as the block runs; nothing where there is none."""
    ended = threading.Event()

    def sample() -> None:
        query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while not ended.wait(every):
            told = subprocess.run(query, capture_output=True, text=True, check=False).stdout.split()
            if told and told[0].isdigit():
                watch.current.busy.append(float(told[0]))

    thread = threading.Thread(target=sample, daemon=True)
    if watch.cuda and shutil.which("nvidia-smi"):
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if thread.is_alive():
            thread.join()


def plain_loop(config: RoundConfig, classes: int, device: torch.device, steps: int = 12) -> dict[str, float]:
    """f_E's forward, backward and Adam on one batch of random clips that stays on the device."""
    shape, training = config.action_encoder, config.self_training
    per_batch = max(2, min(classes, training.batch_size // training.clips_per_class))
    clips = per_batch * training.clips_per_class
    network = ActionEncoder(shape, classes).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    batch = torch.randn(clips, 3, shape.frames, shape.size, shape.size, device=device)
    target = torch.randint(classes, (clips,), device=device)
    precision = getattr(torch, config.precision)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            logits = network(batch)
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(logits.float(), target).backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    fastest = sorted(times[WARM_UP:])[: max(1, (steps - WARM_UP) // 2)]
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else 0
    return {"clips_per_second": clips * len(fastest) / sum(fastest), "peak_bytes": peak}


def described(name: str, stage: Stage) -> dict[str, float | None]:
    """Figures of a stage."""
    waited = stage.seconds if name == "frames" else stage.waited
    computing = max(0.0, stage.seconds - waited - stage.copied)
    shares = {"waiting": waited, "copying": stage.copied, "computing": computing}
    return {
        "steps": stage.steps,
        "clips_per_second": stage.steps * stage.batch / stage.seconds if stage.seconds else None,
        **{name: value / stage.seconds if stage.seconds else None for name, value in shares.items()},
        "gpu_busy": sum(stage.busy) / len(stage.busy) / 100 if stage.busy else None,
        "peak_bytes": stage.peak_bytes or None,
    }


def table(report: dict[str, Any]) -> str:
    """The report, a line per stage."""
    names = ("clips_per_second", "waiting", "copying", "computing", "gpu_busy", "peak_bytes")
    lines = [f"{'':16}" + "".join(f"{name:>18}" for name in names)]
    for stage, found in {**report["stages"], "plain f_E loop": report["plain"]}.items():
        cells = (found.get(name) for name in names)
        lines.append(f"{stage:16}" + "".join(f"{'-':>18}" if c is None else f"{c:18.3g}" for c in cells))
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="cpu-demo")
    parser.add_argument("--data", type=Path, help="folder with labels.csv; synthetic dives by default")
    parser.add_argument("--dives", type=int, default=96)
    parser.add_argument("--classes", type=int, default=6)
    parser.add_argument("--share", type=float, default=0.25, help="of the labels that are trained on")
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare batches")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="further settings")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    config = preset(options.preset).replace({
        "pretraining.epochs": 2,
        "self_training.alignability_epochs": 4,
        "self_training.action_epochs": 4,
        "self_training.iterations": 1,
        "loader_workers": options.workers,
        **read_assignments(options.set),
    })  # fmt: skip
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    watch = Watch(device.type == "cuda")
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.data or Path(scratch) / "dives"
        if options.data is None:
            synthetic_dives.generate(
                folder, clips=options.dives, classes=options.classes, processes=max(2, options.workers)
            )
        clips = read_clips(Dataset(folder), options.share, config.seed)
        start = time.perf_counter()
        with timed_batches(watch), timed_looks(watch), gpu_sampled(watch):
            run(config, *clips[:2], Path(scratch) / "round", test=clips[2], notify=watch)
        classes = len({record.label for record in clips[0]})
        seconds, plain = time.perf_counter() - start, plain_loop(config, classes, device)
    report = {
        "machine": machine.description(),
        "preset": options.preset,
        "clips": [len(part) for part in clips],
        "seconds": seconds,
        "stages": {name: described(name, stage) for name, stage in watch.stages.items()},
        "plain": plain,
        "metrics": watch.outcome,
    }
    print(table(report))
    print(f"whole round: {seconds:.0f} s; " + ", ".join(f"{k} {v:.3g}" for k, v in watch.outcome.items()))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
