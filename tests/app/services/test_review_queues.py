"""Queues: what each holds, why, who gets it, and what is said where one can't be had."""

import numpy as np
import pytest
from sqlalchemy import update

from app.services import queue, review
from app.services.review_queues import TITLES
from db.models import Clip, PseudoLabel, Round
from db.repositories import classes, rounds
from tests.app.services.test_review import event
from tests.db.rows import add_clips, add_round, publish

DIVE, FALL, JUMP = 1, 2, 3


@pytest.fixture
def clip_ids(studio) -> list[int]:
    """Ten clips: two labelled, eight proposed as "dive" with rising margin."""
    with studio.database.write() as session:
        ids = add_clips(session, 10, labelled=2)
        publish(
            session,
            add_round(session),
            {each: (DIVE, 0.1 * place, True) for place, each in enumerate(ids[2:])},
        )
        return ids


def found(studio, reviewer_id, name, **values) -> list[int]:
    return [item.clip_id for item in queue.next_items(studio, reviewer_id, name=name, **values).items]


def change(studio, clip_id, **values) -> None:
    with studio.database.write() as session:
        session.execute(update(PseudoLabel).where(PseudoLabel.clip_id == clip_id).values(**values))


def test_a_published_pass_knows_where_the_heads_disagree_and_what_flipped(studio, ada):
    with studio.database.write() as session:
        ids = add_clips(session, 8, labelled=2)
        first = add_round(session)
        publish(session, first, {ids[2]: (DIVE, 0.5, True), ids[3]: (FALL, 0.4, True)})
        rounds.promote(session, round_id=first.id)
        later = add_round(session, base=first)
        publish(session, later, dict.fromkeys(ids[2:5], (DIVE, 0.5, True)))
        rounds.promote(session, round_id=later.id)
    queues = queue.next_items(studio, ada, name="flipped")
    assert [(item.clip_id, item.reason) for item in queues.items] == [
        (ids[3], "It was fall in the round before, now it is dive.")
    ]
    assert found(studio, ada, "disagreement") == []


def test_disagreement_is_read_from_both_heads(studio, ada):
    action, alignability = (
        np.array(shares, "<f4").tobytes() for shares in ([0.2, 0.7, 0.1], [0.6, 0.3, 0.1])
    )
    with studio.database.write() as session:
        from db.repositories import review_queues

        ids = add_clips(session, 4)
        row = add_round(session)
        rows = [
            {"round_id": row.id, "clip_id": clip_id, "class_id": DIVE, "action_probabilities": action,
             "alignability_probabilities": other}
            for clip_id, other in zip(ids, (alignability, action, b"", alignability), strict=True)
        ]  # fmt: skip
        columns = review_queues.columns(session, rows=rows)
        assert [each["disagrees"] for each in columns] == [True, False, False, True]
        assert [each["flipped"] for each in columns] == [None] * 4
        assert len({each["shuffle"] for each in columns}) == 4


def test_each_queue_of_proposals_has_its_own_order(studio, ada, clip_ids):
    proposed = clip_ids[2:]
    for place, clip_id in enumerate(proposed):
        change(studio, clip_id, disagrees=place in (5, 2), alignability=0.9 - 0.1 * place,
               shuffle=place * 3 % 8, class_id=FALL if place in (1, 6) else DIVE)  # fmt: skip
    assert found(studio, ada, "margin") == proposed
    assert found(studio, ada, "disagreement") == [proposed[2], proposed[5]]
    assert found(studio, ada, "alignability") == proposed[::-1]
    assert found(studio, ada, "random") == [proposed[place] for place in (0, 3, 6, 1, 4, 7, 2, 5)]
    assert found(studio, ada, "class", class_id=FALL) == [proposed[1], proposed[6]]


def test_the_queue_of_a_class_holds_those_merged_into_it(studio, ada, clip_ids):
    change(studio, clip_ids[4], class_id=JUMP)
    change(studio, clip_ids[5], class_id=FALL)
    with studio.database.write() as session:
        classes.change(session, after={str(JUMP): {"merged_into_id": FALL}})
    assert found(studio, ada, "class", class_id=FALL) == clip_ids[4:6]


def test_the_random_queue_stays_as_it_is_while_one_works(studio, ada, clip_ids):
    before = found(studio, ada, "random")
    assert sorted(before) == clip_ids[2:]
    review.record(studio, ada, [event("accept", before[0], predicted_class_id=DIVE, round_id=1)])
    assert found(studio, ada, "random") == before[1:]


def test_every_queue_leases_what_it_gives(studio, ada, bea, clip_ids):
    mine = found(studio, ada, "random", limit=3)
    assert not set(mine) & set(found(studio, bea, "margin"))
    queue.leave(studio, ada)
    assert set(mine) <= set(found(studio, bea, "margin"))


@pytest.mark.parametrize(
    ("name", "method", "says"),
    [
        ("flipped", "finepseudo", "started from no earlier round"),
        ("disagreement", "fixmatch", "was trained with fixmatch, which learns no alignment"),
        ("alignability", "fixmatch", "was trained with fixmatch, which learns no alignment"),
        ("class", "finepseudo", "Choose a class"),
        ("nonsense", "finepseudo", "There is no queue 'nonsense'"),
    ],
)
def test_a_queue_that_can_not_be_had_says_why_and_gives_nothing(studio, ada, clip_ids, name, method, says):
    with studio.database.write() as session:
        row = session.get_one(Round, 1)
        row.config = {**row.config, "method": method}
    asked = queue.next_items(studio, ada, name=name)
    assert asked.items == ()
    assert says in asked.unavailable
    assert asked.empty_because == asked.unavailable
    assert queue.next_items(studio, ada).items


def test_flags_of_anyone_come_with_their_note_until_somebody_decides(studio, ada, bea, clip_ids):
    note = "<b>blurred</b>"
    review.record(
        studio, ada, [event("flag", clip_ids[5], round_id=1, note=note), event("flag", clip_ids[3])]
    )
    undone = event("flag", clip_ids[7])
    review.record(studio, ada, [undone, event("undo", clip_ids[7], undoes_uuid=undone["uuid"])])
    seen = queue.next_items(studio, bea, name="flagged").items
    assert [(item.clip_id, item.reason) for item in seen] == [
        (clip_ids[5], f"ada flagged it: {note}"),
        (clip_ids[3], "ada flagged it."),
    ]
    review.record(studio, bea, [event("skip", clip_ids[5], round_id=1)])
    assert found(studio, bea, "flagged") == [clip_ids[3], clip_ids[5]]
    review.record(studio, bea, [event("accept", clip_ids[3], predicted_class_id=DIVE, round_id=1)])
    assert found(studio, bea, "flagged") == [clip_ids[5]]


def test_skipped_are_mine_alone(studio, ada, bea, clip_ids):
    review.record(
        studio, ada, [event("skip", clip_ids[4], round_id=1), event("flag", clip_ids[5], round_id=1)]
    )
    assert found(studio, ada, "skipped") == [clip_ids[4]]
    assert found(studio, bea, "skipped") == []


def test_a_conflict_lasts_until_a_second_person_agrees(studio, ada, bea, clip_ids):
    from app.services import users

    clip = clip_ids[4]
    says = lambda who, name: review.record(studio, who, [event("correct", clip, class_id=name, round_id=1)])  # noqa: E731
    says(ada, FALL)
    assert found(studio, ada, "conflicts") == []
    says(bea, JUMP)
    (item,) = queue.next_items(studio, ada, name="conflicts").items
    assert (item.clip_id, item.reason) == (clip, "ada says fall; bea says jump.")
    queue.leave(studio, ada)
    cyd = users.create(studio, "cyd")[0].id
    says(cyd, FALL)
    assert found(studio, ada, "conflicts") == []
    review.record(studio, bea, [event("reject", clip, predicted_class_id=FALL, round_id=1)])
    assert found(studio, ada, "conflicts") == [clip]


def test_turning_one_class_down_contradicts_that_class_only(studio, ada, bea, clip_ids):
    review.record(studio, ada, [event("reject", clip_ids[4], predicted_class_id=DIVE, round_id=1)])
    review.record(studio, bea, [event("correct", clip_ids[4], class_id=FALL, round_id=1)])
    assert found(studio, ada, "conflicts") == []


def test_a_verdict_against_the_imported_label_is_a_conflict_without_a_proposal(studio, ada, bea, clip_ids):
    review.record(studio, ada, [event("correct", clip_ids[0], class_id=JUMP)])
    review.record(studio, ada, [event("correct", clip_ids[1], class_id=FALL)])  # as imported
    (item,) = queue.next_items(studio, bea, name="conflicts").items
    assert (item.clip_id, item.blind) == (clip_ids[0], False)
    assert item.reason == "the import says dive; ada says jump."
    with studio.database.write() as session:
        session.execute(update(Clip).where(Clip.id == clip_ids[0]).values(state="missing"))
    assert found(studio, bea, "conflicts") == []


def test_an_empty_queue_says_so(studio, ada, clip_ids):
    for name in ("flagged", "skipped", "conflicts"):
        asked = queue.next_items(studio, ada, name=name)
        assert (asked.items, asked.unavailable) == ((), None)
        assert TITLES[name] in asked.empty_because
