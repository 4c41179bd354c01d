"""What a round tells, as lines of text: for the commands that run one without the studio."""

import time
from collections.abc import Callable, Mapping

from finepseudo_core.events import (
    CheckpointSaved,
    ClipLeftOut,
    Event,
    PseudoLabelsProposed,
    StageStarted,
    StepDone,
)
from finepseudo_core.selftraining.remaining_time import RemainingTime

SECONDS = 10.0  # between two lines of a stage that is at work


class Report:
    """Observer that says each stage, pass, checkpoint and clip left out, and every ten seconds how far it is.

    Args:
        say: takes a line, without its end.
        remaining: the clock of the round; without one nothing is said of the time to come.
        clock: seconds on a clock that never goes back.

    Attributes:
        per_class: class -> labels accepted in the last pass, and how many of them are right if it is known.
        left_out: key of a clip that takes no part -> the reason.
    """

    def __init__(
        self,
        say: Callable[[str], object],
        remaining: RemainingTime | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.say, self.remaining, self.clock = say, remaining, clock
        self.started = self._said_at = clock()
        self.per_class: Mapping[str, tuple[int, int]] = {}
        self.left_out: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        """Say what happened."""
        if self.remaining is not None:
            self.remaining(event)
        match event:
            case StageStarted():
                left = f"{event.steps - event.done} of {event.steps} steps on {event.device}"
                self._say(f"{event.stage}: {'known already' if event.done == event.steps else left}")
            case StepDone() if event.step == event.steps:
                if event.values:
                    self._say(f"{event.stage}: {_figures(event.values)}")
            case StepDone() if self.clock() - self._said_at >= SECONDS:
                values = f", {_figures(event.values)}" if event.values else ""
                self._say(f"{event.stage}: {event.step} of {event.steps}{values}{self._to_go()}")
            case ClipLeftOut():
                self.left_out[event.key] = event.reason
                self._say(f"left out: {event.reason}")
            case CheckpointSaved():
                self._say(f"saved at step {event.step} of {event.stage}")
            case PseudoLabelsProposed():
                self.per_class = event.accepted_per_class
                self._say(_figures(event.metrics))
                self._say("accepted of " + ", ".join(f"{n} {a}" for n, (a, _) in self.per_class.items()))

    def _to_go(self) -> str:
        seconds = None if self.remaining is None else self.remaining.seconds()
        if seconds is None:
            return ""
        minutes = round(seconds / 60)
        return f"; {minutes // 60} h {minutes % 60} min to go" if minutes >= 60 else f"; {minutes} min to go"

    def _say(self, text: str) -> None:
        self._said_at = self.clock()
        self.say(f"{self._said_at - self.started:8.1f} s  {text}")


def _figures(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
