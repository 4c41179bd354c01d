"""Training f_A's temporal part and f_S with L_AV, the alignability losses (Eq. 2-5)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from finepseudo_core.alignment.distances import pairwise_distance
from finepseudo_core.datasets.clip_dataset import Batches, PhaseClips
from finepseudo_core.datasets.samplers import ClassBalancedBatches
from finepseudo_core.encoders.alignability_encoder import AlignabilityEncoder
from finepseudo_core.losses.alignability_score import AlignabilityScoreLoss
from finepseudo_core.losses.alignment_triplet import AlignabilityTripletLoss
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining.image_features import FeatureClips, image_features
from finepseudo_core.selftraining.optimizer import build_optimizer, take_step
from finepseudo_core.selftraining.round import Round
from finepseudo_core.selftraining.stage_cache import inputs_of


def learn_alignability(round: Round, stage: str, records: Sequence[ClipRecord], epochs: int) -> None:
    """Train f_A and f_S on records that all carry a label, for `epochs` epochs of class-balanced batches.

    The image encoder is frozen: only the head, the transformer and f_S learn.
    """
    config, models, training = round.config.alignment, round.models, round.config.self_training
    encoder, score = models.alignability, models.score
    encoder.freeze_image_encoder()
    classes = torch.tensor(round.class_numbers(records))
    weights = torch.tensor([record.weight for record in records])
    draws = ClassBalancedBatches(
        classes.tolist(),
        training.batch_size,
        training.clips_per_class,
        round.progress.stream(stage),
        training.least_steps,
    )
    triplet_loss = AlignabilityTripletLoss(margin=config.margin, mining=config.mining)
    score_loss = AlignabilityScoreLoss(config.score_pairs, detach=config.detach_distance)
    learning = nn.ModuleList([encoder, score])
    optimizer = build_optimizer(learning, round.config.optimizer)
    steps = round.progress.steps(
        stage,
        epochs * draws.steps_per_epoch,
        optimizer,
        learning=learning,
        inputs=inputs_of(records, config, round.config.alignability_encoder, *round.common_settings()),
    )
    if steps.start == steps.total:
        return
    batches = iter(round.batches(_clips(round, records), Batches(draws, steps.start, steps.total)))
    encoder.train(), score.train()
    for step in steps:
        clips, chosen = next(batches)
        labels, weight = classes[chosen].to(round.device), weights[chosen].to(round.device)
        with round.autocast():
            embeddings = _embed(encoder, clips.to(round.device))  # (B, T, F)
        distances = pairwise_distance(embeddings, embeddings, config.distance, config.gamma)  # (B, B)
        triplet = triplet_loss(distances, labels, weight)
        verification = score_loss(distances, labels, score, embeddings.shape[1], weight)
        loss = config.triplet * triplet + config.score * config.score_weight * verification
        take_step(loss, optimizer, learning, round.config.optimizer, step, steps.total, draws.steps_per_epoch)
        round.progress.report(triplet=triplet.item(), score=verification.item())


def _clips(round: Round, records: Sequence[ClipRecord]) -> Dataset:
    config = round.config.alignability_encoder
    if config.feature_views:
        views = range(config.feature_views)
        features = [
            torch.stack([image_features(round, record, view) for view in views]) for record in records
        ]
        return FeatureClips(features, config.frames)
    return PhaseClips(round.store, records, config.frames, config.size)


def _embed(encoder: AlignabilityEncoder, clips: Tensor) -> Tensor:
    """Image features (B, T, C), or clips (B, 3, T, H, W), to frame embeddings (B, T, F)."""
    if clips.dim() == 3:
        return encoder.embed(clips)
    with torch.no_grad():
        features = encoder.image_features(clips)
    return encoder.embed(features)
