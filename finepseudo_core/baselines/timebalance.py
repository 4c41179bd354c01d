"""TimeBalance (Dave et al., CVPR 2023), reconstructed from its description: teachers, f_E their student."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from finepseudo_core.baselines.joint_batches import (
    JointBatches,
    JointClips,
    trainable_unlabelled,
)
from finepseudo_core.baselines.teachers import Autocast, Teacher, Teachers, self_similarity, stretched
from finepseudo_core.datasets.clip_dataset import Batches, MomentClips
from finepseudo_core.datasets.samplers import ShuffledBatches
from finepseudo_core.losses.balanced_distillation import BalancedDistillationLoss
from finepseudo_core.losses.instance_discrimination import InstanceDiscriminationLoss
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.action_stage import learn_actions, training_clips
from finepseudo_core.selftraining.learner import Learner
from finepseudo_core.selftraining.proposal import chunked, propose
from finepseudo_core.selftraining.round import Round
from finepseudo_core.selftraining.schedule import action_epochs
from finepseudo_core.selftraining.stage_cache import inputs_of
from finepseudo_core.video.sampling import moment_indices
from finepseudo_core.video.transforms import EvaluationTransform


def learn_from_teachers(round: Round, *, warm: bool) -> None:
    """Train both teachers, then f_E as their student for as many steps as in Algorithm 1; then propose.

    Every round trains its teachers anew: a warm start carries the student over.
    """
    training, teachers = round.config.self_training, _teachers(round)
    pretrain_teacher(round, "invariance", teachers.invariant, distinctive=False)
    pretrain_teacher(round, "distinctiveness", teachers.distinctive, distinctive=True)
    for name, teacher in (("invariant", teachers.invariant), ("distinctive", teachers.distinctive)):
        stage, epochs = f"teacher {name}", training.action_epochs
        learn_actions(round, stage, round.labelled, epochs, encoder=teacher.encoder)
    teach(round, "student", action_epochs(round.config, warm=warm), compare_moments(round))
    propose(round, training.iterations)


def pretrain_teacher(round: Round, stage: str, teacher: Teacher, *, distinctive: bool) -> None:
    """Contrast moments on every clip, without labels.

    Invariant: two moments of a video are alike, those of other videos are not. Distinctive: two
    augmentations of a moment are alike, other moments of the same video are not.
    """
    config, input, pretraining = (
        round.config.timebalance,
        round.config.action_encoder,
        round.config.pretraining,
    )
    records = sorted((*round.labelled, *round.unlabelled), key=lambda record: record.key)
    without_labels = [replace(record, label=None, weight=1.0) for record in records]
    chosen, augmentations = (config.moments, 2) if distinctive else (2, 1)
    clips = MomentClips(
        round.store, records, input.frames, input.stride, input.size,
        moments=config.moments, chosen=chosen, augmentations=augmentations,
    )  # fmt: skip
    draws = ShuffledBatches(len(records), pretraining.batch_size, round.progress.stream(stage))
    criterion = InstanceDiscriminationLoss(config.temperature)
    parts = round.config.accumulate if distinctive else 1  # the invariant one contrasts the whole batch
    projecting = teacher.projecting(round.autocast)
    learner = Learner(projecting, round.config, round.device, parts=parts)
    settings = config.moments, config.temperature, pretraining.batch_size, input
    steps = round.progress.steps(
        stage,
        pretraining.epochs * draws.steps_per_epoch,
        learner,
        learning=teacher,
        inputs=inputs_of(without_labels, *settings, *round.common_settings()),
    )
    batches = iter(round.batches(clips, Batches(learner.share_of(draws), steps.start, steps.total)))
    teacher.train()
    for step in steps:
        moments, whole = next(batches), draws.batch_size  # (b, n, A, 3, T, H, W)
        summed = torch.zeros(1, device=round.device)
        for rows in learner.parts(whole):
            projected = learner.step(moments[rows].to(round.device))  # (b, n, A, F)
            if distinctive:
                addend = criterion(projected) * len(projected) / whole
            else:
                everybody = distributed.gather(projected.squeeze(2), whole)  # (B, 2, F)
                addend = criterion(everybody) / distributed.world_size()
            learner.backward(addend)
            summed += addend.detach()
        learner.learn(step, steps.total, draws.steps_per_epoch)
        round.progress.report(loss=distributed.total(summed).item())


@torch.no_grad()
def compare_moments(round: Round) -> Mapping[str, float]:
    """How alike the moments of every clip are to the teacher that judges, in [0, 1], by key."""
    config, teachers = round.config.timebalance, _teachers(round).eval()
    judge = {"invariant": teachers.invariant, "distinctive": teachers.distinctive}[config.judge].encoder
    records = (*round.labelled, *trainable_unlabelled(round))
    chunks, found = chunked(records), []
    steps = round.progress.steps("similarity", len(chunks), resumable=False)
    clips = round.ahead(MiddleMoments(round, records if steps.start < steps.total else ()))
    for step in steps:
        moments = torch.stack(list(islice(clips, len(chunks[step]))))  # (N, n, 3, T, H, W)
        with round.autocast():
            features = judge.features(moments.flatten(0, 1).to(round.device))
        found.append(self_similarity(features.unflatten(0, moments.shape[:2])).cpu())
        if step + 1 == steps.total:
            similarities = torch.cat(found)
            spread = stretched(similarities) if config.stretch else similarities
            keys = [record.key for record in records]
            round.progress.notes["similarity"] = dict(zip(keys, spread.tolist(), strict=True))
    return round.progress.notes["similarity"]


def teach(round: Round, stage: str, epochs: int, similarities: Mapping[str, float]) -> None:
    """Train f_E with cross-entropy on labelled clips, and towards the teachers on all clips."""
    config, student, teachers = round.config.timebalance, round.models.action, _teachers(round)
    unlabelled = trainable_unlabelled(round)
    clips = JointClips(training_clips(round, round.labelled), training_clips(round, unlabelled))
    draws = JointBatches(round, stage, len(unlabelled), config.unlabelled_ratio)
    module = StudentStep(student, BalancedDistillationLoss(config.divergence), round.autocast)
    learner = Learner(module, round.config, round.device, parts=round.config.accumulate)
    settings = config, round.config.action_encoder, *round.common_settings()
    steps = round.progress.steps(
        stage,
        epochs * draws.steps_per_epoch,
        learner,
        learning=nn.ModuleList([student, teachers]),  # what the student learns depends on the teachers too
        inputs=inputs_of((*round.labelled, *unlabelled), *settings),
    )
    of_labelled, of_unlabelled = (_alike(records, similarities) for records in (round.labelled, unlabelled))
    batches = iter(round.batches(clips, Batches(learner.share_of(draws), steps.start, steps.total)))
    student.train(), teachers.eval()
    for step in steps:
        (known, chosen), (unknown, drawn) = next(
            batches
        )  # (b, 3, T, H, W), (b,), (b, ratio, ...), (b, ratio)
        size, importance = draws.importance(step)
        taught = size * (1 + config.unlabelled_ratio)
        sums = torch.zeros(2, device=round.device)
        for rows in learner.parts(size):
            both = torch.cat([known[rows], unknown[rows].flatten(0, 1)]).to(round.device)
            alike = torch.cat([of_labelled[chosen[rows]], of_unlabelled[drawn[rows].flatten()]])
            with round.autocast():
                lessons = teachers.logits(both)
            target, weight = draws.labels(chosen[rows], round.device)
            supervised, distilled = learner.step(both, *lessons, alike.to(round.device), target, weight)
            learner.backward(supervised / importance + config.distillation_weight * distilled / taught)
            sums += torch.stack([supervised.detach(), distilled.detach()])
        learner.learn(step, steps.total, draws.steps_per_epoch)
        supervised, distilled = distributed.total(sums).tolist()
        round.progress.report(loss=supervised / importance, distillation=distilled / taught)


class StudentStep(nn.Module):
    """The student's losses on a part of a batch, the labelled clips first.

    Args:
        autocast: gives the context of the precision that f_E works in.
    """

    def __init__(
        self, student: nn.Module, distillation: BalancedDistillationLoss, autocast: Autocast
    ) -> None:
        super().__init__()
        self.student, self.distillation, self.autocast = student, distillation, autocast

    def forward(
        self,
        clips: Tensor,
        invariant: Tensor,
        distinctive: Tensor,
        similarity: Tensor,
        target: Tensor,
        weight: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Clips (n, 3, T, H, W), logits (n, K) of both teachers, similarity (n,), classes and weights (b,) of
        the first b clips -> sums of both losses."""
        with self.autocast():
            logits = self.student(clips).float()  # (n, K)
        losses = functional.cross_entropy(logits[: len(target)], target, reduction="none")
        distilled = self.distillation(logits, invariant, distinctive, similarity)
        return (losses * weight).sum(), distilled * len(clips)


def _teachers(round: Round) -> Teachers:
    teachers = round.models.teachers
    assert teachers is not None  # the method timebalance builds them
    return teachers


class MiddleMoments(Dataset):
    """The middle of every part of a clip, not augmented -> (n, 3, T, H, W)."""

    def __init__(self, round: Round, records: Sequence[ClipRecord]) -> None:
        self.store, self.keys = round.store, [record.key for record in records]
        self.input, self.moments = round.config.action_encoder, round.config.timebalance.moments

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, number: int) -> Tensor:
        key, config, places = self.keys[number], self.input, np.full(self.moments, 0.5)
        frames = self.store.frames(key)
        windows = moment_indices(frames, config.frames, config.stride, self.moments, places)
        clip = EvaluationTransform(config.size)(self.store.read(key, windows.ravel()))[0]
        return clip.unflatten(1, windows.shape).transpose(0, 1)


def _alike(records: Sequence[ClipRecord], similarities: Mapping[str, float]) -> Tensor:
    return torch.tensor([similarities[record.key] for record in records])
