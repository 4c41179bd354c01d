"""Lists of clips: every filter and every order, on both databases."""

import pytest

from db.repositories import clip_filters, clips, rounds
from tests.db.rows import add_clips, add_round, add_user, decide, publish

DIVE, FALL = 1, 2


@pytest.fixture
def listed(database):
    """Eight clips, two of them from a second import; 2 to 6 proposed with growing confidence, all aligned
    as well; 3 accepted by ada, then 2 rejected by bea."""
    with database.write() as session:
        ada, bea = add_user(session, "ada"), add_user(session, "bea")
        ids = [*add_clips(session, 6, labelled=2), *add_clips(session, 2, prefix="aaaa")]
        row = add_round(session)
        publish(
            session, row, {clip_id: (DIVE, 0.2 * place, place > 2) for place, clip_id in enumerate(ids[2:7])}
        )
        decide(session, ada, ids[3], "accept", class_id=DIVE, round_id=row.id)
        decide(session, bea, ids[2], "reject", predicted_class_id=DIVE, round_id=row.id)
    return database, ids, (ada, bea)


def places(listed, **which) -> list[int]:
    """Which of the eight clips match, in their order."""
    database, ids, _ = listed
    with database.read() as session:
        row = rounds.under_review(session)
        rows, total = clips.page(session, round_id=row.id, iteration=row.iteration, **which)
        whole = {name: value for name, value in which.items() if name not in ("sort", "descending", "limit")}
        matching = clips.matching_ids(session, round_id=row.id, iteration=row.iteration, **whole)
    assert len(matching) == total
    assert {row.Clip.id for row in rows} <= set(matching)
    return [ids.index(row.Clip.id) for row in rows]


@pytest.mark.parametrize("limit", [None, 8])
@pytest.mark.parametrize(
    ("sort", "up", "down"),
    [
        ("name", [6, 7, 0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0, 7, 6]),
        ("confidence", [2, 3, 4, 5, 6, 0, 1, 7], [6, 5, 4, 3, 2, 0, 1, 7]),
        ("margin", [2, 3, 4, 5, 6, 0, 1, 7], [6, 5, 4, 3, 2, 0, 1, 7]),
        ("alignability", [2, 3, 4, 5, 6, 0, 1, 7], [2, 3, 4, 5, 6, 0, 1, 7]),
        ("verdict", [3, 2, 0, 1, 4, 5, 6, 7], [2, 3, 0, 1, 4, 5, 6, 7]),
        ("import", [0, 1, 2, 3, 4, 5, 6, 7], [6, 7, 0, 1, 2, 3, 4, 5]),
    ],
)
def test_every_order_goes_both_ways_with_the_unknown_last(listed, sort, up, down, limit):
    assert places(listed, sort=sort, limit=limit) == up
    assert places(listed, sort=sort, descending=True, limit=limit) == down


def test_every_order_has_its_test():
    assert set(clip_filters.ORDERS) == {"name", "confidence", "margin", "alignability", "verdict", "import"}


def test_a_stretch_of_an_order_is_that_of_the_whole(listed):
    whole = places(listed, sort="confidence", descending=True)
    assert places(listed, sort="confidence", descending=True, limit=3) == whole[:3]


def test_bounds_on_the_proposal_leave_out_clips_without_one(listed):
    assert places(listed, least_confidence=0.0) == [6, 2, 3, 4, 5]
    assert places(listed, least_confidence=0.65, most_confidence=0.85) == [4, 5]
    assert places(listed, most_alignability=0.4) == []
    assert places(listed, least_alignability=0.5, label="proposed") == [4]


def test_who_decided_is_who_gave_the_verdict_that_stands(listed):
    database, ids, (ada, bea) = listed
    assert (places(listed, reviewer_id=ada), places(listed, reviewer_id=bea)) == ([3], [2])
    with database.write() as session:
        decide(session, bea, ids[3], "novel", round_id=1)
        assert clip_filters.deciders(session) == {ada: "ada", bea: "bea"}
    assert (places(listed, reviewer_id=ada), places(listed, reviewer_id=bea)) == ([], [2, 3])


def test_some_clips_can_be_asked_for(listed):
    ids = listed[1]
    assert places(listed, clip_ids=[ids[5], ids[6], 999]) == [6, 5]
    assert places(listed, clip_ids=[]) == []


def test_only_rounds_that_propose_something_can_be_chosen(listed):
    database, _, _ = listed
    with database.write() as session:
        add_round(session)
        assert [row.number for row in clip_filters.published(session)] == [1]
        assert clip_filters.by_number(session, number=1).id == 1
        assert clip_filters.by_number(session, number=2) is None
