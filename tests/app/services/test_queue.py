"""The next clips for a reviewer: the least certain first, each for one person, with everything to show."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import update

from app.services import queue, review, users
from app.services.studio import StudioError
from db.engine import now
from db.models import Lease, PseudoLabel
from tests.app.services.test_review import event
from tests.db.rows import add_clips, add_round, publish


@pytest.fixture
def clip_ids(studio) -> list[int]:
    """Eight clips: two labelled, six proposed with rising margin, of which the last three are accepted."""
    with studio.database.write() as session:
        ids = add_clips(session, 8, labelled=2)
        row = add_round(session)
        proposals = {clip_id: (1, 0.1 * place, place >= 3) for place, clip_id in enumerate(ids[2:])}
        publish(session, row, proposals)
        near = [{"clip_id": clip_id, "class_id": 1, "alignability": 0.75} for clip_id in (ids[0], 999)]
        session.execute(update(PseudoLabel).values(nearest=near))
        return ids


def asked(studio, reviewer_id, **values) -> list[int]:
    return [item.clip_id for item in queue.next_items(studio, reviewer_id, **values).items]


def test_each_clip_is_for_one_reviewer(studio, ada, bea, clip_ids):
    assert asked(studio, ada, limit=4) == clip_ids[2:6]
    assert asked(studio, bea, limit=4) == clip_ids[6:]
    assert asked(studio, ada, limit=4) == clip_ids[2:6]
    empty = queue.next_items(studio, users.create(studio, "cyd")[0].id)
    assert (empty.items, empty.waiting) == ((), 6)
    assert "Other reviewers" in empty.empty_because
    with studio.database.write() as session:
        session.execute(update(Lease).values(expires_at=now(session) - timedelta(seconds=1)))
    assert asked(studio, bea, limit=2) == clip_ids[2:4]


def test_people_who_ask_at_the_same_moment_get_different_clips(studio):
    with studio.database.write() as session:
        ids = add_clips(session, 130, labelled=2)
        publish(session, add_round(session), {clip_id: (1, clip_id / 1000, False) for clip_id in ids[2:]})
    people = [users.create(studio, f"reviewer {number}")[0].id for number in range(20)]
    with ThreadPoolExecutor(len(people)) as pool:
        first = list(pool.map(lambda reviewer_id: asked(studio, reviewer_id, limit=5), people))
        verdicts = [[event("novel", clip_id, round_id=1) for clip_id in found] for found in first]
        recorded = list(
            pool.map(lambda pair: review.record(studio, *pair), zip(people, verdicts, strict=True))
        )
        second = list(pool.map(lambda reviewer_id: asked(studio, reviewer_id, limit=5), people))
    everybody = [clip_id for found in first for clip_id in found]
    assert len(everybody) == len(set(everybody)) >= 60
    assert all(len(each.saved) == len(said) for each, said in zip(recorded, verdicts, strict=True))
    assert not {clip_id for found in second for clip_id in found} & set(everybody)


def test_clips_with_unsaved_verdicts_are_left_out(studio, ada, clip_ids):
    assert asked(studio, ada, limit=2, exclude=clip_ids[2:4]) == clip_ids[4:6]


def test_a_clip_set_aside_comes_back_at_the_end_to_whoever_did_so(studio, ada, bea, clip_ids):
    asked(studio, ada, limit=1)
    review.record(studio, ada, [event("skip", clip_ids[2], round_id=1)])
    assert asked(studio, bea, limit=1) == clip_ids[2:3]
    review.record(studio, bea, [event("skip", clip_ids[2], round_id=1)])
    assert asked(studio, ada, limit=8) == [*clip_ids[3:], clip_ids[2]]


def test_the_counts_follow_the_verdicts(studio, ada, clip_ids):
    first = queue.next_items(studio, ada, limit=3)
    assert (first.waiting, first.reviewed, first.round_number) == (6, 0, 1)
    log = [event("accept", item.clip_id, predicted_class_id=1, round_id=1) for item in first.items]
    review.record(studio, ada, log)
    then = queue.next_items(studio, ada, limit=8)
    assert ([item.clip_id for item in then.items], then.waiting, then.reviewed) == (clip_ids[5:], 3, 3)
    review.record(studio, ada, [event("reject", item.clip_id, round_id=1) for item in then.items])
    last = queue.next_items(studio, ada)
    assert (last.items, last.waiting, last.reviewed) == ((), 0, 6)
    assert "Start the next round" in last.empty_because


def test_an_item_holds_everything_its_screen_shows(studio, ada, clip_ids):
    action, alignability = np.array([[0.2, 0.7, 0.1], [0.6, 0.3, 0.1]], "<f4")
    combined = (action + alignability) / 2
    with studio.database.write() as session:
        session.execute(
            update(PseudoLabel).values(
                class_id=2,
                margin=0.1,
                action_probabilities=action.tobytes(),
                alignability_probabilities=alignability.tobytes(),
                probabilities=combined.tobytes(),
                class_alignabilities=np.array([0.9, 0.5, 0.25], "<f4").tobytes(),
            )
        )
    item = queue.next_items(studio, ada, limit=1).items[0]
    assert (item.key, item.frames, item.fps, item.round_number) == ("clip 002.mp4", 50, 25.0, 1)
    assert item.sprite.columns == 8
    assert [(bar.class_id, bar.name, round(bar.combined, 3), bar.alignability) for bar in item.classes] == [
        (2, "fall", 0.5, 0.5), (1, "dive", 0.4, pytest.approx(0.9)), (3, "jump", 0.1, 0.25),
    ]  # fmt: skip
    assert item.predicted_class_name == "fall"
    assert item.reason == "The encoder says fall, alignment says dive."
    assert [(near.clip_id, near.class_name, near.alignability) for near in item.nearest] == [
        (clip_ids[0], "dive", 0.75)
    ]
    assert queue.item(studio, ada, item.clip_id) == item
    assert queue.item(studio, ada, clip_ids[0]) is None


def test_without_a_round_the_queue_says_what_to_do(studio, ada):
    assert "Import a folder" in queue.next_items(studio, ada).empty_because
    with studio.database.write() as session:
        add_clips(session, 2, ready=False)
    assert "still being read" in queue.next_items(studio, ada).empty_because


def test_a_removed_reviewer_gets_nothing(studio, ada, clip_ids):
    users.remove(studio, ada)
    with pytest.raises(StudioError):
        queue.next_items(studio, ada)
