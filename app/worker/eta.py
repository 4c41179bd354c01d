"""How much longer a round takes, from the steps measured so far and the stages still to come."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finepseudo_core.selftraining.schedule import PlannedStage

# Seconds per step of the cpu-demo preset on two cores. Only their proportions count, and only until a stage
# of the same kind was measured.
USUAL_SECONDS = {
    "frames": 0.03,
    "pretraining": 0.6,
    "alignability": 0.05,
    "action": 0.4,
    "proposal": 0.4,
    "fixmatch": 6.0,
    "invariance": 0.4,
    "distinctiveness": 1.6,
    "teacher": 0.4,
    "similarity": 0.4,
    "student": 1.4,
    "test": 2.0,
}


@dataclass
class Pace:
    """What steps of one kind took: seconds and number of steps."""

    seconds: float = 0.0
    steps: int = 0


class RemainingTime:
    """Keeps the time of a round.

    Args:
        stages: the whole plan, in order; what was done before a resume counts as done.
        clock: seconds on a clock that never goes back.
    """

    def __init__(self, stages: Sequence[PlannedStage], clock: Callable[[], float] = time.monotonic) -> None:
        self.stages = list(stages)
        self.clock = clock
        self.paces: dict[str, Pace] = {}
        self.stage, self.done, self.steps = "", 0, 0
        self._last = clock()

    def start(self, stage: str, done: int, steps: int) -> None:
        """A stage begins, with `done` of its steps behind it."""
        self.stage, self.done, self.steps = stage, done, steps
        self._last = self.clock()

    def step(self, done: int, steps: int) -> None:
        """A step of the current stage is done."""
        now = self.clock()
        pace = self.paces.setdefault(_kind(self.stage), Pace())
        pace.seconds += now - self._last
        pace.steps += max(0, done - self.done)
        self._last, self.done, self.steps = now, done, steps

    def seconds(self) -> float | None:
        """Seconds to the end of the round; None before the first step was measured."""
        if not any(pace.steps for pace in self.paces.values()):
            return None
        left = (self.steps - self.done) * self._seconds_per_step(self.stage)
        return left + sum(stage.steps * self._seconds_per_step(stage.stage) for stage in self._later())

    def _later(self) -> list[PlannedStage]:
        names = [stage.stage for stage in self.stages]
        return self.stages[names.index(self.stage) + 1 :] if self.stage in names else []

    def _seconds_per_step(self, stage: str) -> float:
        kind = _kind(stage)
        pace = self.paces.get(kind)
        if pace and pace.steps:
            return pace.seconds / pace.steps
        measured = {name: pace for name, pace in self.paces.items() if pace.steps and name in USUAL_SECONDS}
        usual = sum(USUAL_SECONDS[name] * pace.steps for name, pace in measured.items())
        slower = sum(pace.seconds for pace in measured.values()) / usual if usual else 1.0
        return USUAL_SECONDS.get(kind, 0.0) * slower


def _kind(stage: str) -> str:
    return stage.partition(" ")[0]
