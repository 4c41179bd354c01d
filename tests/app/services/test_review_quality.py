"""Blind checks, conflicts, times and habits: what counts, and what an undo takes back."""

import uuid

import pytest

from app.services import class_changes, review, review_quality, users
from app.services.review_quality import BREAK, checks_needed, times
from app.services.round_cards import measured
from db.repositories import audits, rounds
from db.repositories.review_work import Pace
from tests.app.services.test_review import event
from tests.db.rows import add_clips, add_round, publish

DIVE, FALL, JUMP = 1, 2, 3


@pytest.fixture
def clip_ids(studio) -> list[int]:
    """Forty clips: two labelled, 38 proposed and accepted as "dive"; four are drawn for blind checks."""
    with studio.database.write() as session:
        ids = add_clips(session, 40, labelled=2, truths=True)
        row = add_round(session)
        publish(session, row, dict.fromkeys(ids[2:], (DIVE, 0.5, True)))
        session.refresh(row)
        assert audits.draw(session, row=row) == 4
        rounds.promote(session, round_id=row.id)
        return ids


def drawn(studio) -> list[int]:
    with studio.database.read() as session:
        row = rounds.under_review(session)
        return [clip.id for clip in audits.waiting(session, row=row, limit=9, without=())]


def blind(studio, who: int, clip_id: int, class_id: int) -> str:
    sent = event("correct", clip_id, class_id=class_id, round_id=1, blind=True)
    review.record(studio, who, [sent])
    return sent["uuid"]


def seen(studio, who: int, kind: str, clip_id: int, seconds: float | None = 2.0, **values) -> str:
    known = {"predicted_class_id": DIVE, "round_id": 1, "seconds": seconds}
    sent = event(kind, clip_id, **{**known, **values})
    assert not review.record(studio, who, [sent]).refused
    return sent["uuid"]


def test_blind_checks_grow_and_shrink_with_undo(studio, ada, clip_ids):
    (audit,) = review_quality.audits(studio)
    assert (audit.drawn, audit.precision, audit.needed, audit.active) == (4, None, 381, True)
    first, second, third, _ = drawn(studio)
    blind(studio, ada, first, DIVE)
    wrong = blind(studio, ada, second, FALL)
    review.record(studio, ada, [event("novel", third, round_id=1, blind=True)])
    (audit,) = review_quality.audits(studio)
    assert [(one.right, one.of) for one in audit.trail] == [(1, 1), (1, 2), (1, 3)]
    assert [(miss.clip_id, miss.proposed, miss.answer) for miss in audit.misses] == [
        (third, "dive", "none of the classes"), (second, "dive", "fall"),
    ]  # fmt: skip
    review.record(studio, ada, [event("undo", second, undoes_uuid=wrong, round_id=1)])
    (audit,) = review_quality.audits(studio)
    assert (audit.precision.right, audit.precision.of, len(audit.misses)) == (1, 2, 1)


def test_a_merge_makes_a_blind_answer_right(studio, ada, clip_ids):
    blind(studio, ada, drawn(studio)[0], FALL)
    owner = users.create(studio, "olga", "admin")[0].id
    class_changes.merge(studio, owner, FALL, DIVE, str(uuid.uuid4()))
    (audit,) = review_quality.audits(studio)
    assert (audit.precision.right, audit.misses) == (1, ())


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.87, 0.98, 1.0])
def test_the_number_of_checks_is_the_fewest_that_suffice(share):
    needed = checks_needed(share)

    def half(of: int) -> float:
        found = measured(1, 1) if not of else _at(share, of)
        return (found[1] - found[0]) / 2

    assert half(needed) <= 0.05 + 1e-12
    assert half(needed - 1) > 0.05


def _at(share: float, of: int) -> tuple[float, float]:
    """Wilson's interval, from its definition: the shares whose own deviation would explain the one seen."""
    z2 = 1.959964**2
    middle, spread = 2 * of * share + z2, z2 * (z2 + 4 * of * share * (1 - share))
    return (middle - spread**0.5) / (2 * (of + z2)), (middle + spread**0.5) / (2 * (of + z2))


def test_conflicts_tell_both_opinions_the_newest_clip_first(studio, ada, bea, clip_ids):
    assert review_quality.conflicts(studio) == ((), 0)
    one, other = [clip for clip in clip_ids[2:] if clip not in drawn(studio)][:2]
    for clip in (one, other):
        seen(studio, ada, "accept", clip)
        taken_back = seen(studio, bea, "correct", clip, class_id=FALL)
    seen(studio, ada, "correct", clip_ids[0], class_id=JUMP)  # the import says dive
    found, total = review_quality.conflicts(studio)
    assert total == 3
    assert [conflict.clip_id for conflict in found] == [clip_ids[0], other, one]
    assert found[0].opinions == (("ada", "jump"), ("the import", "dive"))
    assert found[1].opinions == (("bea", "fall"), ("ada", "dive"))
    review.record(studio, bea, [event("undo", other, undoes_uuid=taken_back, round_id=1)])
    assert review_quality.conflicts(studio, limit=1)[1] == 2


@pytest.mark.parametrize(
    ("tenths", "median", "most"),
    [([7], 0.7, 0.7), ([10, 20], 1.0, 2.0), (range(10, 110, 10), 5.0, 9.0), ([5] * 9 + [900], 0.5, 0.5)],
)
def test_percentiles_are_times_that_so_many_clips_did_not_exceed(tenths, median, most):
    found = times(Pace(1, "accept", one, 1) for one in tenths)
    assert (found.median, found.most, found.clips) == (median, most, len(tenths))
    assert times([]) is None


def test_times_leave_breaks_and_undone_verdicts_out(studio, ada, clip_ids):
    clips = [clip for clip in clip_ids[2:] if clip not in drawn(studio)]
    for clip, seconds in zip(clips, (2.0, 4.0, 4.04, 9999.0), strict=False):
        seen(studio, ada, "accept", clip, seconds)
    gone = seen(studio, ada, "accept", clips[5], 50.0)
    review.record(studio, ada, [event("undo", clips[5], undoes_uuid=gone, round_id=1)])
    seen(studio, ada, "correct", clips[6], None, class_id=FALL)
    (one,) = review_quality.reviewers(studio)
    assert (one.name, one.verdicts) == ("ada", 5)
    assert (one.times[""].median, one.times[""].most, one.times[""].clips) == (4.0, BREAK, 4)
    assert set(one.times) == {"", "accept"}
    assert one.per_hour == pytest.approx(4 / (10 + BREAK) * 3600)
    assert one.seconds == pytest.approx(10.04 + 50 + BREAK)
    (day,) = review_quality.work_days(studio)
    assert (day.name, day.verdicts, day.seconds) == ("ada", 5, one.seconds)


def test_habits_tell_blind_from_seen_and_wrong_proposals_taken_over(studio, ada, bea, clip_ids):
    open_clips = [clip for clip in clip_ids[2:] if clip not in drawn(studio)]
    kind_of = {clip: 1 + place % 3 for place, clip in enumerate(clip_ids)}
    wrong = [clip for clip in open_clips if kind_of[clip] != DIVE]
    right = [clip for clip in open_clips if kind_of[clip] == DIVE]
    seen(studio, ada, "accept", right[0])
    seen(studio, ada, "accept", wrong[0])
    seen(studio, ada, "correct", wrong[1], class_id=kind_of[wrong[1]])
    seen(studio, ada, "novel", wrong[2])
    blind(studio, ada, drawn(studio)[0], DIVE)
    seen(studio, bea, "skip", wrong[4])
    ada_works, bea_works = review_quality.reviewers(studio)
    assert ada_works.kinds == {"accept": 0.5, "correct": 0.25, "reject": 0.0, "novel": 0.25}
    assert (ada_works.blind.right, ada_works.blind.of) == (1, 1)
    assert (ada_works.misled.right, ada_works.misled.of) == (1, 3)
    assert (bea_works.kinds, bea_works.blind, bea_works.misled, bea_works.verdicts) == ({}, None, None, 0)


def test_nobody_has_done_anything_yet(studio, ada):
    assert review_quality.reviewers(studio) == ()
    assert review_quality.work_days(studio) == ()
    assert review_quality.audits(studio) == ()
