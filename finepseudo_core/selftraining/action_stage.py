"""Training f_E with cross-entropy on labelled and pseudo-labelled clips (Eq. 6)."""

from collections.abc import Sequence

import torch
from torch.nn import functional

from finepseudo_core.datasets.clip_dataset import ActionClips, Batches
from finepseudo_core.datasets.samplers import ClassBalancedBatches
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining.optimizer import build_optimizer, take_step
from finepseudo_core.selftraining.round import Round
from finepseudo_core.selftraining.stage_cache import inputs_of


def learn_actions(round: Round, stage: str, records: Sequence[ClipRecord], epochs: int) -> None:
    """Train f_E on records that all carry a label, for `epochs` epochs of class-balanced batches."""
    config, encoder = round.config.action_encoder, round.models.action
    training = round.config.self_training
    classes = torch.tensor(round.class_numbers(records))
    weights = torch.tensor([record.weight for record in records])
    clips = ActionClips(round.store, records, config.frames, config.stride, config.size)
    draws = ClassBalancedBatches(
        classes.tolist(),
        training.batch_size,
        training.clips_per_class,
        round.progress.stream(stage),
        training.least_steps,
    )
    optimizer = build_optimizer(encoder, round.config.optimizer)
    steps = round.progress.steps(
        stage,
        epochs * draws.steps_per_epoch,
        optimizer,
        learning=encoder,
        inputs=inputs_of(records, config, *round.common_settings()),
    )
    batches = iter(round.batches(clips, Batches(draws, steps.start, steps.total)))
    encoder.train()
    for step in steps:
        clip, chosen = next(batches)  # (B, 3, T, H, W), (B,)
        with round.autocast():
            logits = encoder(clip.to(round.device))  # (B, K)
        logits = logits.float()
        target, weight = classes[chosen].to(round.device), weights[chosen].to(round.device)
        losses = functional.cross_entropy(logits, target, reduction="none")  # (B,)
        loss = (losses * weight).sum() / weight.sum()
        take_step(loss, optimizer, encoder, round.config.optimizer, step, steps.total, draws.steps_per_epoch)
        accuracy = (logits.argmax(1) == target).float().mean()
        round.progress.report(loss=loss.item(), accuracy=accuracy.item())
