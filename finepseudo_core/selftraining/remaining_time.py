"""How much longer a round takes: what its steps took so far, and what is expected of the stages to come."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from finepseudo_core.events import Event, PseudoLabelsProposed, StageStarted, StagesTimed, StepDone
from finepseudo_core.selftraining.schedule import PlannedStage

MEMORY = 50  # steps after which a measured one counts for a third: a machine gets busy and free again


@dataclass
class Pace:
    """What steps of one kind took: seconds and number of steps, older ones weighing less."""

    seconds: float = 0.0
    steps: float = 0.0

    def add(self, seconds: float, steps: int) -> None:
        """Some steps more."""
        kept = (1 - 1 / MEMORY) ** steps
        self.seconds, self.steps = self.seconds * kept + seconds, self.steps * kept + steps


class RemainingTime:
    """Keeps the time of a round; call it with every event.

    Stages of one kind, those whose names begin alike, count with what their steps took. A kind that has not
    begun counts with what is expected of it, corrected by how much slower than expected the others were.

    Args:
        plan: number of accepted pseudo-labels, None while unknown -> all stages in order.
        accepted: pseudo-labels that the round starts with, None without any.
        clock: seconds on a clock that never goes back.

    Attributes:
        expected: first word of a stage's name -> seconds per step, from an earlier round or a rehearsal.
    """

    def __init__(
        self,
        plan: Callable[[int | None], Sequence[PlannedStage]],
        accepted: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan, self.clock = plan, clock
        self.stages = list(plan(accepted))
        self.expected: Mapping[str, float] | None = None
        self.paces: dict[str, Pace] = {}
        self.stage, self.done, self.steps = "", 0, 0
        self._last = clock()

    def __call__(self, event: Event) -> None:
        """Take note of where the round is."""
        match event:
            case StagesTimed():
                self.expected = event.seconds
            case StageStarted():
                self.stage, self.done, self.steps = event.stage, event.done, event.steps
                self._last = self.clock()
            case StepDone():
                now = self.clock()
                self.paces.setdefault(_kind(self.stage), Pace()).add(now - self._last, event.step - self.done)
                self._last, self.done, self.steps = now, event.step, event.steps
            case PseudoLabelsProposed():
                self.stages = list(self.plan(len(event.proposal.accepted)))

    def seconds(self) -> float | None:
        """Seconds to the end of the round; None while a stage to come is neither rehearsed nor measured."""
        left = [PlannedStage(self.stage, self.steps - self.done), *self._later()]
        kinds = {_kind(stage.stage) for stage in left if stage.steps}
        if not kinds <= {*(self.expected or ()), *self.paces}:
            return None
        return sum(stage.steps * self._seconds_per_step(_kind(stage.stage)) for stage in left)

    def measured(self) -> dict[str, float]:
        """First word of a stage's name -> seconds per step."""
        return {kind: pace.seconds / pace.steps for kind, pace in self.paces.items() if pace.steps}

    def _later(self) -> list[PlannedStage]:
        names = [stage.stage for stage in self.stages]
        return self.stages[names.index(self.stage) + 1 :] if self.stage in names else []

    def _seconds_per_step(self, kind: str) -> float:
        pace = self.paces.get(kind)
        if pace and pace.steps:
            return pace.seconds / pace.steps
        expected = self.expected or {}
        both = expected.keys() & self.paces.keys()
        hoped = sum(expected[name] * self.paces[name].steps for name in both)
        slower = sum(self.paces[name].seconds for name in both) / hoped if hoped else 1.0
        return expected.get(kind, 0.0) * slower


def _kind(stage: str) -> str:
    return stage.partition(" ")[0]
