"""Stage 1: self-supervised pretraining of f_A with GITDL (Eq. 9)."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from finepseudo_core.datasets.clip_dataset import Batches, GlobalLocalPairs
from finepseudo_core.datasets.samplers import ShuffledBatches
from finepseudo_core.losses.temporal_distinctiveness import TemporalDistinctivenessLoss
from finepseudo_core.selftraining.optimizer import build_optimizer, take_step
from finepseudo_core.selftraining.round import Round
from finepseudo_core.selftraining.stage_cache import inputs_of


def pretrain(round: Round) -> None:
    """Train f_A and the projection to tell the moments of a clip apart, on every clip, without labels."""
    config, encoder, models = round.config.pretraining, round.config.alignability_encoder, round.models
    records = sorted((*round.labelled, *round.unlabelled), key=lambda record: record.key)
    without_labels = [replace(record, label=None, weight=1.0) for record in records]
    clips = GlobalLocalPairs(round.store, records, encoder.frames, encoder.size)
    draws = ShuffledBatches(len(records), config.batch_size, round.progress.stream("pretraining"))
    criterion = TemporalDistinctivenessLoss(
        temperature=config.temperature, peak=config.peak, deviation=config.deviation, gaussian=config.gaussian
    )
    learning = nn.ModuleList([models.alignability, models.projection])
    optimizer = build_optimizer(learning, round.config.optimizer)
    steps = round.progress.steps(
        "pretraining",
        config.epochs * draws.steps_per_epoch,
        optimizer,
        learning=learning,
        inputs=inputs_of(without_labels, config, encoder, *round.common_settings()),
    )
    batches = iter(round.batches(clips, Batches(draws, steps.start, steps.total)))
    models.train()
    for step in steps:
        whole, local, in_whole, in_local, times, mask = (part.to(round.device) for part in next(batches))
        with round.autocast():
            embedded = models.alignability(torch.cat([whole, local]))  # (2B, T, F)
            projected = models.projection(embedded.flatten(0, 1)).view(*embedded.shape[:2], -1)
        g, l = projected.chunk(2)  # noqa: E741 - the paper's letters
        loss = criterion(_pick(g, in_whole), _pick(l, in_local), times, mask)
        take_step(loss, optimizer, learning, round.config.optimizer, step, steps.total, draws.steps_per_epoch)
        round.progress.report(loss=loss.item())


def _pick(frames: Tensor, positions: Tensor) -> Tensor:
    """Frames (B, T, F) at positions (B, K) -> (B, K, F)."""
    return frames.gather(1, positions[:, :, None].expand(-1, -1, frames.shape[-1]))
