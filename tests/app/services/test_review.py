"""Verdicts from a browser: saved once, in order, or refused with a reason."""

import contextlib
import itertools
import json
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some
from sqlalchemy import func, select

from app.services import datasets, review, users
from app.services.review import Recorded
from app.services.review_events import KINDS, RefusedEvent, read_event
from app.services.studio import StudioError
from db.models import Lease, Verdict
from db.repositories import leases, verdicts
from tests.db.rows import add_clips, add_round


@pytest.fixture
def clip_ids(studio) -> list[int]:
    """Six clips of three classes (1 to 3), and a round (1)."""
    with studio.database.write() as session:
        ids = add_clips(session, 6, labelled=2)
        add_round(session)
        return ids


def event(kind: str, clip_id: int | None, **values: Any) -> dict[str, Any]:
    """One entry of a browser's log."""
    made_at = "2026-03-01T12:00:00.250Z"
    return {"uuid": str(uuid.uuid4()), "kind": kind, "clip_id": clip_id, "made_at": made_at, **values}


def count(studio) -> int:
    with studio.database.read() as session:
        assert verdicts.broken(session) == []
        return session.scalar(select(func.count()).select_from(Verdict))


def test_a_log_is_saved_in_its_order_and_sending_it_again_changes_nothing(studio, ada, clip_ids):
    log = [
        event("accept", clip_ids[2], predicted_class_id=1, round_id=1, seconds=1.5),
        event("correct", clip_ids[3], class_id=2, predicted_class_id=1, round_id=1),
        event("reject", clip_ids[4], predicted_class_id=1, round_id=1, note="  too dark "),
        event("novel", clip_ids[5]),
        event("skip", clip_ids[0]),
        event("flag", clip_ids[1]),
    ]
    for _ in range(2):
        recorded = review.record(studio, ada, log)
        assert recorded == Recorded(tuple(one["uuid"] for one in log), ())
    assert review.record(studio, ada, log[2:3] * 3).saved == (log[2]["uuid"],) * 3
    assert count(studio) == 6
    kinds = [(card.kind, card.class_name, card.round_number) for card in review.history(studio, ada)]
    assert kinds[::-1] == [
        ("accept", "dive", 1), ("correct", "fall", 1), ("reject", None, 1), ("novel", None, None),
        ("skip", None, None), ("flag", None, None),
    ]  # fmt: skip
    with studio.database.read() as session:
        noted = session.scalars(select(Verdict).where(Verdict.kind == "reject")).one()
    assert (noted.note, noted.predicted_class_id) == ("too dark", 1)
    assert noted.made_at.isoformat() == "2026-03-01T12:00:00.250000+00:00"


def test_a_bad_event_never_keeps_the_good_ones_from_being_saved(studio, ada, clip_ids):
    good = [event("reject", clip_ids[0]), event("novel", clip_ids[1])]
    recorded = review.record(studio, ada, [good[0], event("dance", clip_ids[2]), good[1]])
    assert recorded.saved == (good[0]["uuid"], good[1]["uuid"])
    assert ["'dance' is no kind of verdict" in refusal.reason for refusal in recorded.refused] == [True]
    assert count(studio) == 2


@pytest.mark.parametrize(
    ("kind", "values", "reason"),
    [
        ("accept", {}, "names no class"),
        ("correct", {"class_id": 99}, "no class 99"),
        ("reject", {"clip_id": 99}, "no clip 99"),
        ("reject", {"clip_id": None}, "names no clip"),
        ("reject", {"clip_id": "1; DROP TABLE clips"}, "must be a number"),
        ("reject", {"clip_id": True}, "must be a number"),
        ("reject", {"clip_id": 2**40}, "must be a number"),
        ("reject", {"round_id": 7}, "no round 7"),
        ("reject", {"predicted_class_id": 99}, "no class 99"),
        ("reject", {"uuid": "one"}, "must be a UUID"),
        ("reject", {"uuid": None}, "must be a UUID"),
        ("undo", {}, "must be a UUID"),
        ("undo", {"undoes_uuid": str(uuid.UUID(int=5))}, "no verdict 00000000"),
    ],
)
def test_what_speaks_of_things_that_are_not_there_is_refused_in_words(
    studio, ada, clip_ids, kind, values, reason
):
    (refusal,) = review.record(studio, ada, [event(kind, clip_ids[0]) | values]).refused
    assert reason in refusal.reason
    assert count(studio) == 0


def test_a_broken_clock_or_stopwatch_costs_no_verdict(studio, ada, clip_ids):
    for made_at, seconds in itertools.product(
        ("yesterday", None, 1e300, -1e300, [], "2026-13-01", 1_772_368_200_250),
        (float("nan"), -1, "2", None, 4),
    ):
        one = event("skip", clip_ids[0], made_at=made_at, seconds=seconds)
        assert review.record(studio, ada, [one]).saved == (one["uuid"],)
    assert count(studio) == 35


def test_undo_takes_back_one_s_own_verdict_once(studio, ada, bea, clip_ids):
    first, second = event("reject", clip_ids[3]), event("correct", clip_ids[3], class_id=2)
    review.record(studio, ada, [first, second])
    assert datasets.clip(studio, clip_ids[3]).label_name == "fall"
    theirs = review.record(studio, bea, [event("undo", None, undoes_uuid=second["uuid"])])
    assert "Only your own" in theirs.refused[0].reason
    undo = event("undo", None, undoes_uuid=second["uuid"])
    again = event("undo", None, undoes_uuid=second["uuid"])
    recorded = review.record(studio, ada, [undo, again, event("undo", None, undoes_uuid=undo["uuid"])])
    assert recorded.saved == (undo["uuid"],)
    twice, undone_undo = (refusal.reason for refusal in recorded.refused)
    assert "undone already" in twice
    assert "can't be undone" in undone_undo
    assert datasets.clip(studio, clip_ids[3]).decision == "reject"
    assert [(card.kind, card.undone) for card in review.history(studio, ada)] == [
        ("correct", True), ("reject", False),
    ]  # fmt: skip


def test_nobody_can_take_somebody_else_s_uuid(studio, ada, bea, clip_ids):
    one = event("reject", clip_ids[0])
    review.record(studio, ada, [one])
    assert "somebody else's verdict" in review.record(studio, bea, [one]).refused[0].reason
    assert count(studio) == 1


def test_whoever_is_not_signed_in_saves_nothing(studio, ada, clip_ids):
    users.remove(studio, users.create(studio, "eve")[0].id)
    for stranger in (ada + 1, 99):
        with pytest.raises(StudioError, match="not signed in"):
            review.record(studio, stranger, [event("reject", clip_ids[0])])
    assert count(studio) == 0


def test_a_verdict_gives_the_clip_s_lease_back(studio, ada, clip_ids):
    with studio.database.write() as session:
        leases.take(session, reviewer_id=ada, clip_ids=clip_ids[:2])
    review.record(studio, ada, [event("reject", clip_ids[0])])
    with studio.database.read() as session:
        assert list(session.scalars(select(Lease.clip_id))) == [clip_ids[1]]


def test_classes_are_listed_in_their_order(studio, clip_ids):
    assert review.classes(studio) == ((1, "dive"), (2, "fall"), (3, "jump"))


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = (
    "uuid",
    "clip_id",
    "class_id",
    "predicted_class_id",
    "round_id",
    "undoes_uuid",
    "note",
    "seconds",
    "made_at",
)
ANYTHING = JSON | some.dictionaries(some.sampled_from(NAMES), JSON).flatmap(
    lambda values: some.sampled_from(KINDS).map(lambda kind: {**values, "kind": kind})
)


@given(ANYTHING)
def test_whatever_a_browser_sends_is_read_or_refused(sent):
    with contextlib.suppress(RefusedEvent):
        verdict = read_event(json.loads(json.dumps(sent)))
        assert verdict.kind in KINDS
        assert verdict.made_at.tzinfo is not None


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(log=some.lists(ANYTHING, max_size=4))
def test_whatever_a_browser_sends_the_database_stays_sound(studio, clip_ids, log):
    reviewer = users.listing(studio)[0].id if users.listing(studio) else users.create(studio, "ada")[0].id
    before = count(studio)
    recorded = review.record(studio, reviewer, [*log, event("skip", clip_ids[0])])
    assert len(recorded.saved) + len(recorded.refused) == len(log) + 1
    assert count(studio) >= before + 1
