"""Classes are created, renamed and merged by admins; every reader follows, nothing is lost, all is undone."""

import uuid

import pytest
from sqlalchemy import select

from app.services import (
    class_attributes,
    class_cards,
    class_changes,
    datasets,
    export,
    phase_transfer,
    queue,
    review,
    rounds,
    users,
)
from app.services.datasets import ClipFilter
from app.services.studio import StudioError
from db.models import Clip, RoundClip, Truth, Verdict
from db.repositories import classes, verdicts
from db.repositories import rounds as round_rows
from tests.app.services.test_review import event
from tests.db.rows import add_clips, add_round, publish


@pytest.fixture
def owner(studio) -> int:
    """An admin."""
    return users.create(studio, "olga", "admin")[0].id


@pytest.fixture
def clip_ids(studio, ada) -> list[int]:
    """Twelve clips: six labelled in turn, five proposed as fall, one for testing; classes 1 to 3."""
    with studio.database.write() as session:
        ids = add_clips(session, 12, labelled=6, test=1, truths=True)
        row = add_round(session)
        publish(
            session, row, {clip_id: (2, 0.1 * place, place > 1) for place, clip_id in enumerate(ids[6:11])}
        )
        round_rows.promote(session, round_id=row.id)
    review.record(studio, ada, [event("accept", ids[6], predicted_class_id=2, round_id=1)])
    return ids


def fresh() -> str:
    return str(uuid.uuid4())


def merge(studio, owner, class_id=2, into_id=1) -> None:
    class_changes.merge(studio, owner, class_id, into_id, fresh())


def undo_last(studio, owner) -> None:
    class_changes.undo(studio, owner, class_changes.history(studio)[0].id, fresh())


def raw(studio) -> tuple[list, list, list, list]:
    """Everything that names a class, as it lies in the tables."""
    with studio.database.read() as session:
        assert verdicts.broken(session) == []
        return tuple(
            session.execute(select(*columns)).all()
            for columns in ((Verdict.id, Verdict.class_id, Verdict.hash), (Clip.id, Clip.given_class_id),
                            (Truth.clip_id, Truth.class_id), (RoundClip.clip_id, RoundClip.class_id))
        )  # fmt: skip


def seen(studio, ada) -> dict[str, object]:
    """What every reader makes of the classes."""
    items = queue.next_items(studio, ada, limit=9, name="class", class_id=1).items
    return {
        "listed": [name for _, name in review.classes(studio)],
        "labels": {clip.id: clip.label_name for clip in datasets.clips(studio).clips},
        "proposed": sorted(
            clip.proposed.class_name for clip in datasets.clips(studio).clips if clip.proposed
        ),
        "of class 1": datasets.clips(studio, ClipFilter(class_id=1)).total,
        "counts": [
            (card.name, card.labelled, card.waiting, card.test) for card in class_cards.listing(studio, None)
        ],
        "exported": [row.label for row in export.rows(studio)],
        "queue of class 1": [item.predicted_class_name for item in items],
        "bars": sorted({bar.name for item in items for bar in item.classes}),
        "history": [card.class_name for card in review.history(studio, ada)],
        "confused": [
            (mixed.said, mixed.is_name, mixed.clips) for mixed in class_cards.confusion(studio, 1).reviewed
        ],
    }


def test_a_merge_is_seen_by_every_reader_and_changes_no_row(studio, ada, owner, clip_ids):
    before, rows = seen(studio, ada), raw(studio)
    merge(studio, owner)
    after = seen(studio, ada)
    assert after["listed"] == ["dive", "jump"]
    assert set(after["labels"].values()) == {"dive", "jump", None}
    assert set(after["proposed"]) == {"dive"}
    assert after["of class 1"] == before["of class 1"] + 7
    assert after["counts"] == [("dive", 5, 4, 0), ("jump", 2, 0, 1)]
    assert set(after["exported"]) == {"dive", "jump"}
    assert len(after["exported"]) == len(before["exported"])
    assert after["queue of class 1"] == ["dive"] * 4
    assert after["bars"] == ["dive", "jump"]
    assert after["history"] == ["dive"]
    assert after["confused"] == [("dive", "dive", 1)]
    assert raw(studio) == rows
    undo_last(studio, owner)
    assert seen(studio, ada) == before
    assert raw(studio) == rows


def test_the_next_round_learns_a_merged_class_as_one(studio, ada, owner, clip_ids):
    merge(studio, owner)
    rounds.cancel(studio, 1)
    card = rounds.start(studio, "cpu-demo", {}, owner)
    with studio.database.read() as session:
        members = round_rows.members(session, round_id=card.id)
        assert round_rows.get(session, round_id=card.id).classes == [1, 3]
    labels = {member.clip_id: member.label for member in members}
    assert labels[clip_ids[1]] == labels[clip_ids[6]] == "dive"
    assert labels[clip_ids[9]] == "dive"  # carried: the round before accepted it as fall
    undo_last(studio, owner)
    with studio.database.read() as session:
        assert round_rows.members(session, round_id=card.id) == members


def test_a_verdict_that_names_the_merged_class_is_still_saved(studio, ada, owner, clip_ids):
    """A browser that was open before the merge knows the old list."""
    merge(studio, owner)
    sent = event("correct", clip_ids[7], class_id=2, predicted_class_id=2, round_id=1)
    assert review.record(studio, ada, [sent]).refused == ()
    assert datasets.clip(studio, clip_ids[7]).label_name == "dive"
    undo_last(studio, owner)
    assert datasets.clip(studio, clip_ids[7]).label_name == "fall"


def test_classes_merged_along_come_back_one_merge_at_a_time(studio, ada, owner, clip_ids):
    merge(studio, owner, 2, 1)
    merge(studio, owner, 1, 3)
    assert review.classes(studio) == ((3, "jump"),)
    assert {clip.label_name for clip in datasets.clips(studio, ClipFilter(label="labelled")).clips} == {
        "jump"
    }
    first = class_changes.history(studio)[1]
    with pytest.raises(StudioError, match="First undo what came after it: merged 'dive' into 'jump'"):
        class_changes.undo(studio, owner, first.id, fresh())
    undo_last(studio, owner)
    assert review.classes(studio) == ((1, "dive"), (3, "jump"))
    class_changes.undo(studio, owner, first.id, fresh())
    assert review.classes(studio) == ((1, "dive"), (2, "fall"), (3, "jump"))
    assert [change.undone for change in class_changes.history(studio)] == [True, True]


def test_carrying_phase_marks_follows_a_merge(studio, ada, owner, clip_ids):
    def targets() -> tuple:
        with studio.database.read() as session:
            return phase_transfer._targets(session, clip_ids[0])

    assert targets()[1] == (clip_ids[3],)
    merge(studio, owner)
    name, ids = targets()
    assert name == "dive"
    assert {clip_ids[1], clip_ids[3], clip_ids[4], clip_ids[6]} <= set(ids)


def test_a_new_name_keeps_the_id_and_everything_of_the_class(studio, ada, owner, clip_ids):
    rows = raw(studio)
    class_changes.rename(studio, owner, 2, "  a <b>free</b>  fall ", fresh())
    assert review.classes(studio)[1] == (2, "a <b>free</b> fall")
    assert datasets.clip(studio, clip_ids[1]).label_name == "a <b>free</b> fall"
    assert raw(studio) == rows
    undo_last(studio, owner)
    assert review.classes(studio)[1] == (2, "fall")


@pytest.mark.parametrize(
    ("name", "why"),
    [("", "no name"), ("  ", "no name"), ("a\nb\x07", "no name"), ("x" * 121, "no name"), ("dive", "already"),
     ("DIVE", "already")],
)  # fmt: skip
def test_bad_and_taken_names_are_refused_in_words(studio, owner, clip_ids, name, why):
    with pytest.raises(StudioError, match=why):
        class_changes.create(studio, owner, name, fresh())
    with pytest.raises(StudioError, match=why):
        class_changes.rename(studio, owner, 2, name, fresh())
    assert class_changes.history(studio) == ()


def test_a_name_may_change_its_case(studio, owner, clip_ids):
    class_changes.rename(studio, owner, 1, "Dive", fresh())
    assert review.classes(studio)[0] == (1, "Dive")


def test_the_name_of_a_merged_class_is_not_free(studio, owner, clip_ids):
    merge(studio, owner)
    with pytest.raises(StudioError, match="'fall' was merged into 'dive'. Undo that merge"):
        class_changes.create(studio, owner, "fall", fresh())


def test_undoing_a_new_name_asks_for_the_old_one_to_be_free(studio, owner, clip_ids):
    class_changes.rename(studio, owner, 2, "tumble", fresh())
    renamed = class_changes.history(studio)[0].id
    class_changes.create(studio, owner, "fall", fresh())
    with pytest.raises(StudioError, match="Another class is called 'fall' by now"):
        class_changes.undo(studio, owner, renamed, fresh())


def test_a_created_class_goes_again_unless_it_is_used(studio, ada, owner, clip_ids):
    class_id = class_changes.create(studio, owner, "twist", fresh())
    assert review.classes(studio)[-1] == (class_id, "twist")
    undo_last(studio, owner)
    assert "twist" not in dict(review.classes(studio)).values()
    refused = review.record(studio, ada, [event("correct", clip_ids[7], class_id=class_id)]).refused
    assert "There is no class" in refused[0].reason
    assert class_changes.create(studio, owner, "twist", fresh()) == class_id
    review.record(studio, ada, [event("correct", clip_ids[7], class_id=class_id)])
    with pytest.raises(StudioError, match="name this class by now; merge it"):
        undo_last(studio, owner)


def test_a_change_sent_twice_is_made_once(studio, owner, clip_ids):
    name = fresh()
    assert class_changes.create(studio, owner, "twist", name) == class_changes.create(
        studio, owner, "twist", name
    )
    again = fresh()
    for _ in range(2):
        class_changes.merge(studio, owner, 2, 1, again)
    assert len(class_changes.history(studio)) == 2
    undone = class_changes.history(studio)[0].id
    third = fresh()
    for _ in range(2):
        class_changes.undo(studio, owner, undone, third)
    with pytest.raises(StudioError, match="undone already"):
        class_changes.undo(studio, owner, undone, fresh())


@pytest.mark.parametrize(("class_id", "into_id"), [(1, 1), (1, 99), (99, 1), (2, 1)])
def test_only_two_classes_that_stand_are_merged(studio, owner, clip_ids, class_id, into_id):
    merge(studio, owner, 2, 3)
    with pytest.raises(StudioError):
        merge(studio, owner, class_id, into_id)


def test_only_admins_change_classes(studio, ada, owner, clip_ids):
    merge(studio, owner)
    change = class_changes.history(studio)[0].id
    for asked in (
        lambda who: class_changes.create(studio, who, "twist", fresh()),
        lambda who: class_changes.rename(studio, who, 1, "twist", fresh()),
        lambda who: class_changes.merge(studio, who, 3, 1, fresh()),
        lambda who: class_changes.set_attributes(studio, who, {1: {"twists": "1"}}, fresh()),
        lambda who: class_changes.undo(studio, who, change, fresh()),
    ):
        with pytest.raises(StudioError, match="Only an admin can"):
            asked(ada)
        with pytest.raises(StudioError, match="not signed in"):
            asked(999)
    assert len(class_changes.history(studio)) == 1
    assert review.classes(studio) == ((1, "dive"), (3, "jump"))


def test_attributes_are_kept_whole_and_undone_as_one(studio, owner, clip_ids):
    given = {1: {"takeoff": " forward ", "twists": "½"}, 2: {"takeoff": "back", "twists": ""}}
    assert class_changes.set_attributes(studio, owner, given, fresh()) == 2
    assert class_attributes.attributes(studio) == {
        1: {"takeoff": "forward", "twists": "½"}, 2: {"takeoff": "back"}, 3: {},
    }  # fmt: skip
    assert class_changes.set_attributes(studio, owner, given, fresh()) == 0
    class_changes.set_attributes(studio, owner, {3: {"takeoff": "reverse"}}, fresh())
    class_changes.undo(studio, owner, class_changes.history(studio)[1].id, fresh())
    assert class_attributes.attributes(studio) == {1: {}, 2: {}, 3: {"takeoff": "reverse"}}


def test_the_words_of_the_record_tell_who_did_what(studio, owner, clip_ids):
    class_changes.create(studio, owner, "twist", fresh())
    class_changes.rename(studio, owner, 1, "plunge", fresh())
    merge(studio, owner)
    class_changes.set_attributes(studio, owner, {1: {"a": "1"}, 3: {"a": "2"}}, fresh())
    assert [(change.words, change.author) for change in class_changes.history(studio)] == [
        ("described 'plunge' and 1 more", "olga"), ("merged 'fall' into 'plunge'", "olga"),
        ("renamed 'dive' to 'plunge'", "olga"), ("created 'twist'", "olga"),
    ]  # fmt: skip
    with studio.database.read() as session:
        (event_row, _), *_ = [pair for pair in classes.events(session) if pair[0].kind == "rename"]
    assert (event_row.before, event_row.after) == ({"1": {"name": "dive"}}, {"1": {"name": "plunge"}})
