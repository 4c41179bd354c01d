"""How well classes align, as a round measured it; merged classes count together."""

import uuid

import numpy as np
import pytest
from sqlalchemy import update

from app.services import class_cards, class_changes, queue, review, users
from app.services.alignabilities import Alignabilities, alignabilities, beside_rivals
from app.services.round_classes import fold
from db.models import PseudoLabel, Round
from db.repositories import rounds
from tests.app.services.test_review import event
from tests.db.rows import add_clips, add_round, publish


@pytest.fixture
def clip_ids(studio, ada) -> list[int]:
    """Eight clips: two labelled, six proposed, of which the last three are accepted. S̄ of the clip at place
    p with the three classes is p/10, p/20 and p/40; dive has three exemplars, fall one."""
    with studio.database.write() as session:
        ids = add_clips(session, 8, labelled=2)
        row = add_round(session)
        publish(
            session, row, {clip_id: (1 + place % 2, 0.1, place > 2) for place, clip_id in enumerate(ids[2:])}
        )
        rounds.set_exemplars(session, round_id=row.id, exemplars={1: [ids[0], *ids[2:4]], 2: [ids[1]]})
        for place, clip_id in enumerate(ids[2:]):
            scores = np.array([place / 10, place / 20, place / 40], "<f4").tobytes()
            changed = update(PseudoLabel).where(PseudoLabel.clip_id == clip_id)
            session.execute(changed.values(class_alignabilities=scores, probabilities=scores))
    return ids


def test_each_row_is_the_mean_over_clips_whose_class_is_known(studio, ada, clip_ids):
    found = alignabilities(studio)
    assert found.clips.tolist() == [1, 2, 0]  # accepted: places 4 as dive, 3 and 5 as fall
    assert found.scores[0] == pytest.approx([0.4, 0.2, 0.1])
    assert found.scores[1] == pytest.approx([0.4, 0.2, 0.1])
    assert np.isnan(found.scores[2]).all()
    review.record(studio, ada, [
        event("correct", clip_ids[3], class_id=3, round_id=1), event("reject", clip_ids[5], round_id=1),
    ])  # fmt: skip
    found = alignabilities(studio)
    assert found.clips.tolist() == [1, 1, 1]
    assert found.scores[2] == pytest.approx([0.1, 0.05, 0.025])
    assert (found.own(3), found.rivals(3)[0]) == (pytest.approx(0.025), (1, pytest.approx(0.1)))
    cards = class_cards.listing(studio, found)
    assert [(card.name, card.measured_on, card.rivals[0].name) for card in cards] == [
        ("dive", 1, "fall"), ("fall", 1, "dive"), ("jump", 1, "dive"),
    ]  # fmt: skip


def test_merged_classes_are_measured_with_all_their_exemplars(studio, ada, clip_ids):
    owner = users.create(studio, "olga", "admin")[0].id
    class_changes.merge(studio, owner, 2, 1, str(uuid.uuid4()))
    found = alignabilities(studio)
    assert found.class_ids == (1, 3)
    assert found.clips.tolist() == [3, 0]
    assert found.scores[0] == pytest.approx([(3 * 0.4 + 0.2) / 4, 0.1])
    bars = {bar.name: bar for bar in queue.item(studio, ada, clip_ids[6]).classes}
    assert set(bars) == {"dive", "jump"}
    assert bars["dive"].combined == pytest.approx(0.4 + 0.2)
    assert bars["dive"].alignability == pytest.approx((3 * 0.4 + 0.2) / 4)


def test_a_round_that_learns_no_alignability_measures_none(studio, clip_ids):
    with studio.database.write() as session:
        session.execute(update(Round).values(config={"method": "fixmatch"}))
    assert alignabilities(studio) is None
    assert [card.alignability for card in class_cards.listing(studio, None)] == [None] * 3


def test_without_a_merge_arrays_stay_as_they_are():
    values = np.array([0.1, 0.2, 0.3], np.float32)
    known = fold([7, 5, 9], {}, {})
    assert known.ids == (7, 5, 9)
    assert known.summed(values) is values
    assert known.averaged(values).tolist() == values.tolist()


def test_rivals_stand_side_by_side():
    likeness = np.full((6, 6), 0.1)
    for one, other in ((0, 3), (3, 5), (1, 4)):
        likeness[one, other] = 0.8
    likeness[2] = likeness[:, 2] = np.nan
    order = beside_rivals(likeness)
    assert sorted(order) == list(range(6))
    assert order[-1] == 2
    for one, other in ((0, 3), (3, 5), (1, 4)):
        assert abs(order.index(one) - order.index(other)) == 1


def test_288_classes_are_ordered_at_once():
    chance = np.random.default_rng(0)
    order = beside_rivals(chance.random((288, 288)))
    assert sorted(order) == list(range(288))


def test_a_class_without_measurements_has_no_rivals():
    nothing = Alignabilities(1, (4, 5), np.full((2, 2), np.nan), np.zeros(2, int))
    assert (nothing.own(4), nothing.rivals(4)) == (None, ())
