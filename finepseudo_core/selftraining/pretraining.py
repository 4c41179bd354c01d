"""Stage 1: self-supervised pretraining of f_A with GITDL (Eq. 9), or with CARL's objective (Table 15)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from finepseudo_core.datasets.clip_dataset import Batches, GlobalLocalPairs, TwoCrops
from finepseudo_core.datasets.samplers import ShuffledBatches
from finepseudo_core.losses.sequence_contrastive import SequenceContrastiveLoss
from finepseudo_core.losses.temporal_distinctiveness import TemporalDistinctivenessLoss
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.learner import Learner
from finepseudo_core.selftraining.round import Round
from finepseudo_core.selftraining.stage_cache import inputs_of


def pretrain(round: Round) -> None:
    """Train f_A and the projection to tell the moments of a clip apart, on every clip, without labels."""
    config, encoder, models = round.config.pretraining, round.config.alignability_encoder, round.models
    records = sorted((*round.labelled, *round.unlabelled), key=lambda record: record.key)
    without_labels = [replace(record, label=None, weight=1.0) for record in records]
    clips, criterion, counted = OBJECTIVES[config.objective](round, records)
    draws = ShuffledBatches(len(records), config.batch_size, round.progress.stream("pretraining"))
    learning = nn.ModuleList([models.alignability, models.projection])
    learner = Learner(
        PretrainingStep(round, criterion), round.config, round.device, parts=round.config.accumulate
    )
    steps = round.progress.steps(
        "pretraining",
        config.epochs * draws.steps_per_epoch,
        learner,
        learning=learning,
        inputs=inputs_of(without_labels, config.in_use(), encoder, *round.common_settings()),
    )
    batches = iter(round.batches(clips, Batches(learner.share_of(draws), steps.start, steps.total)))
    learning.train()
    for step in steps:
        batch = next(batches)  # this process's share: two views (b, 3, T, H, W) and what tells their times
        whole = distributed.total(counted(batch)).clamp_min(1).item()
        loss = torch.zeros((), device=round.device)
        for rows in learner.parts(draws.batch_size):
            part = [values[rows].to(round.device) for values in batch]
            addend = learner.step(*part) * (counted(part) / whole)
            learner.backward(addend)
            loss += addend.detach()
        learner.learn(step, steps.total, draws.steps_per_epoch)
        round.progress.report(loss=distributed.total(loss).item())


class PretrainingStep(nn.Module):
    """f_A, the projection and the objective on a part of a batch."""

    def __init__(self, round: Round, criterion: Callable[..., Tensor]) -> None:
        super().__init__()
        self.encoder, self.projection = round.models.alignability, round.models.projection
        self.criterion, self.autocast = criterion, round.autocast

    def forward(self, first: Tensor, second: Tensor, *places: Tensor) -> Tensor:
        """Two views (b, 3, T, H, W) and what tells their times -> mean loss of the clips that count."""
        with self.autocast():
            views = torch.stack([first, second], dim=1).flatten(0, 1)  # a clip's views lie side by side
            embedded = self.encoder(views)  # (2b, T, F)
            projected = self.projection(embedded.flatten(0, 1)).unflatten(0, (len(first), 2, -1))
        return self.criterion(*projected.unbind(1), *places)


Objective = tuple[Dataset, Callable[..., Tensor], Callable[[Sequence[Tensor]], Tensor]]
"""Samples, the loss of two projected views (b, T, F), and how many clips of a batch it is the mean of."""


def _gitdl(round: Round, records: Sequence[ClipRecord]) -> Objective:
    """Global and local views, told apart by the frames that they share (Eq. 9)."""
    config, encoder = round.config.pretraining, round.config.alignability_encoder
    contrast = TemporalDistinctivenessLoss(
        temperature=config.temperature, peak=config.peak, deviation=config.deviation, gaussian=config.gaussian
    )

    def criterion(
        g: Tensor, local: Tensor, in_global: Tensor, in_local: Tensor, times: Tensor, mask: Tensor
    ) -> Tensor:
        return contrast(_pick(g, in_global), _pick(local, in_local), times, mask)

    def counted(batch: Sequence[Tensor]) -> Tensor:
        return (batch[-1].sum(1) > 1).sum()

    return GlobalLocalPairs(round.store, records, encoder.frames, encoder.size), criterion, counted


def _carl(round: Round, records: Sequence[ClipRecord]) -> Objective:
    """Two random stretches of a clip, alike where they are near in time (Table 15)."""
    config, encoder = round.config.pretraining, round.config.alignability_encoder
    pairs = TwoCrops(
        round.store, records, encoder.frames, encoder.size,
        crop=config.carl.crop, overlap=config.carl.overlap,
    )  # fmt: skip
    criterion = SequenceContrastiveLoss(config.temperature, config.carl.variance)
    return pairs, criterion, lambda batch: torch.tensor(len(batch[0]))


OBJECTIVES = {"gitdl": _gitdl, "carl": _carl}


def _pick(frames: Tensor, positions: Tensor) -> Tensor:
    """Frames (B, T, F) at positions (B, K) -> (B, K, F)."""
    return frames.gather(1, positions[:, :, None].expand(-1, -1, frames.shape[-1]))
