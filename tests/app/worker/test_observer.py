"""Events of a round become rows, fenced."""

import numpy as np
import pytest

from app.worker.observer import RoundObserver
from db.repositories import jobs, pseudo_labels, rounds
from db.repositories.jobs import Fence, LeaseLost
from finepseudo_core.events import ClipLeftOut, PseudoLabelsProposed, StageStarted, StepDone
from finepseudo_core.records import Proposal, PseudoLabel
from finepseudo_core.selftraining.remaining_time import RemainingTime
from tests.app.worker import squares

CLASSES = tuple(sorted(squares.DIRECTIONS))


@pytest.fixture
def observer(imported):
    job_id = squares.queue_round(imported)
    with imported.database.write() as session:
        job = jobs.claim(session, owner="me", kinds=["round"], lease_seconds=60)
        row = rounds.by_job(session, job_id=job_id)
        members = rounds.members(session, round_id=row.id)
    return RoundObserver(
        imported, Fence(job.id, job.attempt, "me"), row, members, RemainingTime(lambda accepted: ())
    )


def proposal(observer: RoundObserver, iteration: int, confidence: float) -> Proposal:
    """Every unlabelled clip is proposed as the first class."""
    rest = (1 - confidence) / (len(CLASSES) - 1)
    p = np.array([confidence] + [rest] * (len(CLASSES) - 1), np.float32)
    with observer.studio.database.read() as session:
        members = rounds.members(session, round_id=observer.row.id)
    labels = tuple(
        PseudoLabel(member.key, CLASSES[0], confidence, 0.5, confidence > 0.6, p, p, p, p)
        for member in members
        if member.role == "unlabelled"
    )
    labelled = {
        name: tuple(member.key for member in members if member.role == "labelled" and member.label == name)
        for name in CLASSES
    }
    return Proposal(iteration, CLASSES, labelled, labels)


def shown(observer: RoundObserver) -> tuple[int, set[float]]:
    """The pass a round shows, and the confidences of its pseudo-labels."""
    with observer.studio.database.read() as session:
        row = rounds.get(session, round_id=observer.row.id)
        found = pseudo_labels.next_for_review(session, row=row, limit=100, without=())
    return row.iteration, {round(label.confidence, 3) for label, _ in found}


def test_a_pass_replaces_the_one_before_and_is_never_shown_twice(observer):
    observer(PseudoLabelsProposed(proposal(observer, 0, 0.5), {"accepted": 0.0}))
    assert shown(observer) == (0, {0.5})
    observer(PseudoLabelsProposed(proposal(observer, 1, 0.7), {"accepted": 12.0}))
    assert shown(observer) == (1, {0.7})
    observer(PseudoLabelsProposed(proposal(observer, 1, 0.9), {}))  # the same pass after a resume
    assert shown(observer) == (1, {0.7})
    assert observer.message == "12 of 12 pseudo-labels accepted"


def test_rows_left_by_a_crash_in_the_middle_of_a_pass_are_in_nobody_s_way(observer):
    rows = [observer._row(label, proposal(observer, 0, 0.5), set()) for label in
            proposal(observer, 0, 0.5).pseudo_labels[:3]]  # fmt: skip
    with observer.studio.database.write() as session:
        pseudo_labels.add(session, rows=rows)
    observer(PseudoLabelsProposed(proposal(observer, 0, 0.8), {}))
    assert shown(observer) == (0, {0.8})


def test_losses_and_progress_are_written_in_batches(observer):
    observer(StageStarted("pretraining", 100, "cpu"))
    for step in range(1, 101):
        observer(StepDone("pretraining", step, 100, {"loss": 1 / step}))
    with observer.studio.database.read() as session:
        steps = rounds.steps(session, round_id=observer.row.id)
        job = jobs.get(session, job_id=observer.fence.job_id)
        row = rounds.get(session, round_id=observer.row.id)
    assert [step.step for step in steps] == list(range(1, 101))
    assert steps[9].values == {"loss": 0.1}
    assert len({step.at for step in steps}) < 10
    assert (job.stage, job.step, job.steps, row.device) == ("pretraining", 100, 100, "cpu")


def test_a_lost_lease_ends_the_round_from_inside_and_nothing_is_written(observer):
    with observer.studio.database.write() as session:
        jobs.give_up(session, observer.fence)
        jobs.claim(session, owner="somebody else", kinds=["round"], lease_seconds=60)
    for event in (
        StepDone("action", 1, 1, {"loss": 1.0}),
        PseudoLabelsProposed(proposal(observer, 0, 0.5), {}),
    ):
        with pytest.raises(LeaseLost):
            observer(event)
    with observer.studio.database.read() as session:
        assert rounds.steps(session, round_id=observer.row.id) == []
        assert pseudo_labels.counts(session, round_ids=[observer.row.id]) == {}


def test_a_clip_left_out_is_only_reported(observer, caplog):
    observer(ClipLeftOut("07_up.mp4", "07_up.mp4 can't be decoded."))
    assert "leaves a clip out: 07_up.mp4 can't be decoded." in caplog.text
