"""A few steps of every stage, taken back afterwards, tell beforehand how long a round takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from torch import nn

from finepseudo_core.baselines import fixmatch, timebalance
from finepseudo_core.baselines.joint_batches import trainable_unlabelled
from finepseudo_core.events import StagesTimed, ignore
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.action_stage import learn_actions
from finepseudo_core.selftraining.alignability_stage import learn_alignability
from finepseudo_core.selftraining.image_features import embed_clips
from finepseudo_core.selftraining.outcome import predict_test
from finepseudo_core.selftraining.pretraining import pretrain
from finepseudo_core.selftraining.progress import Progress
from finepseudo_core.selftraining.proposal import look_at, open_gallery
from finepseudo_core.selftraining.round import Round
from finepseudo_core.selftraining.schedule import PROPOSAL_CHUNK

STEPS = 3  # the first one also sets things up
FEW = 8  # clips that a pass over all clips is tried on


def rehearse(round: Round, *, warm: bool) -> None:
    """Tell the observers what a step of each stage takes, and leave no trace.

    Every step of the round seeds its own randomness, so the result is the same with a rehearsal or without.
    Networks that are compiled at their first step are compiled here, and the round's steps find them so.
    """
    timed, settings = Rehearsal(round.progress), round.config
    if settings.alignability_encoder.feature_views:
        settings = settings.replace({"alignability_encoder.feature_views": 1})
    trial = replace(
        round,
        config=settings,
        progress=cast(Progress, timed),  # all that a stage asks of it
        notify=ignore,
        image_features={},
        shared_features=set(),
    )
    with unchanged(round.models):
        match round.config.method:
            case "finepseudo":
                _try_algorithm_1(trial, warm)
            case "fixmatch":
                fixmatch.train(trial, "fixmatch", STEPS)
            case "timebalance":
                _try_timebalance(trial, timed)
        _try_passes(trial, timed)
    round.notify(StagesTimed(timed.seconds))


@contextmanager
def unchanged(networks: nn.Module) -> Iterator[None]:
    """Whatever happens to the networks inside: weights, statistics, modes and what is frozen come back."""
    state = {name: value.clone() for name, value in networks.state_dict().items()}
    modes = {module: module.training for module in networks.modules()}
    learning = {weight: weight.requires_grad for weight in networks.parameters()}
    try:
        yield
    finally:
        networks.load_state_dict(state)
        for module, mode in modes.items():
            module.training = mode
        for weight, learns in learning.items():
            weight.requires_grad_(learns).grad = None


def _try_algorithm_1(trial: Round, warm: bool) -> None:
    if not warm:
        pretrain(trial)
    few = _one_batch(trial)
    learn_alignability(trial, "alignability", few, STEPS)
    learn_actions(trial, "action", few, STEPS)


def _try_timebalance(trial: Round, timed: "Rehearsal") -> None:
    teachers = trial.models.teachers
    assert teachers is not None  # the method builds them
    timebalance.pretrain_teacher(trial, "invariance", teachers.invariant, distinctive=False)
    timebalance.pretrain_teacher(trial, "distinctiveness", teachers.distinctive, distinctive=True)
    learn_actions(trial, "teacher", _one_batch(trial), STEPS, encoder=teachers.invariant.encoder)
    known, unknown = trial.labelled[:FEW], trainable_unlabelled(trial)[:FEW]
    began = time.monotonic()
    timebalance.compare_moments(replace(trial, labelled=known, unlabelled=unknown))
    timed.time("similarity", began, len((*known, *unknown)) / PROPOSAL_CHUNK)
    keys = [record.key for record in (*trial.labelled, *trial.unlabelled)]
    timebalance.teach(trial, "student", STEPS, dict.fromkeys(keys, 0.5))


class Rehearsal:
    """Stands in for a round's progress: gives a few steps of every stage, and times them.

    Attributes:
        seconds: first word of a stage's name -> seconds per step.
        notes: what stages tell later ones, as in a round's progress.
    """

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self.notes: dict[str, Any] = {}
        self.stream, self.check_stop = progress.stream, progress.check_stop
        self.cache = None  # what is tried out is nothing for other rounds

    def steps(self, stage: str, total: int, optimizer: Any = None, **_: Any) -> "RehearsedSteps":
        """The first steps of a stage."""
        return RehearsedSteps(self, stage, total)

    def look(self, stage: str, total: int) -> Iterator[int]:
        """All of a stage that prepares something in memory."""
        yield from RehearsedSteps(self, stage, total, most=total)

    def report(self, **values: float) -> None:
        """Losses of a rehearsal are nobody's concern."""

    def time(self, stage: str, since: float, share: float = 1.0) -> None:
        """What has passed `since` counts as `share` of a step."""
        self.seconds[stage.partition(" ")[0]] = (time.monotonic() - since) / share


class RehearsedSteps:
    """Iterator over a few steps of one stage; the first one is not counted where there are more."""

    def __init__(self, timed: Rehearsal, stage: str, total: int, most: int = STEPS) -> None:
        self.timed, self.stage, self.total, self.start, self.most = timed, stage, total, 0, min(total, most)

    def __iter__(self) -> Iterator[int]:
        kind, seconds = self.stage.partition(" ")[0], []
        for step in range(self.most):
            self.timed.check_stop(self.stage)
            began = time.monotonic()
            yield step
            seconds.append(time.monotonic() - began)
        if seconds:
            self.timed.seconds[kind] = sum(seconds[1:] or seconds) / len(seconds[1:] or seconds)


def _one_batch(round: Round) -> list[ClipRecord]:
    """Labelled clips enough for one class-balanced batch."""
    training, counts = round.config.self_training, dict.fromkeys(round.classes, 0)
    classes = list(counts)[: max(2, training.batch_size // training.clips_per_class)]
    chosen = []
    for record in round.labelled:
        if record.label in classes and counts[record.label] < max(2, training.clips_per_class):
            counts[record.label] += 1
            chosen.append(record)
    return chosen


def _try_passes(trial: Round, timed: Rehearsal) -> None:
    """The passes that only look: image features, proposals, and the test."""
    few, tested = trial.unlabelled[:FEW], trial.test[:FEW]
    gallery = open_gallery(trial, 0)
    if few:
        began = time.monotonic()
        embed_clips(trial, few)
        timed.time("features", began, len(few) / PROPOSAL_CHUNK)
        look_at(trial, gallery, few)
        began = time.monotonic()
        look_at(trial, gallery, few)
        timed.time("proposal", began, len(few) / PROPOSAL_CHUNK)
    if tested:
        began = time.monotonic()
        predict_test(trial, gallery, tested)
        timed.time("test", began, len(tested) / PROPOSAL_CHUNK)
    distributed.wait_for_all()
