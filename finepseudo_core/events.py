"""What a round tells its observers. Observers watch and never act."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from finepseudo_core.records import Proposal, RoundResult


@dataclass(frozen=True)
class StageStarted:
    """A stage begins.

    Args:
        stage: "frames", "pretraining", "views", "alignability", "action", "features", "proposal" or "test",
            the middle ones with their iteration behind a space; of the baselines "fixmatch", or "invariance",
            "distinctiveness", "teacher invariant", "teacher distinctive", "similarity" and "student".
        steps: how many steps it takes in all, 0 where unknown.
        device: torch device the round runs on.
        done: steps already behind it, above 0 after a resume.
    """

    stage: str
    steps: int
    device: str
    done: int = 0


@dataclass(frozen=True)
class StagesTimed:
    """What a step of the stages to come takes here, tried out before the first one.

    Args:
        seconds: first word of a stage's name -> seconds per step.
    """

    seconds: Mapping[str, float]


@dataclass(frozen=True)
class StepDone:
    """One step of a stage is done; `values` holds its losses and shares by name."""

    stage: str
    step: int
    steps: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class ClipLeftOut:
    """A clip takes no part in the round, and why."""

    key: str
    reason: str


@dataclass(frozen=True)
class CheckpointSaved:
    """Everything up to `step` of `stage` is on disk and would survive a crash."""

    stage: str
    step: int
    path: Path
    sha256: str


@dataclass(frozen=True)
class PseudoLabelsProposed:
    """A pass over the unlabelled clips is complete and ready for review.

    `accepted_per_class` is class -> accepted labels, and how many of them are right where the truth is known.
    """

    proposal: Proposal
    metrics: Mapping[str, float]
    accepted_per_class: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class RoundFinished:
    """The round is over."""

    result: RoundResult


Event = (
    StagesTimed
    | StageStarted
    | StepDone
    | ClipLeftOut
    | CheckpointSaved
    | PseudoLabelsProposed
    | RoundFinished
)
Notify = Callable[[Event], None]
ShouldStop = Callable[[], bool]


def ignore(event: Event) -> None:
    """Observer that watches nothing."""


def never() -> bool:
    """Stop flag that is never raised."""
    return False
