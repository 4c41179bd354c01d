"""Tasks that several real processes do together over gloo: `python -m ...processes TASK FOLDER`."""

import os
import pickle
import socket
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from finepseudo_core.config import RoundConfig
from finepseudo_core.encoders.dropout import TransformerLayer
from finepseudo_core.errors import ConfigError, Stopped
from finepseudo_core.events import Event, PseudoLabelsProposed, StepDone
from finepseudo_core.selftraining import distributed, image_features
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.batch_norm import see_whole_batch
from finepseudo_core.selftraining.learner import Learner
from tests.finepseudo_core.selftraining.tiny import listed_clips, tiny_config

BATCH = 7  # two processes get three and four
CONFIG = tiny_config(
    pretraining__batch_size=BATCH,
    pretraining__epochs=1,
    self_training__clips_per_class=3,
    self_training__batch_size=9,
    self_training__alignability_epochs=1,
    self_training__action_epochs=1,
    pseudo_labels__threshold=0.0,
    checkpoint_seconds=1000.0,
)
UNTRAINED = CONFIG.replace({
    "pretraining.epochs": 0,
    "self_training.alignability_epochs": 0,
    "self_training.action_epochs": 0,
    "self_training.iterations": 0,
    "pseudo_labels.strategy": "uncertainty",
})  # fmt: skip


BASELINES = {
    method: CONFIG.replace({
        "method": method,
        "pseudo_labels.strategy": "confidence",
        "fixmatch.unlabelled_ratio": 2,
        "fixmatch.threshold": 0.2,
        "timebalance.moments": 3,
    })
    for method in ("fixmatch", "timebalance")
}  # fmt: skip


def start(task: str, folder: Path, world: int = 2, seconds: float = 150) -> list[tuple[int, str]]:
    """Exit code and standard error of every process, in the order of their ranks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(world)}
    command = [sys.executable, "-m", "tests.finepseudo_core.selftraining.processes", task, str(folder)]
    started = [
        subprocess.Popen(
            command,
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(world)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]
    deadline = time.monotonic() + seconds
    try:
        errors = [process.communicate(timeout=deadline - time.monotonic())[1] for process in started]
    finally:
        for process in started:
            process.kill()
    return [(process.returncode, error) for process, error in zip(started, errors, strict=True)]


def everything(folder: Path) -> None:
    """The small pieces, then rounds: one from the start, one resumed, one left behind to be resumed."""
    torch.save(pieces(), folder / f"pieces-{distributed.rank()}.pt")
    rounds = {
        "untrained": whole_round(folder, "two-untrained", UNTRAINED),
        "whole": whole_round(folder, "two"),
        "resumed": whole_round(folder, "one-then-two"),
    }
    stopped_round(folder, "two-then-one")
    for method, config in BASELINES.items():
        rounds[method] = whole_round(folder, f"two-{method}", config)
    torch.save(rounds, folder / f"rounds-{distributed.rank()}.pt")


def whole_round(folder: Path, name: str, config: RoundConfig = CONFIG) -> dict[str, object]:
    """Losses by stage and step, the last pass, metrics and checksum of a round, or of what is left of it."""
    labelled, unlabelled, test = listed_clips(folder / "dives")
    events: list[Event] = []
    with mock.patch.object(image_features, "PROPOSAL_CHUNK", 5):  # so that each process gets some
        result = run(config, labelled, unlabelled, folder / name, test=test, notify=events.append)
    passes = [event.proposal for event in events if isinstance(event, PseudoLabelsProposed)]
    return {
        "losses": {(event.stage, event.step): dict(event.values) for event in events if is_step(event)},
        "labels": [[(label.key, label.label, label.accepted) for label in p.pseudo_labels] for p in passes],
        "probabilities": np.stack([label.probabilities for label in result.proposal.pseudo_labels]),
        "evidence": [pickle.dumps(label) for label in result.proposal.pseudo_labels],
        "embeddings": [np.load(path) for name, path in result.embeddings.items() if name != "keys"],
        "metrics": dict(result.metrics),
        "sha256": result.model_sha256,
        "events": len(events),
    }


def stopped_round(folder: Path, name: str) -> None:
    """A round that is stopped after the second step of L_AV; only the main process is told to."""
    labelled, unlabelled, test = listed_clips(folder / "dives")
    seen: list[Event] = []
    try:
        run(
            CONFIG, labelled, unlabelled, folder / name, test=test, notify=seen.append,
            should_stop=lambda: any(is_step(e) and (e.stage, e.step) == ("alignability", 1) for e in seen),
        )  # fmt: skip
    except Stopped:
        return
    raise AssertionError("the round was not stopped")


def is_step(event: Event) -> bool:
    return isinstance(event, StepDone) and event.stage != "frames"


def pieces() -> dict[str, object]:
    """What one process sees of a small network on a batch that all of them share."""
    generator = torch.Generator().manual_seed(0)
    batch = torch.randn(BATCH, 6, 8, generator=generator, dtype=torch.float64)
    (rows,) = distributed.shares(BATCH)
    try:
        distributed.shares(BATCH, parts=BATCH)
        refused = ""
    except ConfigError as error:
        refused = str(error)
    return {
        "rows": rows,
        "parts": distributed.shares(BATCH, parts=2),
        "refused": refused,
        "takes": [place for place in range(5) if distributed.takes(place)],
        "order": distributed.in_order({place: place**2 for place in range(5) if distributed.takes(place)}),
        "from_main": distributed.from_main(lambda: ("main", distributed.rank())),
        "gather": gathered(batch, rows),
        "network": learnt(batch, rows),
    }


def gathered(batch: Tensor, rows: range) -> dict[str, Tensor]:
    """The batch put together, and the gradient beside finite differences of the sum over all processes."""
    batch = batch[:, 0]

    def addend(own: Tensor) -> Tensor:
        return torch.sin(distributed.gather(own, BATCH) @ batch.T).sum() * (1 + distributed.rank())

    own = batch[rows.start : rows.stop].clone().requires_grad_()
    addend(own).backward()
    numeric, size = torch.zeros_like(batch), 1e-6
    for place in range(batch.numel()):
        moved = []
        for sign in (1, -1):
            other = batch.clone()
            other.view(-1)[place] += sign * size
            moved.append(distributed.total(addend(other[rows.start : rows.stop])))
        numeric.view(-1)[place] = (moved[0] - moved[1]) / (2 * size)
    return {
        "whole": distributed.gather(own, BATCH).detach(),
        "gradient": own.grad,
        "numeric": numeric[rows.start : rows.stop],
    }


class Network(nn.Module):
    """Attention with dropout, batch norm, and a loss over all pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = TransformerLayer(8, 2, 16, dropout=0.3), nn.BatchNorm1d(8)

    def forward(self, own: Tensor) -> tuple[Tensor, Tensor]:
        """Batch share (b, T, 8) -> loss of the whole batch, own embeddings (b, 8, T)."""
        embeddings = self.norm(self.layer(own).transpose(1, 2))
        whole = distributed.gather(embeddings, BATCH).flatten(1)
        return torch.sin(whole @ whole.T).sum(), embeddings


def learnt(batch: Tensor, rows: range) -> dict[str, Tensor]:
    """Embeddings, gradients and running estimates of one step, and the parameters after it."""
    torch.manual_seed(1)
    network = see_whole_batch(Network().double(), torch.device("cpu"))
    learner = Learner(network, tiny_config(), torch.device("cpu"), parts=1)
    for own in learner.parts(BATCH):
        loss, embeddings = learner.step(batch[rows.start : rows.stop][own])
        learner.backward(loss / distributed.world_size())
    gradients = {f"gradient of {name}": value.grad for name, value in network.named_parameters()}
    learner.learn(0, 2, 2)
    whole = distributed.gather(embeddings.detach(), BATCH)
    return {"loss": loss.detach(), "embeddings": whole, **gradients, **network.state_dict()}


def fails(folder: Path) -> None:
    """The second process has an error while the first waits for it."""
    if distributed.rank() == 1:
        raise ValueError("the second process had an error of its own")
    distributed.wait_for_all()


TASKS = {"everything": everything, "fails": fails}

if __name__ == "__main__":
    torch.set_num_threads(1)
    with distributed.together():
        TASKS[sys.argv[1]](Path(sys.argv[2]))
