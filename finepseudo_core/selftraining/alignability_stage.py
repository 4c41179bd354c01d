"""Training f_A's temporal part and f_S with L_AV, the alignability losses (Eq. 2-5)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import Dataset

from finepseudo_core.alignment.distances import pairwise_distance
from finepseudo_core.datasets.clip_dataset import Batches, PhaseClips
from finepseudo_core.encoders.dropout import placed
from finepseudo_core.losses.alignability_score import AlignabilityScoreLoss
from finepseudo_core.losses.alignment_triplet import AlignabilityTripletLoss
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.image_features import FeatureClips, features_of_views
from finepseudo_core.selftraining.learner import Learner
from finepseudo_core.selftraining.round import Round
from finepseudo_core.selftraining.stage_cache import inputs_of


def learn_alignability(round: Round, stage: str, records: Sequence[ClipRecord], epochs: int) -> None:
    """Train f_A and f_S on records that all carry a label, for `epochs` epochs of class-balanced batches.

    The image encoder is frozen: only the head, the transformer and f_S learn.
    """
    config = round.config.alignment
    round.models.alignability.freeze_image_encoder()
    classes = torch.tensor(round.class_numbers(records))
    weights = torch.tensor([record.weight for record in records])
    draws = round.balanced(stage, records)
    learning = nn.ModuleList([round.models.alignability, round.models.score])
    learner = Learner(AlignabilityStep(round), round.config, round.device, parts=1)
    steps = round.progress.steps(
        stage,
        epochs * draws.steps_per_epoch,
        learner,
        learning=learning,
        inputs=inputs_of(
            records, config, round.config.alignability_encoder, *round.common_settings(), *draws.reserves
        ),
    )
    if steps.start == steps.total:
        return
    batches = iter(
        round.batches(
            _clips(round, stage, records), Batches(learner.share_of(draws), steps.start, steps.total)
        )
    )
    learning.train()
    for step in steps:
        clips, _ = next(batches)  # this process's share of the batch
        whole = [draw.index for draw in draws(step)]
        labels, weight = classes[whole].to(round.device), weights[whole].to(round.device)
        for _ in learner.parts(len(whole)):  # one: the losses compare all clips, see AlignabilityStep
            loss, triplet, verification = learner.step(_image_features(round, clips), labels, weight)
            learner.backward(loss / distributed.world_size())  # every process has the whole of it
        learner.learn(step, steps.total, draws.steps_per_epoch)
        round.progress.report(triplet=triplet.item(), score=verification.item())


class AlignabilityStep(nn.Module):
    """L_AV of a whole batch: every process embeds its share, and all of them judge every pair.

    Where a batch is worked through in parts, all are embedded first, then comes the loss, then its gradient
    goes back through one part after another, embedded again: GradCache (Gao et al., 2021), by torch's
    checkpointing. The result is that of the whole batch at once.
    """

    def __init__(self, round: Round) -> None:
        super().__init__()
        self.config, self.parts, self.autocast = (
            round.config.alignment,
            round.config.accumulate,
            round.autocast,
        )
        self.encoder, self.score = round.models.alignability, round.models.score
        own = self.config
        self.triplet_loss = AlignabilityTripletLoss(own.margin, own.mining, own.triplet_mean)
        self.score_loss = AlignabilityScoreLoss(
            own.score_pairs, detach=own.detach_distance, balanced=own.balance_pairs
        )

    def forward(self, features: Tensor, labels: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Image features (b, T, C) of the share, classes (B,), weights (B,) of all -> L_AV, L_AT, L_score."""
        config = self.config
        with self.autocast():
            own = self._embed(features, len(labels))
        embeddings = distributed.gather(own, len(labels))  # (B, T, F)
        distances = pairwise_distance(embeddings, embeddings, config.distance, config.gamma)  # (B, B)
        frames = embeddings.shape[1]
        compared = distances / frames if config.normalise_triplet else distances
        triplet = self.triplet_loss(compared, labels, weight)
        verification = self.score_loss(distances, labels, self.score, frames, weight)
        loss = config.triplet * triplet + config.score * config.score_weight * verification
        return loss, triplet.detach(), verification.detach()

    def _embed(self, features: Tensor, total: int) -> Tensor:
        (run,) = distributed.shares(total)
        hidden = self.encoder.describe(features)  # (b, T, D)

        def relate(rows: range) -> Tensor:
            with placed(rows.start, rows.stop, total, stream=1):
                return self.encoder.relate(hidden[rows.start - run.start : rows.stop - run.start])

        if self.parts == 1:
            return relate(run)
        parts = distributed.divided(run, min(self.parts, len(run)))
        return torch.cat([checkpoint(relate, rows, use_reentrant=False) for rows in parts])


def _clips(round: Round, stage: str, records: Sequence[ClipRecord]) -> Dataset:
    config = round.config.alignability_encoder
    if config.feature_views:
        preparing = stage.replace("alignability", "views")
        return FeatureClips(features_of_views(round, preparing, records, config.feature_views), config.frames)
    return PhaseClips(round.store, records, config.frames, config.size)


def _image_features(round: Round, clips: Tensor) -> Tensor:
    """Image features (B, T, C) as they are, or those of clips (B, 3, T, H, W)."""
    if clips.dim() == 3:
        return clips.to(round.device)
    with torch.no_grad(), round.autocast():
        parts = clips.tensor_split(min(round.config.accumulate, len(clips)))
        return torch.cat([round.models.alignability.image_features(part.to(round.device)) for part in parts])
