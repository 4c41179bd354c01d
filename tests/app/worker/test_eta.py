"""The remaining time of a round, on a clock that the test moves."""

import pytest

from app.worker.eta import RemainingTime
from finepseudo_core.selftraining.schedule import PlannedStage

PLAN = (
    PlannedStage("frames", 10),
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


def test_nothing_is_said_before_the_first_step(clock):
    remaining = RemainingTime(PLAN, clock)
    remaining.start("frames", 0, 10)
    assert remaining.seconds() is None


def test_measured_stages_count_with_what_they_took(clock):
    remaining = RemainingTime(PLAN[1:2] + PLAN[3:], clock)
    remaining.start("pretraining", 0, 20)
    for step in range(1, 6):
        clock.now += 3
        remaining.step(step, 20)
    assert remaining.seconds() == pytest.approx(15 * 3 + 5 * 3)


def test_a_slow_machine_makes_the_stages_to_come_slow_as_well(clock):
    fast, slow = RemainingTime(PLAN, clock), RemainingTime(PLAN, clock)
    for remaining, seconds in ((fast, 0.01), (slow, 0.1)):
        remaining.start("frames", 0, 10)
        for step in range(1, 6):
            clock.now += seconds
            remaining.step(step, 10)
    assert slow.seconds() == pytest.approx(10 * fast.seconds())


def test_after_a_resume_only_what_is_left_counts(clock):
    remaining = RemainingTime(PLAN[1:2], clock)
    remaining.start("pretraining", 18, 20)
    clock.now += 4
    remaining.step(19, 20)
    assert remaining.seconds() == pytest.approx(4)
    clock.now += 4
    remaining.step(20, 20)
    assert remaining.seconds() == 0
