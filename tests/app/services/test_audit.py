"""The blind audit: drawn once, hidden, held out, counted, and taken back."""

import pytest

from app.services import queue, review, today
from app.services.queue import BareItem
from app.services.round_cards import measured, round_cards
from db.repositories import audits, rounds
from tests.app.services.test_review import event
from tests.db.rows import add_clips, add_round, decide, publish

DIVE, FALL = 1, 2


@pytest.fixture
def clip_ids(studio) -> list[int]:
    """Sixty clips: two labelled, 58 proposed as "dive", every other one accepted; six are drawn."""
    with studio.database.write() as session:
        ids = add_clips(session, 60, labelled=2)
        row = add_round(session)
        publish(
            session, row, {each: (DIVE, 0.01 * place, place % 2 == 0) for place, each in enumerate(ids[2:])}
        )
        session.refresh(row)
        assert audits.draw(session, row=row) == 6
        assert audits.draw(session, row=row) == 0
        return ids


def drawn(studio) -> list[int]:
    with studio.database.read() as session:
        row = rounds.under_review(session)
        return [clip.id for clip in audits.waiting(session, row=row, limit=100, without=())]


def precision(studio):
    with studio.database.read() as session:
        return round_cards(session)[0].audited_precision


def test_the_draw_is_of_accepted_labels_and_looks_random(studio, ada, clip_ids):
    found = drawn(studio)
    assert len(set(found)) == 6
    assert all((clip_ids.index(clip_id) - 2) % 2 == 0 for clip_id in found)
    assert found != sorted(found)


def test_one_item_in_ten_is_blind_and_stays_where_it_is(studio, ada, clip_ids):
    first = queue.next_items(studio, ada, limit=30).items
    blind = [place for place, item in enumerate(first) if isinstance(item, BareItem)]
    assert len(blind) == 3
    assert {after - before for before, after in zip(blind, blind[1:], strict=False)} == {10}
    assert [first[place].clip_id for place in blind] == drawn(studio)[:3]
    for item in first[:4]:
        sent = event("novel", item.clip_id, round_id=1, blind=isinstance(item, BareItem))
        review.record(studio, ada, [sent])
    then = queue.next_items(studio, ada, limit=26).items
    assert [item.clip_id for item in then] == [item.clip_id for item in first[4:]]


@pytest.mark.parametrize("name", ["margin", "random", "alignability"])
def test_drawn_clips_come_up_blind_only(studio, ada, clip_ids, name):
    items = queue.next_items(studio, ada, limit=100, name=name).items
    assert sorted(item.clip_id for item in items) == clip_ids[2:]
    assert {item.clip_id for item in items if isinstance(item, BareItem)} == set(drawn(studio))


def test_a_blind_item_says_nothing_of_the_proposal(studio, ada, clip_ids):
    items = queue.next_items(studio, ada, limit=100).items
    item = next(each for each in items if isinstance(each, BareItem))
    assert not {"classes", "nearest", "examples", "predicted_class_id", "confidence"} & set(vars(item))
    assert "dive" not in repr(item)
    assert queue.decided(studio, ada, item.clip_id, "nothing") == item


def test_the_answer_is_an_ordinary_verdict_that_counts_until_undone(studio, ada, clip_ids):
    right, wrong, novel, skipped = drawn(studio)[:4]
    sent = event("correct", right, class_id=DIVE, round_id=1, blind=True)
    review.record(studio, ada, [
        sent, event("correct", wrong, class_id=FALL, round_id=1, blind=True),
        event("novel", novel, round_id=1, blind=True), event("skip", skipped, round_id=1, blind=True),
    ])  # fmt: skip
    kinds = {card.clip_id: (card.kind, card.predicted_class_name) for card in review.history(studio, ada)}
    assert kinds[right] == ("accept", "dive")
    assert kinds[wrong] == ("correct", "dive")
    assert (precision(studio).right, precision(studio).of) == (1, 3)
    assert today.overview(studio, ada).audited_precision == precision(studio)
    review.record(studio, ada, [sent, event("undo", right, undoes_uuid=sent["uuid"], round_id=1)])
    assert (precision(studio).right, precision(studio).of) == (0, 2)
    assert right in drawn(studio)
    review.record(studio, ada, [event("correct", right, class_id=DIVE, round_id=1, blind=True)])
    assert (precision(studio).right, precision(studio).of) == (1, 3)


def test_a_verdict_given_with_the_proposal_in_sight_does_not_count(studio, ada, clip_ids):
    clip = drawn(studio)[0]
    review.record(studio, ada, [event("accept", clip, predicted_class_id=DIVE, round_id=1)])
    assert precision(studio) is None
    assert clip not in drawn(studio)
    review.record(studio, ada, [event("correct", clip_ids[3], class_id=DIVE, round_id=1, blind=True)])
    assert precision(studio) is None, "a clip that was not drawn is no blind check"


def test_a_later_pass_keeps_the_blind_answers_it_can(studio, ada, clip_ids):
    before = drawn(studio)
    review.record(studio, ada, [event("correct", before[0], class_id=FALL, round_id=1, blind=True)])
    with studio.database.write() as session:
        decide(session, ada, before[1], "accept", class_id=DIVE, round_id=1)
        row = rounds.under_review(session)
        later = {clip_id: (FALL, 0.5, clip_id in before) for clip_id in clip_ids[2:]}
        publish(session, row, later, iteration=1)
        session.refresh(row)
        assert audits.draw(session, row=row) == 5, "one was judged with the proposal in sight"
    assert (precision(studio).right, precision(studio).of) == (1, 1)
    assert drawn(studio) == before[2:]


def test_an_answer_trains_from_the_next_round_on(studio, ada, clip_ids):
    clip = drawn(studio)[0]
    with studio.database.write() as session:
        base = rounds.under_review(session)
        at_work = add_round(session, base=base)
        roles = {member.clip_id: member.role for member in rounds.members(session, round_id=at_work.id)}
    assert roles[clip] == "unlabelled"
    review.record(studio, ada, [event("correct", clip, class_id=DIVE, round_id=1, blind=True)])
    with studio.database.write() as session:
        roles = {member.clip_id: member.role for member in rounds.members(session, round_id=at_work.id)}
        later = add_round(session, base=rounds.get(session, round_id=1))
        now = {member.clip_id: member.role for member in rounds.members(session, round_id=later.id)}
    assert (roles[clip], now[clip]) == ("unlabelled", "labelled")
    with studio.database.read() as session:
        assert audits.results(session, round_ids=[1, later.id]) == {1: (1, 1)}


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [(52, 60, 0.7583, 0.9308), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (8, 10, 0.4902, 0.9433)],
)
def test_the_interval_is_that_of_wilson(right, of, low, high):
    """Values of scipy.stats.binomtest(right, of).proportion_ci(method="wilson")."""
    found = measured(right, of)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
