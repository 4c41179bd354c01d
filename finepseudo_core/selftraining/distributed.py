"""The processes that train together: who is who, and what travels between them.

Under torchrun there are several, one per device; without it there is one, and everything here is the
identity. All of them run the same lines in the same order: a call that one leaves out keeps all waiting.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from finepseudo_core.errors import ConfigError, ProcessLost

TIMEOUT = timedelta(minutes=30)  # how long a process waits for the others before all of them end

T = TypeVar("T")


@contextmanager
def together() -> Iterator[None]:
    """Join the processes that torchrun started with this one, for a while.

    Nothing happens where there is only this one, or where they are joined already.

    Raises:
        ProcessLost: another process ended, or did not answer within TIMEOUT.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or world_size() > 1:
        yield
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, timeout=TIMEOUT)
    # a kernel of one pixel is laid out channels-first and channels-last at once
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error).lower():
            raise ProcessLost(
                f"process {rank()} of {world_size()} lost another one, or had no answer within {TIMEOUT}; "
                "that one's output says why. Start all of them again: the round goes on from its checkpoint."
            ) from error
        raise
    finally:
        dist.destroy_process_group()


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if world_size() > 1 else 0


def is_main() -> bool:
    """Whether this is the process that tells observers and writes files."""
    return rank() == 0


def device(name: str) -> torch.device:
    """This process's device for "auto", "cpu" or "cuda": under torchrun each has a GPU of its own.

    Raises:
        ValueError: "cuda" where torch finds none.
        ConfigError: fewer GPUs than processes.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda' but torch finds no CUDA device here; choose 'auto' or 'cpu'.")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    if world_size() == 1:
        return torch.device("cuda")
    place = int(os.environ.get("LOCAL_RANK", "0"))
    if place >= torch.cuda.device_count():
        raise ConfigError(
            f"process {place} of this machine has no GPU: torch finds {torch.cuda.device_count()}. "
            "Start one process per GPU, or set device to 'cpu'."
        )
    torch.cuda.set_device(place)
    return torch.device("cuda", place)


def threads() -> int:
    """Threads for this process, so that those of this machine share its cores."""
    return max(1, len(os.sched_getaffinity(0)) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def divided(rows: range, pieces: int) -> list[range]:
    """Rows in runs whose lengths differ by one at most."""
    return [rows[len(rows) * n // pieces : len(rows) * (n + 1) // pieces] for n in range(pieces)]


def shares(clips: int, parts: int = 1) -> list[range]:
    """Which rows of a batch this process works on: one run of each part that the batch is worked through in.

    Parts are cut first, then divided among the processes, so that what is one part does not depend on how
    many processes there are.

    Raises:
        ConfigError: a part has fewer clips than there are processes.
    """
    runs = []
    for part in divided(range(clips), min(parts, clips)):
        if len(part) < world_size():
            raise ConfigError(
                f"{world_size()} processes can't divide {len(part)} clips (a batch of {clips} in "
                f"{min(parts, clips)} parts); start fewer processes, lower accumulate, or raise the "
                "batch_size of pretraining or self_training."
            )
        runs.append(divided(part, world_size())[rank()])
    return runs


def gather(own: Tensor, total: int) -> Tensor:
    """Rows (n, ...) of every process's share -> those of the whole batch (total, ...), with gradient."""
    return own if world_size() == 1 else _Gather.apply(own, total)


class _Gather(torch.autograd.Function):
    """torch's own all_gather with a gradient asks for shares of one size.

    What flows back to a process is the sum of what all of them have for its rows.
    """

    @staticmethod
    def forward(ctx: Any, own: Tensor, total: int) -> Tensor:
        ctx.runs = divided(range(total), world_size())
        largest = max(map(len, ctx.runs))
        filled = functional.pad(own, (0, 0) * (own.dim() - 1) + (0, largest - len(own))).contiguous()
        found = [torch.empty_like(filled) for _ in ctx.runs]
        dist.all_gather(found, filled)
        return torch.cat([rows[: len(run)] for rows, run in zip(found, ctx.runs, strict=True)])

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor, None]:
        run = ctx.runs[rank()]
        return total(incoming)[run.start : run.stop], None


def total(own: Tensor) -> Tensor:
    """Sum over all processes, without gradient."""
    summed = own.detach().clone(memory_format=torch.contiguous_format)
    if world_size() > 1:
        dist.all_reduce(summed)
    return summed


def takes(place: int) -> bool:
    """Whether a piece of work falls to this process.

    Of each run of pieces the main process, which speaks before every one, takes the last: nobody waits.
    """
    return place % world_size() == world_size() - 1 - rank()


def in_order(own: Mapping[int, T]) -> list[T]:
    """The results of all processes, by the place of the piece of work, on each of them."""
    everything: list[Any] = [own]
    if world_size() > 1:
        everything = [None] * world_size()
        dist.all_gather_object(everything, dict(own), group=None)
    found = {place: result for part in everything for place, result in part.items()}
    return [found[place] for place in sorted(found)]


def from_main(make: Callable[[], T]) -> T:
    """What the main process makes, on every process."""
    made: list[Any] = [make() if is_main() else None]
    if world_size() > 1:
        dist.broadcast_object_list(made, src=0, device=torch.device("cpu"))
    return made[0]


def wait_for_all() -> None:
    """Return once every process has come here."""
    total(torch.zeros(1))


def averaging(step: nn.Module) -> nn.Module:
    """The module, wrapped so that its gradients become the mean over all processes."""
    if world_size() == 1:
        return step
    # batch norm sees the whole batch and f_S all pairs, so buffers agree by themselves
    return DistributedDataParallel(step, forward_sync_buffers=False)


def exchange(step: nn.Module, *, now: bool) -> AbstractContextManager[Any]:
    """Around forward and backward: whether the processes exchange the gradients that have come together."""
    return step.no_sync() if isinstance(step, DistributedDataParallel) and not now else nullcontext()
