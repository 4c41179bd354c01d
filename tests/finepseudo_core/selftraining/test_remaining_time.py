"""The remaining time of a round, on a clock that the test moves."""

import pytest

from finepseudo_core.events import PseudoLabelsProposed, StageStarted, StagesTimed, StepDone
from finepseudo_core.records import Proposal
from finepseudo_core.selftraining.remaining_time import RemainingTime
from finepseudo_core.selftraining.schedule import PlannedStage

PLAN = (
    PlannedStage("pretraining", 20),
    PlannedStage("proposal", 2),
    PlannedStage("pretraining 1", 5),
)


@pytest.fixture
def clock():
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    return Clock()


def walk(
    remaining: RemainingTime, clock, stage: str, steps: int, seconds: float, of: int, done: int = 0
) -> None:
    """Some steps of a stage."""
    remaining(StageStarted(stage, of, "cpu", done))
    for step in range(done + 1, done + steps + 1):
        clock.now += seconds
        remaining(StepDone(stage, step, of, {}))


def test_nothing_is_said_while_a_stage_to_come_is_unknown(clock):
    remaining = RemainingTime(lambda accepted: PLAN, clock=clock)
    walk(remaining, clock, "pretraining", 3, seconds=1, of=20)
    assert remaining.seconds() is None


def test_a_rehearsal_tells_the_whole_round_before_its_first_step(clock):
    remaining = RemainingTime(lambda accepted: PLAN, clock=clock)
    remaining(StagesTimed({"pretraining": 2.0, "proposal": 30.0}))
    remaining(StageStarted("pretraining", 20, "cpu"))
    assert remaining.seconds() == 20 * 2 + 2 * 30 + 5 * 2


def test_measured_stages_count_with_what_they_took(clock):
    remaining = RemainingTime(lambda accepted: (PLAN[0], PLAN[2]), clock=clock)
    walk(remaining, clock, "pretraining", 5, seconds=3, of=20)
    assert remaining.seconds() == pytest.approx(15 * 3 + 5 * 3)


def test_a_machine_slower_than_rehearsed_makes_the_stages_to_come_slow_as_well(clock):
    remaining = RemainingTime(lambda accepted: PLAN, clock=clock)
    remaining(StagesTimed({"pretraining": 1.0, "proposal": 10.0}))
    walk(remaining, clock, "pretraining", 5, seconds=3, of=20)
    assert remaining.seconds() == pytest.approx(15 * 3 + 2 * 30 + 5 * 3)


def test_a_machine_that_gets_free_again_is_noticed(clock):
    remaining = RemainingTime(lambda accepted: (PlannedStage("action", 1000),), clock=clock)
    walk(remaining, clock, "action", 300, seconds=3, of=1000)
    walk(remaining, clock, "action", 300, seconds=1, of=1000, done=300)
    assert remaining.seconds() == pytest.approx(400, rel=0.02)


def test_accepted_labels_change_the_stages_to_come(clock):
    remaining = RemainingTime(
        lambda accepted: (
            PlannedStage("action", 10),
            PlannedStage("action 1", 20 if accepted is None else 4),
        ),
        clock=clock,
    )
    walk(remaining, clock, "action", 9, seconds=1, of=10)
    assert remaining.seconds() == pytest.approx(1 + 20)
    remaining(PseudoLabelsProposed(Proposal(0, (), {}, ()), {}))
    assert remaining.seconds() == pytest.approx(1 + 4)


def test_after_a_resume_only_what_is_left_counts(clock):
    remaining = RemainingTime(lambda accepted: PLAN[:1], clock=clock)
    walk(remaining, clock, "pretraining", 1, seconds=4, of=20, done=18)
    assert remaining.seconds() == pytest.approx(4)
    walk(remaining, clock, "pretraining", 1, seconds=4, of=20, done=19)
    assert remaining.seconds() == 0
