"""FixMatch (Sohn et al., NeurIPS 2020) with f_E: labels on the way, from a weak view for a strong one."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from finepseudo_core.baselines.joint_batches import (
    JointBatches,
    JointClips,
    trainable_unlabelled,
)
from finepseudo_core.baselines.teachers import Autocast
from finepseudo_core.datasets.clip_dataset import Batches, WeakStrongPairs
from finepseudo_core.losses.consistency import ConsistencyLoss
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.action_stage import training_clips
from finepseudo_core.selftraining.learner import Learner
from finepseudo_core.selftraining.proposal import propose
from finepseudo_core.selftraining.round import Round
from finepseudo_core.selftraining.schedule import action_epochs
from finepseudo_core.selftraining.stage_cache import inputs_of
from finepseudo_core.video.strong_transform import StrongTransform


def learn_by_consistency(round: Round, *, warm: bool) -> None:
    """Train f_E on labelled and unlabelled clips together, for as many steps as Algorithm 1; then propose."""
    train(round, "fixmatch", action_epochs(round.config, warm=warm))
    propose(round, round.config.self_training.iterations)


def train(round: Round, stage: str, epochs: int) -> None:
    """L = L_CE of labelled clips + λ_u times the consistency of unlabelled ones, for `epochs` epochs."""
    config, encoder, input = round.config.fixmatch, round.models.action, round.config.action_encoder
    unlabelled = trainable_unlabelled(round)
    strong = StrongTransform(input.size, (config.least_crop, 1.0), config.operations, config.cutout)
    pairs = WeakStrongPairs(round.store, unlabelled, input.frames, input.stride, input.size, strong)
    clips = JointClips(training_clips(round, round.labelled), pairs)
    draws = JointBatches(round, stage, len(unlabelled), config.unlabelled_ratio)
    module = FixMatchStep(encoder, ConsistencyLoss(config.threshold), round.autocast)
    learner = Learner(module, round.config, round.device, parts=round.config.accumulate)
    steps = round.progress.steps(
        stage,
        epochs * draws.steps_per_epoch,
        learner,
        learning=encoder,
        inputs=inputs_of((*round.labelled, *unlabelled), config, input, *round.common_settings()),
    )
    batches = iter(round.batches(clips, Batches(learner.share_of(draws), steps.start, steps.total)))
    encoder.train()
    for step in steps:
        (known, chosen), (weak, strong_view) = next(batches)  # (b, 3, T, H, W), (b,), (b, μ, 3, T, H, W)
        size, importance = draws.importance(step)
        pseudo_labelled = size * config.unlabelled_ratio
        sums = torch.zeros(3, device=round.device)
        for rows in learner.parts(size):
            views = known[rows], weak[rows].flatten(0, 1), strong_view[rows].flatten(0, 1)
            target, weight = draws.labels(chosen[rows], round.device)
            supervised, unsupervised, sure = learner.step(
                *(v.to(round.device) for v in views), target, weight
            )
            learner.backward(
                supervised / importance + config.unlabelled_weight * unsupervised / pseudo_labelled
            )
            sums += torch.stack([supervised.detach(), unsupervised.detach(), sure])
        learner.learn(step, steps.total, draws.steps_per_epoch)
        supervised, unsupervised, sure = distributed.total(sums).tolist()
        round.progress.report(
            loss=supervised / importance,
            consistency=unsupervised / pseudo_labelled,
            sure=sure / pseudo_labelled,
        )


class FixMatchStep(nn.Module):
    """f_E's losses on a part of a batch, all views in one pass.

    Args:
        autocast: gives the context of the precision that f_E works in.
    """

    def __init__(self, encoder: nn.Module, consistency: ConsistencyLoss, autocast: Autocast) -> None:
        super().__init__()
        self.encoder, self.consistency, self.autocast = encoder, consistency, autocast

    def forward(
        self, known: Tensor, weak: Tensor, strong: Tensor, target: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Clips (b, ...), (u, ...), (u, ...), classes and weights (b,) -> sums of both losses, sure clips."""
        with self.autocast():
            logits = self.encoder(torch.cat([known, weak, strong])).float()  # (b + 2u, K)
        of_known, of_weak, of_strong = logits.split([len(known), len(weak), len(strong)])
        losses = functional.cross_entropy(of_known, target, reduction="none")  # (b,)
        consistency = self.consistency(of_weak, of_strong) * len(weak)
        return (losses * weight).sum(), consistency, self.consistency.sure(of_weak).sum()
