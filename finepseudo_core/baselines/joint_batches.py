"""Batches of labelled and unlabelled clips together: each labelled one comes with its share of the others."""

from itertools import cycle, islice
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from finepseudo_core.datasets.clip_dataset import Draw
from finepseudo_core.datasets.samplers import ShuffledBatches
from finepseudo_core.errors import DatasetError
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining.round import Round

JointDraw = tuple[Draw, tuple[Draw, ...]]


class JointClips(Dataset):
    """Samples (labelled sample, unlabelled samples stacked); collated, the latter are (B, ratio, ...)."""

    def __init__(self, labelled: Dataset, unlabelled: Dataset) -> None:
        self.labelled, self.unlabelled = labelled, unlabelled

    def __getitem__(self, draw: JointDraw) -> tuple[Any, Any]:
        known, unknown = draw
        return self.labelled[known], default_collate([self.unlabelled[one] for one in unknown])


class JointBatches:
    """step -> samples of its batch. The labelled clips are class-balanced as in f_E's own stage.

    Fewer unlabelled clips than a batch asks for are repeated.

    Args:
        stage: names the random streams.
        unlabelled: number of unlabelled clips.
        ratio: unlabelled clips per labelled one.
    """

    def __init__(self, round: Round, stage: str, unlabelled: int, ratio: int) -> None:
        self.classes = torch.tensor(round.class_numbers(round.labelled))
        self.weights = torch.tensor([record.weight for record in round.labelled])
        self.labelled = round.balanced(stage, round.labelled)
        self.steps_per_epoch, self.ratio = self.labelled.steps_per_epoch, ratio
        size = ratio * self.labelled.classes_per_batch * self.labelled.clips_per_class
        self.unlabelled = ShuffledBatches(unlabelled, size, round.progress.stream(f"{stage}, unlabelled"))

    def __call__(self, step: int) -> list[JointDraw]:
        """Samples of one step's batch."""
        unlabelled = cycle(self.unlabelled(step))
        return [(draw, tuple(islice(unlabelled, self.ratio))) for draw in self.labelled(step)]

    def importance(self, step: int) -> tuple[int, float]:
        """Number of labelled clips in a step's batch, and the sum of their weights."""
        chosen = [draw.index for draw in self.labelled(step)]
        return len(chosen), self.weights[chosen].sum().item()

    def labels(self, chosen: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
        """Class numbers and weights of labelled clips by their numbers (b,)."""
        return self.classes[chosen].to(device), self.weights[chosen].to(device)


def trainable_unlabelled(round: Round) -> tuple[ClipRecord, ...]:
    """Unlabelled clips that may train: all but those of weight 0, whose label people have turned down.

    Raises:
        DatasetError: there are none.
    """
    found = tuple(record for record in round.unlabelled if record.weight > 0)
    if not found:
        raise DatasetError(
            f"the method {round.config.method} learns from unlabelled clips, and no readable one may train; "
            "add clips without a label, or choose the method finepseudo."
        )
    return found
