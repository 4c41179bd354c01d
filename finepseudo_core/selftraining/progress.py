"""Where a round is: walks its stages step by step, saves them, and takes up where a crash left off."""

import math
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from finepseudo_core.errors import CheckpointError, Stopped, TrainingError
from finepseudo_core.events import CheckpointSaved, Notify, ShouldStop, StageStarted, StepDone
from finepseudo_core.selftraining import checkpoint, distributed
from finepseudo_core.selftraining.stage_cache import StageCache


class Resumable(Protocol):
    """What a checkpoint holds besides the networks: an optimizer, or a learner with its own."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any: ...


class Progress:
    """Steps of a round, resumable between any two of them, by any number of processes.

    Randomness never needs saving: each step seeds torch from (seed, stage, step), and batches and
    augmentations are functions of the same numbers.

    Args:
        path: checkpoint file; an existing one is taken up.
        identity: plain values that tell this round from others; a checkpoint of another one is refused.
        networks: everything that learns, by name.
        seed: seed of the round.
        seconds: longest time between two checkpoints.
        cache: where stages that other rounds have learnt are looked up; none by default.

    Raises:
        CheckpointError: the file is damaged or belongs to another round.
    """

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, Any],
        networks: nn.Module,
        *,
        seed: int,
        device: str,
        seconds: float,
        notify: Notify,
        should_stop: ShouldStop,
        cache: StageCache | None = None,
    ) -> None:
        self.cache = cache
        self.path, self.identity, self.networks = path, dict(identity), networks
        self.seed, self.device, self.seconds = seed, device, seconds
        self.notify, self.should_stop = notify, should_stop
        self.finished: list[str] = []
        self.notes: dict[str, Any] = {}
        self._values: dict[str, float] = {}
        self._pending: dict[str, Any] | None = None
        self._saved_at = time.monotonic()
        if distributed.from_main(path.is_file):
            self._take_up(checkpoint.load(path))
        distributed.wait_for_all()  # nobody saves while another still reads

    def stream(self, stage: str) -> tuple[int, int]:
        """Numbers that name the random stream of a stage."""
        return self.seed, zlib.crc32(stage.encode())

    def steps(
        self,
        stage: str,
        total: int,
        optimizer: Resumable | None = None,
        *,
        resumable: bool = True,
        learning: nn.Module | None = None,
        inputs: Any = None,
    ) -> "StageSteps":
        """The steps of a stage that are still to be done; none where the stage is behind us.

        Args:
            resumable: False for a stage whose steps build on each other in memory: it starts anew.
            learning: what the stage changes, where it learns; taken from the cache if it is there.
            inputs: what else the stage depends on besides the seed, by `inputs_of`.
        """
        steps = StageSteps(self, stage, total, optimizer, resumable)
        if self.cache is not None and learning is not None and steps.start == 0 < total:
            steps.look_up(self.cache, learning, inputs)
        return steps

    def has_begun(self, stage: str) -> bool:
        """Whether the stage is behind us, or the checkpoint was taken in it."""
        return stage in self.finished or (self._pending is not None and self._pending["stage"] == stage)

    def look(self, stage: str, total: int) -> Iterator[int]:
        """Steps that prepare something in memory: observers hear of them, a resume does them anew."""
        if total:
            self.notify(StageStarted(stage, total, self.device))
        for step in range(total):
            self.check_stop(stage)
            yield step
            self.notify(StepDone(stage, step + 1, total, {}))

    def check_stop(self, stage: str) -> None:
        """Leave where there is nothing to save.

        Raises:
            Stopped: the round is to stop.
        """
        if distributed.from_main(self.should_stop):
            raise Stopped(f"stopped during {stage}; resume to go on.")

    def report(self, **values: float) -> None:
        """Losses and shares of the current step.

        Raises:
            TrainingError: a value is not finite.
        """
        for name, value in values.items():
            if not math.isfinite(value):
                raise TrainingError(
                    f"{name} became {value}; lower optimizer.learning_rate or "
                    "set optimizer.clip_norm, then start the round again."
                )
        self._values = values

    def save(self, stage: str, step: int, optimizer: Resumable | None) -> None:
        """Write a checkpoint whose next step is `step` of `stage`; only the main process does."""
        if not distributed.is_main():
            return
        content = {
            "identity": self.identity,
            "networks": self.networks.state_dict(),
            "finished": list(self.finished),
            "notes": self.notes,
            "stage": stage,
            "step": step,
            "optimizer": None if optimizer is None else optimizer.state_dict(),
        }
        digest = checkpoint.save(content, self.path)
        self._saved_at = time.monotonic()
        self.notify(CheckpointSaved(stage, step, self.path, digest))

    def _take_up(self, content: dict[str, Any]) -> None:
        if content["identity"] != self.identity:
            raise CheckpointError(
                f"{self.path} belongs to a round with another configuration or other clips; "
                "use an empty workspace, or delete the file."
            )
        self.networks.load_state_dict(content["networks"])
        self.finished, self.notes = content["finished"], content["notes"]
        if content["stage"] not in self.finished:
            self._pending = content


class StageSteps:
    """Iterator over the steps of one stage: seeds each, reports it, saves now and then."""

    def __init__(
        self, progress: Progress, stage: str, total: int, optimizer: Resumable | None, resumable: bool
    ) -> None:
        self.progress, self.stage, self.total = progress, stage, total
        self.optimizer, self.resumable = optimizer, resumable
        self.at_end: Callable[[], None] = lambda: None
        self.start = total if stage in progress.finished else 0
        pending = progress._pending
        if pending is not None and pending["stage"] == stage and resumable:
            self.start = pending["step"]
            if optimizer is not None:
                optimizer.load_state_dict(pending["optimizer"])
            progress._pending = None

    def look_up(self, cache: StageCache, learning: nn.Module, inputs: Any) -> None:
        """Take what the stage learns from the cache, or else put it there at the end."""
        progress = self.progress
        key = cache.key(self.stage, progress.seed, self.total, learning, inputs)
        if distributed.from_main(lambda: cache.knows(key)):
            cache.fetch(key, learning)
            self.start = self.total
            progress.finished.append(self.stage)
            progress.notify(StageStarted(self.stage, self.total, progress.device, self.total))
        elif distributed.is_main():
            self.at_end = lambda: cache.keep(key, learning)

    def __iter__(self) -> Iterator[int]:
        progress = self.progress
        if self.stage in progress.finished:
            return
        progress.notify(StageStarted(self.stage, self.total, progress.device, self.start))
        for step in range(self.start, self.total):
            if distributed.from_main(progress.should_stop):
                progress.save(self.stage, step, self.optimizer)
                distributed.wait_for_all()  # torchrun ends all once one has ended
                raise Stopped(f"stopped at step {step} of {self.stage}; resume to go on from there.")
            torch.manual_seed(zlib.crc32(repr((progress.seed, self.stage, step)).encode()))
            progress._values = {}
            yield step
            progress.notify(StepDone(self.stage, step + 1, self.total, progress._values))
            due = time.monotonic() - progress._saved_at >= progress.seconds
            if due and self.resumable and step + 1 < self.total:
                progress.save(self.stage, step + 1, self.optimizer)
        self.at_end()
        progress.finished.append(self.stage)
        progress.save(self.stage, self.total, self.optimizer)
