"""How long a round is and how fast it learns. Free of torch, so that a page can show the plan."""

import math
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
    training = config.self_training
    per_batch = (
        max(2, min(classes, training.batch_size // training.clips_per_class)) * training.clips_per_class
    )
    return max(training.least_steps, math.ceil(clips / per_batch))


def plan(
    config: RoundConfig,
    labelled: int,
    unlabelled: int,
    classes: int,
    *,
    test: int = 0,
    warm: bool = False,
    pseudo_labelled: int = 0,
) -> tuple[PlannedStage, ...]:
    """Stages of a round in order, with their steps.

    Args:
        labelled, unlabelled, test: numbers of clips.
        classes: number of classes.
        warm: the round starts from an earlier round's model, so the first stages fall away.
        pseudo_labelled: accepted pseudo-labels at the start; later ones are not known yet, and one clip
            in four is assumed.
    """
    training, chunks = config.self_training, max(1, math.ceil(unlabelled / PROPOSAL_CHUNK))
    stages = [PlannedStage("frames", labelled + unlabelled + test)]
    if not warm:
        everything = labelled + unlabelled
        per_epoch = (
            math.ceil(everything / min(config.pretraining.batch_size, everything)) if everything else 0
        )
        stages.append(PlannedStage("pretraining", config.pretraining.epochs * per_epoch))
        supervised = balanced_steps_per_epoch(config, labelled, classes)
        stages.append(PlannedStage("alignability", training.alignability_epochs * supervised))
        stages.append(PlannedStage("action", training.action_epochs * supervised))
        stages.append(PlannedStage("proposal", chunks))
    for iteration in range(1, training.iterations + 1):
        guess = pseudo_labelled if warm and iteration == 1 else unlabelled // 4
        steps = training.epochs * balanced_steps_per_epoch(config, labelled + guess, classes)
        stages.append(PlannedStage(f"alignability {iteration}", steps))
        stages.append(PlannedStage(f"action {iteration}", steps))
        stages.append(PlannedStage(f"proposal {iteration}", chunks))
    if test:
        stages.append(PlannedStage("test", math.ceil(test / PROPOSAL_CHUNK)))
    return tuple(stages)


def learning_rate(config: OptimizerConfig, step: int, steps: int, steps_per_epoch: int) -> float:
    """Learning rate of one step: linear warm-up, then cosine decay to zero.

    The warm-up never takes more than a tenth of a stage, since the stages between two passes are short.
    """
    warmup = min(round(config.warmup_epochs * steps_per_epoch), steps // 10)
    if step < warmup:
        return config.learning_rate * (step + 1) / (warmup + 1)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
