"""Exemplars that people pin and ban: shown, checked, and frozen into the next round."""

import uuid

import pytest

from app.services import class_changes, class_exemplars, review, rounds, users
from app.services.studio import StudioError
from db.repositories import clips
from db.repositories import rounds as round_rows
from tests.app.services.test_review import event
from tests.db.rows import add_clips, add_round, publish


@pytest.fixture
def clip_ids(studio) -> list[int]:
    """Nine labelled clips, three of each class; the round under review used the first two of dive."""
    with studio.database.write() as session:
        ids = add_clips(session, 12, labelled=9)
        row = add_round(session)
        round_rows.set_exemplars(session, round_id=row.id, exemplars={1: [ids[3], ids[0]], 2: [ids[1]]})
        publish(session, row, {ids[9]: (1, 0.1, True)})
    return ids


def shown(studio, class_id: int) -> list[tuple[int, bool, str | None, str | None]]:
    found, total = class_exemplars.of_class(studio, class_id)
    assert total == len(found)
    return [(one.clip.id, one.used, one.choice, one.by) for one in found]


def test_the_exemplars_of_the_round_come_first(studio, ada, clip_ids):
    class_exemplars.choose(studio, ada, 1, clip_ids[6], "pinned")
    class_exemplars.choose(studio, ada, 1, clip_ids[0], "banned")
    assert shown(studio, 1) == [
        (clip_ids[3], True, None, None), (clip_ids[0], True, "banned", "ada"),
        (clip_ids[6], False, "pinned", "ada"),
    ]  # fmt: skip
    class_exemplars.choose(studio, ada, 1, clip_ids[0], "pinned")
    class_exemplars.choose(studio, ada, 1, clip_ids[6], None)
    assert [choice for _, _, choice, _ in shown(studio, 1)] == [None, "pinned", None]


def test_only_labelled_clips_of_the_class_stand_for_it(studio, ada, clip_ids):
    for clip_id in (clip_ids[1], clip_ids[9], 999):
        with pytest.raises(StudioError, match="people labelled with the class"):
            class_exemplars.choose(studio, ada, 1, clip_id, "pinned")
    with pytest.raises(StudioError, match="no choice"):
        class_exemplars.choose(studio, ada, 1, clip_ids[0], "adored")
    with pytest.raises(StudioError, match="not signed in"):
        class_exemplars.choose(studio, 999, 1, clip_ids[0], "pinned")


def test_the_last_clip_that_may_stand_for_a_class_is_not_banned(studio, ada, clip_ids):
    for number in (0, 3):
        class_exemplars.choose(studio, ada, 1, clip_ids[number], "banned")
    with pytest.raises(StudioError, match="last clip that may stand"):
        class_exemplars.choose(studio, ada, 1, clip_ids[6], "banned")


def test_a_clip_that_is_labelled_otherwise_by_now_loses_its_pin(studio, ada, clip_ids):
    class_exemplars.choose(studio, ada, 1, clip_ids[0], "pinned")
    review.record(studio, ada, [event("correct", clip_ids[0], class_id=2)])
    found, _ = class_exemplars.of_class(studio, 1)
    assert [(one.clip.id, one.choice, one.stands) for one in found if not one.stands] == [
        (clip_ids[0], "pinned", False)
    ]
    rounds.cancel(studio, 1)
    card = rounds.start(studio, "cpu-demo", {}, ada)
    with studio.database.read() as session:
        assert round_rows.exemplar_choices(session, round_id=card.id) == ({}, [])


def test_a_round_does_not_start_where_nothing_may_stand_for_a_class(studio, ada, clip_ids):
    for number in (0, 3):
        class_exemplars.choose(studio, ada, 1, clip_ids[number], "banned")
    with studio.database.write() as session:
        clips.mark_unusable(session, clip_id=clip_ids[6], state="missing", reason="gone")
    rounds.cancel(studio, 1)
    with pytest.raises(StudioError, match="dive has no clip left that may stand for it"):
        rounds.start(studio, "cpu-demo", {}, ada)
    assert len(rounds.listing(studio)) == 1


def test_exemplars_of_a_merged_class_are_the_other_s(studio, ada, clip_ids):
    class_exemplars.choose(studio, ada, 2, clip_ids[1], "pinned")
    owner = users.create(studio, "olga", "admin")[0].id
    class_changes.merge(studio, owner, 2, 1, str(uuid.uuid4()))
    assert [clip_id for clip_id, used, _, _ in shown(studio, 1) if used] == [
        clip_ids[3], clip_ids[0], clip_ids[1]
    ]  # fmt: skip
    assert (clip_ids[1], True, "pinned", "ada") in shown(studio, 1)
    class_exemplars.choose(studio, ada, 1, clip_ids[1], None)
    assert (clip_ids[1], True, None, None) in shown(studio, 1)
