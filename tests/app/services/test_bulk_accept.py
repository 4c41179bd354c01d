"""Many clips at once: who is left out, the sample that can't be skipped, and undo as one action."""

import uuid

import pytest
from sqlalchemy import func, select

from app.services import bulk_accept, datasets, review
from app.services.clip_listing import clip_ids as matching
from app.services.datasets import ClipFilter
from app.services.round_cards import measured, round_cards
from app.services.studio import StudioError
from db.models import PseudoLabel, Verdict
from db.repositories import audits, pseudo_labels, rounds, verdicts
from tests.app.services.test_review import event
from tests.db.rows import add_clips, add_round, make_ready, publish

DIVE, FALL, JUMP = 1, 2, 3


@pytest.fixture
def clip_ids(studio) -> list[int]:
    """Seventy clips: two labelled, 64 proposed as "dive", two as "fall", two not at all."""
    with studio.database.write() as session:
        ids = add_clips(session, 70, labelled=2)
        row = add_round(session)
        publish(session, row, {
            clip_id: (DIVE if place < 64 else FALL, 0.01 * place, place % 2 == 0)
            for place, clip_id in enumerate(ids[2:68])
        })  # fmt: skip
        return ids


def draw(studio) -> set[int]:
    """Draw the blind audit; returns the clips drawn."""
    with studio.database.write() as session:
        row = rounds.under_review(session)
        audits.draw(session, row=row)
        return {clip.id for clip in audits.waiting(session, row=row, limit=100, without=())}


def says(clip_id: int, right: bool) -> dict[str, object]:
    return {"uuid": str(uuid.uuid4()), "clip_id": clip_id, "right": right}


def look_at_all(studio, reviewer: int, bulk, wrong: int = 0) -> None:
    bulk_accept.look(
        studio, reviewer, bulk, [says(each, place >= wrong) for place, each in enumerate(bulk.sample)]
    )


def carry_out(studio, reviewer: int, bulk) -> int:
    return [now.saved for now in bulk_accept.carry_out(studio, reviewer, bulk)][-1]


def log(studio) -> list[Verdict]:
    with studio.database.read() as session:
        assert verdicts.broken(session) == []
        return list(session.scalars(select(Verdict).order_by(Verdict.id)))


@pytest.mark.parametrize(
    ("count", "size", "promise"),
    [(0, 0, 0), (20, 0, 0), (21, 10, 0.72), (100, 10, 0.72), (101, 20, 0.83), (500, 20, 0.83),
     (501, 30, 0.88), (100_000, 30, 0.88)],
)  # fmt: skip
def test_the_sample_grows_with_what_follows_unseen(count, size, promise):
    assert bulk_accept.sample_size(count) == size
    assert not size or measured(size, size).low > promise


def test_up_to_twenty_are_accepted_without_a_sample_and_undone_as_one(studio, ada, clip_ids):
    bulk = bulk_accept.plan(studio, ada, "accept", clip_ids[2:22])
    assert (len(bulk.clip_ids), bulk.sample, bulk.left_out) == (20, (), {})
    assert carry_out(studio, ada, bulk) == 20
    rows = log(studio)
    assert {(row.kind, row.class_id, row.predicted_class_id, row.round_id) for row in rows} == {
        ("accept", DIVE, DIVE, 1)
    }
    assert {row.note for row in rows} == {f"one of 20 decided on at once [bulk {bulk.id}]"}
    assert bulk_accept.newest(studio, ada) == bulk_accept.Done(bulk.id, "accept", 20)
    for _ in range(2):
        list(bulk_accept.undo(studio, ada, bulk.id))
    assert len(log(studio)) == 40
    assert bulk_accept.newest(studio, ada) is None
    assert not matching(studio, ClipFilter(label="labelled", class_id=DIVE, clip_ids=tuple(clip_ids[2:])))


def test_carrying_out_again_after_an_interruption_doubles_nothing(studio, ada, clip_ids, monkeypatch):
    monkeypatch.setattr(bulk_accept, "STEP", 8)
    bulk = bulk_accept.plan(studio, ada, "accept", clip_ids[2:22])
    interrupted = bulk_accept.carry_out(studio, ada, bulk)
    assert next(interrupted).saved == 8
    interrupted.close()
    assert carry_out(studio, ada, bulk) == 20
    assert len(log(studio)) == 20


def test_more_than_twenty_wait_for_the_sample(studio, ada, clip_ids):
    bulk = bulk_accept.plan(studio, ada, "accept", clip_ids[2:66])
    assert len(set(bulk.sample)) == 10
    assert set(bulk.sample) < set(bulk.clip_ids)
    assert len(bulk.rest) == 54
    for wrong in (0, 3):
        with pytest.raises(StudioError, match="all 10 clips"):
            next(bulk_accept.carry_out(studio, ada, bulk))
        some = [says(clip_id, True) for clip_id in bulk.sample[wrong : wrong + 3]]
        bulk_accept.look(studio, ada, bulk, some)
    assert bulk_accept.found(bulk, bulk_accept.looks(studio, ada, bulk)) is None
    undone = says(bulk.sample[6], True)
    bulk_accept.look(studio, ada, bulk, [undone, *(says(each, True) for each in bulk.sample[7:])])
    back = {"uuid": str(uuid.uuid4()), "undoes_uuid": undone["uuid"]}
    bulk_accept.look(studio, ada, bulk, [undone, back])
    assert bulk_accept.found(bulk, bulk_accept.looks(studio, ada, bulk)) is None
    bulk_accept.look(studio, ada, bulk, [undone, back, says(bulk.sample[6], False)])
    share = bulk_accept.found(bulk, bulk_accept.looks(studio, ada, bulk))
    assert share == measured(9, 10)
    assert carry_out(studio, ada, bulk) == 54
    kinds = {row.clip_id: row.kind for row in log(studio) if row.kind != "undo"}
    assert [clip_id for clip_id, kind in kinds.items() if kind == "reject"] == [bulk.sample[6]]
    assert log(studio)[-1].note.startswith(
        "one of 54 decided on at once, 9 of 10 looked at before were right"
    )


def test_only_what_was_looked_at_says_how_right_the_round_is(studio, ada, clip_ids):
    bulk = bulk_accept.plan(studio, ada, "accept", clip_ids[2:60])
    look_at_all(studio, ada, bulk, wrong=3)
    assert carry_out(studio, ada, bulk) == 48
    with studio.database.read() as session:
        ids = [rounds.under_review(session).id]
        accepted = set(session.scalars(select(PseudoLabel.clip_id).where(PseudoLabel.accepted)))
        (answer,) = pseudo_labels.against_verdicts(session, round_ids=ids).values()
    seen = [clip_id in accepted for clip_id in bulk.sample]
    assert answer == (sum(seen[3:]), sum(seen))


def test_the_sample_stays_when_the_others_are_taken_back(studio, ada, clip_ids):
    bulk = bulk_accept.plan(studio, ada, "accept", clip_ids[2:66])
    look_at_all(studio, ada, bulk, wrong=1)
    carry_out(studio, ada, bulk)
    list(bulk_accept.undo(studio, ada, bulk.id))
    standing = {clip.id for clip in datasets.clips(studio, ClipFilter(reviewer_id=ada)).clips}
    assert standing == set(bulk.sample)


def test_nobody_else_s_look_counts(studio, ada, bea, clip_ids):
    bulk = bulk_accept.plan(studio, ada, "accept", clip_ids[2:66])
    look_at_all(studio, bea, bulk)
    with pytest.raises(StudioError, match="all 10"):
        next(bulk_accept.carry_out(studio, ada, bulk))


def test_a_look_at_a_clip_outside_the_sample_is_not_saved(studio, ada, clip_ids):
    bulk = bulk_accept.plan(studio, ada, "accept", clip_ids[2:66])
    bulk_accept.look(studio, ada, bulk, [says(bulk.rest[0], True), {"uuid": 3}, "x", {"clip_id": []}])
    assert log(studio) == []


def test_the_same_clips_draw_the_same_sample_and_others_another_one(studio, ada, clip_ids):
    first, again = (bulk_accept.plan(studio, ada, "accept", clip_ids[2:66]) for _ in range(2))
    fewer = bulk_accept.plan(studio, ada, "accept", clip_ids[3:66])
    assert first.sample == again.sample != fewer.sample
    assert list(first.sample) != sorted(first.sample)


def test_clips_drawn_for_a_blind_check_are_left_out_and_said(studio, ada, clip_ids):
    drawn = draw(studio)
    assert drawn
    for kind, more in (("accept", {}), ("class", {"class_id": DIVE}), ("reject", {})):
        bulk = bulk_accept.plan(studio, ada, kind, clip_ids[2:66], **more)
        assert not drawn & set(bulk.clip_ids)
        assert bulk.left_out["audit"] == len(drawn & set(clip_ids[2:66]))
    flagged = bulk_accept.plan(studio, ada, "flag", clip_ids[2:66], note="dark")
    assert drawn & set(clip_ids[2:66]) <= set(flagged.clip_ids)
    bulk = bulk_accept.plan(studio, ada, "accept", clip_ids[2:66])
    look_at_all(studio, ada, bulk)
    carry_out(studio, ada, bulk)
    right = next(iter(drawn))
    review.record(studio, ada, [event("correct", right, class_id=DIVE, round_id=1, blind=True)])
    with studio.database.read() as session:
        share = round_cards(session)[0].audited_precision
        open_checks = audits.waiting(session, row=rounds.under_review(session), limit=100, without=())
    assert (share.right, share.of) == (1, 1)
    assert {clip.id for clip in open_checks} == drawn - {right}


def test_what_can_not_be_accepted_is_left_out_with_its_reason(studio, ada, clip_ids):
    with studio.database.write() as session:
        (waiting,) = add_clips(session, 1, ready=False, prefix="waiting")
    review.record(studio, ada, [event("novel", clip_ids[5], round_id=1)])
    wanted = [*clip_ids[:8], clip_ids[69], waiting, 999_999]
    bulk = bulk_accept.plan(studio, ada, "accept", wanted)
    assert bulk.clip_ids == (*clip_ids[2:5], *clip_ids[6:8])
    assert bulk.left_out == {"decided": 3, "proposal": 1, "unreadable": 1}
    every = bulk_accept.plan(studio, ada, "class", wanted, class_id=JUMP)
    assert (len(every.clip_ids), every.decided) == (9, 3)
    with studio.database.write() as session:
        make_ready(session, waiting)
    assert waiting in bulk_accept.plan(studio, ada, "class", wanted, class_id=JUMP).clip_ids


def test_a_clip_decided_on_after_the_plan_is_left_alone(studio, ada, bea, clip_ids):
    bulk = bulk_accept.plan(studio, ada, "accept", clip_ids[2:10])
    review.record(studio, bea, [event("correct", clip_ids[4], class_id=FALL, round_id=1)])
    assert carry_out(studio, ada, bulk) == 7
    assert datasets.clip(studio, clip_ids[4]).label_id == FALL


def test_all_of_one_class_corrects_what_was_proposed_otherwise(studio, ada, clip_ids):
    bulk = bulk_accept.plan(studio, ada, "class", clip_ids[60:70], class_id=FALL)
    carry_out(studio, ada, bulk)
    kinds = [row.kind for row in log(studio)]
    assert (kinds.count("correct"), kinds.count("accept")) == (8, 2)
    assert {datasets.clip(studio, clip_id).label_id for clip_id in bulk.clip_ids} == {FALL}


def test_a_class_for_many_is_looked_at_first_too(studio, ada, clip_ids):
    bulk = bulk_accept.plan(studio, ada, "class", clip_ids[40:70], class_id=FALL)
    assert len(bulk.sample) == 10
    bulk_accept.look(studio, ada, bulk, [says(clip_id, False) for clip_id in bulk.sample])
    for row in log(studio):
        assert row.kind == ("reject" if row.predicted_class_id == FALL else "skip")


def test_flags_carry_the_note_and_settle_nothing(studio, ada, clip_ids):
    with pytest.raises(StudioError, match="Write a note"):
        bulk_accept.plan(studio, ada, "flag", clip_ids[2:5], note="  ")
    bulk = bulk_accept.plan(studio, ada, "flag", clip_ids[2:40], note="too dark")
    assert carry_out(studio, ada, bulk) == 38
    assert {row.note for row in log(studio)} == {f"too dark [bulk {bulk.id}]"}
    assert datasets.clips(studio, ClipFilter(label="accepted")).total == 33


@pytest.mark.parametrize(("kind", "more"), [("class", {}), ("class", {"class_id": 99})])
def test_a_class_that_is_not_there_is_refused(studio, ada, clip_ids, kind, more):
    with pytest.raises(StudioError, match="class"):
        bulk_accept.plan(studio, ada, kind, clip_ids[2:5], **more)


def test_a_person_who_was_removed_decides_on_nothing(studio, clip_ids):
    with pytest.raises(StudioError, match="signed in"):
        bulk_accept.plan(studio, 999, "accept", clip_ids[2:5])
    with studio.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Verdict)) == 0


def test_undo_is_offered_only_while_the_action_is_the_newest(studio, ada, bea, clip_ids):
    carry_out(studio, ada, bulk_accept.plan(studio, ada, "reject", clip_ids[2:5]))
    assert bulk_accept.newest(studio, ada).kind == "reject"
    assert bulk_accept.newest(studio, bea) is None
    sent = event("novel", clip_ids[9], round_id=1)
    review.record(studio, ada, [sent])
    assert bulk_accept.newest(studio, ada) is None
    review.record(studio, ada, [event("undo", clip_ids[9], undoes_uuid=sent["uuid"])])
    assert bulk_accept.newest(studio, ada).clips == 3
