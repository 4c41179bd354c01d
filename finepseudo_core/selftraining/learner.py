"""How a stage learns: gradients of all processes and parts of a batch, clipping, and a step of Adam."""

from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn

from finepseudo_core.config import RoundConfig
from finepseudo_core.encoders.dropout import placed
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.optimizer import build_optimizer
from finepseudo_core.selftraining.schedule import learning_rate

FIRST_SCALE = 1024.0  # of float16 gradients


class Learner:
    """What learns in a stage, with its optimizer. One step is

        for rows in learner.parts(clips):
            learner.backward(learner.step(batch[rows], ...))
        learner.learn(step, steps, steps_per_epoch)

    Args:
        step: module from a part of a batch to its loss; its parameters that need a gradient learn.
        config: optimizer and precision.
        device: where the step computes.
        parts: most parts that a batch is worked through in.

    Attributes:
        step: the same module; under torchrun its gradients become the mean over all processes.
    """

    def __init__(self, step: nn.Module, config: RoundConfig, device: torch.device, *, parts: int) -> None:
        self.config, self.most_parts, self.learning = config.optimizer, parts, step
        self.optimizer = build_optimizer(step, config.optimizer)
        # stages are short: torch's first scale, 65536, would cost L_AV a handful of overflowing steps each
        self.scaler = torch.amp.GradScaler(
            device.type, FIRST_SCALE, growth_interval=200, enabled=config.precision == "float16"
        )
        self.step = distributed.averaging(step)

    def parts(self, clips: int) -> Iterator[slice]:
        """Rows of this process's share of a batch of `clips`, one part after another; gradients add up."""
        self.optimizer.zero_grad(set_to_none=True)
        runs = distributed.shares(clips, self.most_parts)
        ends = list(accumulate(map(len, runs)))
        for run, end in zip(runs, ends, strict=True):
            with placed(run.start, run.stop, clips), distributed.exchange(self.step, now=end == ends[-1]):
                yield slice(end - len(run), end)

    def share_of(self, draws: Callable[[int], list[Any]]) -> Callable[[int], list[Any]]:
        """This process's share of every step's batch, in the order in which `parts` takes it."""

        def own(step: int) -> list[Any]:
            batch = draws(step)
            return [batch[row] for run in distributed.shares(len(batch), self.most_parts) for row in run]

        return own

    def backward(self, addend: Tensor) -> None:
        """Gradients of the sum of this over all processes and parts: the loss of the whole batch."""
        self.scaler.scale(addend * distributed.world_size()).backward()

    def learn(self, step: int, steps: int, steps_per_epoch: int) -> None:
        """Clip where asked, and one step of Adam at this step's learning rate.

        In float16 a step whose gradients overflow is left out, and the next ones are scaled less.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, step, steps, steps_per_epoch)
        if self.config.clip_norm:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.learning.parameters(), self.config.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps, whatever the number of processes."""
        return {"optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
