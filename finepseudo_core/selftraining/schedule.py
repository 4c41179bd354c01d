"""How long a round is and how fast it learns. Free of torch, so that a page can show the plan."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from finepseudo_core.config import OptimizerConfig, RoundConfig

PROPOSAL_CHUNK = 32  # clips per step where a stage only looks


@dataclass(frozen=True)
class PlannedStage:
    """A stage of a round and its number of steps."""

    stage: str
    steps: int


def balanced_steps_per_epoch(config: RoundConfig, clips: int, classes: int) -> int:
    """Steps of one epoch over class-balanced batches."""
    return max(config.self_training.least_steps, math.ceil(clips / clips_per_batch(config, classes)))


def clips_per_batch(config: RoundConfig, classes: int) -> int:
    """Clips of a class-balanced batch."""
    training = config.self_training
    return max(2, min(classes, training.batch_size // training.clips_per_class)) * training.clips_per_class


def action_epochs(config: RoundConfig, *, warm: bool) -> int:
    """Epochs of f_E in a round of Algorithm 1, which a method compared with it takes too."""
    training = config.self_training
    return (0 if warm else training.action_epochs) + training.iterations * training.epochs


def plan(
    config: RoundConfig,
    labelled: int,
    unlabelled: int,
    classes: int,
    *,
    test: int = 0,
    warm: bool = False,
    pseudo_labelled: int | None = None,
) -> tuple[PlannedStage, ...]:
    """Stages of a round in order, with their steps.

    Args:
        labelled, unlabelled, test: numbers of clips.
        classes: number of classes.
        warm: the round starts from an earlier round's model, so the first stages fall away.
        pseudo_labelled: pseudo-labels that the last pass has accepted; None where none is known yet, and one
            clip in four is assumed.
    """
    stages = [PlannedStage("frames", labelled + unlabelled + test)]
    if config.method == "finepseudo":
        stages += _algorithm_1(config, labelled, unlabelled, test, classes, warm, pseudo_labelled)
    else:
        stages += _baseline(config, labelled, unlabelled, test, classes, warm)
    if test:
        stages.append(PlannedStage("test", _chunks(test)))
    return tuple(stages)


def _algorithm_1(
    config: RoundConfig,
    labelled: int,
    unlabelled: int,
    test: int,
    classes: int,
    warm: bool,
    pseudo_labelled: int | None,
) -> Iterator[PlannedStage]:
    training, chunks = config.self_training, _chunks(unlabelled)
    looked_at = _chunks(labelled + unlabelled + test)
    views = config.alignability_encoder.feature_views
    if not warm:
        supervised = balanced_steps_per_epoch(config, labelled, classes)
        yield PlannedStage("pretraining", _pretraining_steps(config, labelled + unlabelled))
        yield PlannedStage("views", _chunks(labelled * views))
        yield PlannedStage("alignability", training.alignability_epochs * supervised)
        yield PlannedStage("action", training.action_epochs * supervised)
        yield PlannedStage("features", looked_at)
        yield PlannedStage("proposal", max(1, chunks))
    guess = unlabelled // 4 if pseudo_labelled is None else pseudo_labelled
    for iteration in range(1, training.iterations + 1):
        first = iteration == 1
        new = guess + (labelled if warm else 0) if first else guess // 4
        steps = training.epochs * balanced_steps_per_epoch(config, labelled + guess, classes)
        yield PlannedStage(f"views {iteration}", _chunks(new * views))
        yield PlannedStage(f"alignability {iteration}", steps)
        yield PlannedStage(f"action {iteration}", steps)
        if warm and first:
            yield PlannedStage(f"features {iteration}", looked_at)
        yield PlannedStage(f"proposal {iteration}", max(1, chunks))


def _baseline(
    config: RoundConfig, labelled: int, unlabelled: int, test: int, classes: int, warm: bool
) -> Iterator[PlannedStage]:
    training, supervised = config.self_training, balanced_steps_per_epoch(config, labelled, classes)
    learning = action_epochs(config, warm=warm) * supervised
    if config.method == "fixmatch":
        yield PlannedStage("fixmatch", learning)
    else:
        for stage in ("invariance", "distinctiveness"):
            yield PlannedStage(stage, _pretraining_steps(config, labelled + unlabelled))
        for teacher in ("invariant", "distinctive"):
            yield PlannedStage(f"teacher {teacher}", training.action_epochs * supervised)
        yield PlannedStage("similarity", _chunks(labelled + unlabelled))
        yield PlannedStage("student", learning)
    number = f" {training.iterations}" if training.iterations else ""
    yield PlannedStage(f"features{number}", _chunks(labelled + unlabelled + test))
    yield PlannedStage(f"proposal{number}", max(1, _chunks(unlabelled)))


def _chunks(clips: int) -> int:
    return math.ceil(clips / PROPOSAL_CHUNK)


def _pretraining_steps(config: RoundConfig, clips: int) -> int:
    per_epoch = math.ceil(clips / min(config.pretraining.batch_size, clips)) if clips else 0
    return config.pretraining.epochs * per_epoch


def learning_rate(config: OptimizerConfig, step: int, steps: int, steps_per_epoch: int) -> float:
    """Learning rate of one step: linear warm-up, then cosine decay to zero."""
    warmup = min(round(config.warmup_epochs * steps_per_epoch), int(config.warmup_share * steps))
    if step < warmup:
        return config.learning_rate * (step + 1) / (warmup + 1)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
