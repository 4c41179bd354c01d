"""What a round tells as lines of text, on a clock that the test moves."""

from pathlib import Path

from finepseudo_core.events import (
    CheckpointSaved,
    ClipLeftOut,
    PseudoLabelsProposed,
    StageStarted,
    StagesTimed,
    StepDone,
)
from finepseudo_core.records import Proposal
from finepseudo_core.selftraining.remaining_time import RemainingTime
from finepseudo_core.selftraining.report import Report
from finepseudo_core.selftraining.schedule import PlannedStage


def test_a_round_says_its_stages_passes_and_clips_left_out():
    lines: list[str] = []
    report = Report(lines.append)
    report(ClipLeftOut("a", "a.mp4 is damaged. Export it again."))
    report(StageStarted("action", 4, "cpu", 1))
    report(StepDone("action", 4, 4, {"loss": 0.25}))
    report(CheckpointSaved("action", 4, Path("checkpoint.pt"), ""))
    report(PseudoLabelsProposed(Proposal(0, ("x",), {}, ()), {"accepted": 3.0}, {"x": (3, 2)}))
    report(StageStarted("features", 4, "cpu", 4))
    assert [line.partition(" s  ")[2] for line in lines] == [
        "left out: a.mp4 is damaged. Export it again.",
        "action: 3 of 4 steps on cpu",
        "action: loss 0.25",
        "saved at step 4 of action",
        "accepted 3",
        "accepted of x 3",
        "features: known already",
    ]
    assert report.left_out == {"a": "a.mp4 is damaged. Export it again."}
    assert report.per_class == {"x": (3, 2)}


def test_a_long_stage_says_every_ten_seconds_how_far_it_is_and_what_is_left():
    now, lines = [0.0], []

    def clock() -> float:
        return now[0]

    stages = (PlannedStage("pretraining", 1000), PlannedStage("action", 10))
    report = Report(lines.append, RemainingTime(lambda accepted: stages, clock=clock), clock)
    report(StagesTimed({"pretraining": 4.0, "action": 6.0}))
    report(StageStarted("pretraining", 1000, "cpu"))
    for step in range(1, 7):
        now[0] += 4.0
        report(StepDone("pretraining", step, 1000, {"loss": 1.5}))
    assert lines == [
        "     0.0 s  pretraining: 1000 of 1000 steps on cpu",
        "    12.0 s  pretraining: 3 of 1000, loss 1.5; 1 h 7 min to go",
        "    24.0 s  pretraining: 6 of 1000, loss 1.5; 1 h 7 min to go",
    ]
