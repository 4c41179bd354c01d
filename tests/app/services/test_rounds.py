"""Rounds: frozen on what people said, compared, promoted and rolled back."""

import uuid
from collections.abc import Iterator

import pytest

from app.services import datasets, queue, review, rounds, today
from app.services.round_cards import measured
from app.services.studio import StudioError
from db.repositories import classes, jobs
from db.repositories import rounds as repository
from finepseudo_core.errors import ConfigError
from tests.filled_project import Filled, empty_project, filled_project, propose


@pytest.fixture
def project(tmp_path) -> Iterator[Filled]:
    """12 labelled clips of 6 classes, and a finished round on 40 others."""
    filled = filled_project(tmp_path / "project")
    yield filled
    filled.studio.close()


@pytest.fixture
def empty(tmp_path) -> Iterator[Filled]:
    """A project with an owner and nothing else."""
    made = empty_project(tmp_path / "project")
    yield made
    made.studio.close()


def decide(project: Filled, kind: str, count: int = 1, **values: int) -> list[queue.ReviewItem]:
    """Verdicts on the next clips."""
    items = queue.next_items(project.studio, project.owner_id, limit=count).items
    events = [
        {
            "uuid": str(uuid.uuid4()),
            "clip_id": item.clip_id,
            "kind": kind,
            "predicted_class_id": item.predicted_class_id,
            "round_id": item.round_id,
            **values,
        }
        for item in items
    ]
    assert len(review.record(project.studio, project.owner_id, events).saved) == count
    return list(items)


def members(project: Filled, round_id: int) -> dict[int, repository.Member]:
    with project.studio.database.read() as session:
        return {member.clip_id: member for member in repository.members(session, round_id=round_id)}


def end(project: Filled, card: rounds.RoundCard, state: str) -> None:
    """Let a worker take the round and end it."""
    with project.studio.database.write() as session:
        job = jobs.claim(session, owner="test", kinds=["round"], lease_seconds=60)
        assert job is not None
        assert job.id == card.job_id
        jobs.finish(session, jobs.Fence(job.id, job.attempt, "test"), state=state)


def next_round(project: Filled, seed: int) -> None:
    """Another finished round with other proposals."""
    with project.studio.database.read() as session:
        class_ids = list(classes.names(session))
    propose(project.studio, class_ids, project.owner_id, seed=seed)


def test_the_next_round_learns_from_verdicts_and_from_what_was_accepted(project):
    said, refused = decide(project, "accept")[0], decide(project, "reject")[0]
    card = rounds.start(project.studio, "cpu-demo", {"pseudo_labels.threshold": 0.7}, project.owner_id)
    assert (card.number, card.state, card.labelled) == (2, "queued", 13)
    assert card.config["pseudo_labels"]["threshold"] == 0.7
    found = members(project, card.id)
    assert (found[said.clip_id].role, found[said.clip_id].label) == ("labelled", said.predicted_class_name)
    assert (found[refused.clip_id].role, found[refused.clip_id].label) == ("unlabelled", None)
    accepted = {
        clip.id for clip in datasets.clips(project.studio, datasets.ClipFilter(label="accepted")).clips
    }
    carried = {member.clip_id for member in found.values() if member.role == "unlabelled" and member.label}
    assert carried == accepted
    assert card.carried == len(accepted)


def test_a_verdict_after_the_start_changes_nothing_in_the_snapshot(project):
    card = rounds.start(project.studio, "cpu-demo", {}, project.owner_id)
    before = members(project, card.id)
    decide(project, "accept", 5)
    assert members(project, card.id) == before


def test_known_truths_take_no_part_in_training(project):
    card = rounds.start(project.studio, "cpu-demo", {}, project.owner_id)
    hidden = [member for member in members(project, card.id).values() if member.role == "unlabelled"]
    accepted = datasets.clips(project.studio, datasets.ClipFilter(label="accepted")).total
    assert all(member.truth for member in hidden)
    assert sum(member.label is not None for member in hidden) == accepted, "labels are proposals only"


@pytest.mark.parametrize(("preset", "changes"), [("huge", {}), ("cpu-demo", {"pseudo_labels.treshold": 0.5}),
                                                 ("cpu-demo", {"pseudo_labels.threshold": 7})])  # fmt: skip
def test_a_setting_that_is_none_queues_nothing(project, preset, changes):
    with pytest.raises(ConfigError):
        rounds.start(project.studio, preset, changes, project.owner_id)
    assert len(rounds.listing(project.studio)) == 1


def test_without_labels_the_error_says_what_to_do(empty):
    with pytest.raises(StudioError, match="Import a CSV with labels"):
        rounds.start(empty.studio, "cpu-demo", {}, empty.owner_id)


def test_a_class_with_one_labelled_clip_is_named(tmp_path):
    scarce = filled_project(tmp_path / "scarce", labelled=11, finished_rounds=0)
    with pytest.raises(StudioError, match="reverse 1½, ½ twist, free has only one labelled clip"):
        rounds.start(scarce.studio, "cpu-demo", {}, scarce.owner_id)
    scarce.studio.close()


def test_one_round_at_a_time(project):
    first = rounds.start(project.studio, "cpu-demo", {}, project.owner_id)
    with pytest.raises(StudioError, match="queued or running already"):
        rounds.start(project.studio, "cpu-demo", {}, project.owner_id)
    rounds.cancel(project.studio, first.id)
    second = rounds.start(project.studio, "cpu-demo", {}, project.owner_id)
    with pytest.raises(StudioError, match="queued or running already"):
        rounds.resume(project.studio, first.id)
    assert (first.number, second.number) == (2, 3)


def test_a_queued_round_is_cancelled_at_once_and_can_be_resumed(project):
    card = rounds.start(project.studio, "cpu-demo", {}, project.owner_id)
    rounds.cancel(project.studio, card.id)
    assert rounds.card(project.studio, card.id).state == "cancelled"
    with pytest.raises(StudioError, match="is over"):
        rounds.cancel(project.studio, card.id)
    rounds.resume(project.studio, card.id)
    assert rounds.card(project.studio, card.id).state == "queued"


def test_live_losses_come_in_stretches(project):
    whole = rounds.progress(project.studio, 1)
    assert len(whole.losses["action/loss"]) == 40
    later = rounds.progress(project.studio, 1, since_step_id=whole.last_step_id)
    assert (later.losses, later.last_step_id) == ({}, whole.last_step_id)
    assert rounds.progress(project.studio, 99) is None


def test_rolling_back_twice_goes_back_two_rounds(project):
    for seed in (1, 2):
        next_round(project, seed)
    assert rounds.active(project.studio).number == 3
    assert rounds.roll_back(project.studio, project.owner_id).number == 2
    assert rounds.roll_back(project.studio, project.owner_id).number == 1
    with pytest.raises(StudioError, match="nothing to roll back to"):
        rounds.roll_back(project.studio, project.owner_id)
    rounds.promote(project.studio, 3, project.owner_id)
    assert rounds.active(project.studio).number == 3
    assert rounds.rolls_back_to(project.studio) == 1
    assert rounds.roll_back(project.studio, project.owner_id).number == 1
    assert rounds.rolls_back_to(project.studio) is None
    chosen = [(choice.number, choice.by, choice.rolled_back) for choice in rounds.choices(project.studio)]
    assert chosen[:2] == [(1, "owner", True), (3, "owner", False)]
    assert chosen[-1] == (1, None, False)


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_only_a_round_that_succeeded_can_be_promoted(project, state):
    card = rounds.start(project.studio, "cpu-demo", {}, project.owner_id)
    end(project, card, state)
    with pytest.raises(StudioError, match=f"is {state}; only a round that succeeded"):
        rounds.promote(project.studio, card.id, project.owner_id)


def test_precision_counts_verdicts_on_accepted_labels_only(project):
    items = decide(project, "accept", 40)
    accepted = [item for item in items if item.accepted]
    found = rounds.active(project.studio).reviewed_precision
    assert (found.right, found.of) == (len(accepted), len(accepted))
    assert found.low < found.value == 1.0 == pytest.approx(found.high)


def test_known_precision_compares_with_truths(project):
    cards = datasets.clips(project.studio, datasets.ClipFilter(label="accepted"), limit=100).clips
    card = rounds.active(project.studio)
    names = [name for _, name in review.classes(project.studio)]
    right = sum(clip.proposed.class_name == names[int(clip.key[5:8]) % len(names)] for clip in cards)
    assert (card.known_precision.right, card.known_precision.of) == (right, len(cards))
    assert today.overview(project.studio, project.owner_id).known_precision == card.known_precision


def test_the_interval_is_wilson_s():
    found = measured(8, 10)
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert measured(0, 0) is None
