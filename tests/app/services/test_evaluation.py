"""Rounds against what is known: counted anew after verdicts, undo and merges."""

import uuid

import numpy as np
import pytest
from sqlalchemy import update

from app.services import class_changes, evaluation, review, users
from app.services.review_quality import BREAK
from db.models import PseudoLabel
from db.repositories import jobs, rounds
from tests.app.services.test_review import event
from tests.db.rows import add_clips, add_round, publish
from tests.filled_project import claim

DIVE, FALL, JUMP = 1, 2, 3


@pytest.fixture
def clip_ids(studio) -> list[int]:
    """Twelve clips whose classes come in turn: three labelled, five proposed as what they are but for the
    last, which is a fall proposed as "dive"; four test clips, all told "dive". Confidences 0.5 to 0.9."""
    with studio.database.write() as session:
        ids = add_clips(session, 12, labelled=3, test=4, truths=True)
        row = add_round(session)
        known = [1 + place % 3 for place in range(12)]
        said = {ids[place]: known[place] for place in range(3, 7)} | {ids[7]: DIVE}
        publish(session, row, {clip: (said[clip], 0.2 * at, at > 0) for at, clip in enumerate(said)})
        rounds.set_test_predictions(session, round_id=row.id, predictions=dict.fromkeys(ids[8:], DIVE))
        rounds.set_result(session, round_id=row.id, metrics={"test_top1_both": 0.75})
        jobs.finish(session, claim(session, "round"), state="succeeded")
        return ids


def owner(studio) -> int:
    return users.create(studio, "olga", "admin")[0].id


def correct(studio, who: int, clip_id: int, class_id: int, **values) -> str:
    sent = event("correct", clip_id, class_id=class_id, round_id=1, **values)
    assert not review.record(studio, who, [sent]).refused
    return sent["uuid"]


def share(found) -> tuple[int, int]:
    return found.right, found.of


def test_a_project_without_a_finished_round_has_no_scores(studio, ada):
    assert evaluation.scores(studio) == ()
    with studio.database.write() as session:
        add_clips(session, 4, labelled=2)
        add_round(session)
    assert evaluation.scores(studio) == ()


def test_test_clips_are_counted_by_what_is_known_now(studio, ada, clip_ids):
    (score,) = evaluation.scores(studio)
    assert share(score.action) == (1, 4)  # test clips are jump, dive, fall, jump
    assert (score.alignability, share(score.both)) == (None, (3, 4))
    changed = correct(studio, ada, clip_ids[8], DIVE)
    assert share(evaluation.scores(studio)[0].action) == (2, 4)
    review.record(studio, ada, [event("undo", clip_ids[8], undoes_uuid=changed, round_id=1)])
    assert share(evaluation.scores(studio)[0].action) == (1, 4)
    class_changes.merge(studio, owner(studio), JUMP, DIVE, str(uuid.uuid4()))
    assert share(evaluation.scores(studio)[0].action) == (3, 4)


def test_confusion_of_test_clips_and_the_classes_in_it(studio, ada, clip_ids):
    found = evaluation.confusion(studio, 1)
    assert share(found.right) == (1, 4)
    assert [(one.is_name, one.said, one.clips) for one in found.mix_ups] == [
        ("jump", "dive", 2), ("fall", "dive", 1),
    ]  # fmt: skip
    place = {name: at for at, name in enumerate(found.names)}
    assert found.counts[place["jump"], place["dive"]] == 2
    assert found.counts.sum() == 4
    rows = evaluation.by_class(found)
    assert [(row.name, share(row.right), row.taken_for) for row in rows] == [
        ("jump", (0, 2), "dive"), ("fall", (0, 1), "dive"), ("dive", (1, 1), None),
    ]  # fmt: skip
    clips, total = evaluation.confused_clips(studio, 1, DIVE, JUMP, on_test=True, limit=1)
    assert ([clip.id for clip in clips], total) == ([clip_ids[8]], 2)


def test_accepted_proposals_against_people_and_held_back_labels(studio, ada, clip_ids):
    found = evaluation.confusion(studio, 1, on_test=False)
    assert share(found.right) == (3, 4)  # one of the five is not accepted
    assert [(one.is_name, one.said, one.clips) for one in found.mix_ups] == [("fall", "dive", 1)]
    clips, _ = evaluation.confused_clips(studio, 1, DIVE, FALL, on_test=False, limit=9)
    assert [clip.id for clip in clips] == [clip_ids[7]]
    correct(studio, ada, clip_ids[7], DIVE)
    assert share(evaluation.confusion(studio, 1, on_test=False).right) == (4, 4)


def test_a_merge_makes_a_mix_up_right(studio, ada, clip_ids):
    class_changes.merge(studio, owner(studio), FALL, DIVE, str(uuid.uuid4()))
    found = evaluation.confusion(studio, 1, on_test=False)
    assert (share(found.right), found.mix_ups, sorted(found.names)) == ((4, 4), (), ["dive", "jump"])
    clips, total = evaluation.confused_clips(studio, 1, DIVE, DIVE, on_test=False, limit=9)
    assert (len(clips), total) == (3, 3)
    known = evaluation.reliability(studio, 1, "known")
    assert sum(one.right.right for one in known.bins) == 5


def test_reliability_by_held_back_labels(studio, ada, clip_ids):
    found = evaluation.reliability(studio, 1, "known")
    assert found.clips == 5
    assert [(one.low, share(one.right)) for one in found.bins] == [
        (0.5, (1, 1)), (0.6, (1, 1)), (0.7, (1, 1)), (0.8, (1, 1)), (0.9, (0, 1)),
    ]  # fmt: skip
    assert found.bins[1].sure == pytest.approx(0.605)
    assert [(step.confidence, step.accepted, share(step.right)) for step in found.thresholds] == [
        (0.5, 5, (4, 5)), (0.6, 4, (3, 4)), (0.7, 3, (2, 3)), (0.8, 2, (1, 2)), (0.9, 1, (0, 1)),
    ]  # fmt: skip
    assert found.thresholds[1].share == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("confidence", "low"), [(0.6, 0.6), (0.59999, 0.6), (0.5999, 0.5), (0.69, 0.6), (0.699, 0.6), (1.0, 0.9)]
)
def test_confidences_fall_into_the_same_bar_on_both_databases(studio, ada, clip_ids, confidence, low):
    with studio.database.write() as session:
        session.execute(update(PseudoLabel).values(confidence=confidence))
    (one,) = evaluation.reliability(studio, 1, "known").bins
    assert (one.low, share(one.right)) == (low, (4, 5))


def test_reliability_by_verdicts_follows_undo(studio, ada, clip_ids):
    assert evaluation.reliability(studio, 1, "verdicts") is None
    review.record(studio, ada, [
        event("accept", clip_ids[3], predicted_class_id=DIVE, round_id=1),
        event("reject", clip_ids[4], predicted_class_id=FALL, round_id=1),
    ])  # fmt: skip
    changed = correct(studio, ada, clip_ids[5], DIVE)
    found = evaluation.reliability(studio, 1, "verdicts")
    assert [share(one.right) for one in found.bins] == [(1, 1), (0, 1), (0, 1)]
    review.record(studio, ada, [event("undo", clip_ids[5], undoes_uuid=changed, round_id=1)])
    assert evaluation.reliability(studio, 1, "verdicts").clips == 2


def test_the_cost_of_a_round_is_what_was_given_before_it(studio, ada, clip_ids):
    assert (evaluation.scores(studio)[0].verdicts, evaluation.scores(studio)[0].seconds) == (0, 0.0)
    correct(studio, ada, clip_ids[3], DIVE, seconds=4.0)
    review.record(studio, ada, [event("skip", clip_ids[6], round_id=1, seconds=1.5)])
    undone = correct(studio, ada, clip_ids[4], DIVE, seconds=10_000.0)
    review.record(studio, ada, [event("undo", clip_ids[4], undoes_uuid=undone, round_id=1)])
    with studio.database.write() as session:
        add_round(session, base=rounds.get(session, round_id=1))
        jobs.finish(session, claim(session, "round"), state="succeeded")
    correct(studio, ada, clip_ids[4], FALL, seconds=3.0)
    first, second = evaluation.scores(studio)
    assert (first.number, first.verdicts) == (1, 0)
    assert (second.verdicts, second.seconds) == (1, pytest.approx(5.5 + BREAK))


def test_a_class_without_test_clips_has_no_score():
    counts = np.array([[2, 1, 0], [0, 0, 0], [0, 0, 3]])
    found = evaluation.Confusion((7, 8, 9), ("a", "b", "c"), counts, ())
    assert [(row.name, row.taken_for) for row in evaluation.by_class(found)] == [("a", "b"), ("c", None)]
