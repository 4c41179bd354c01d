"""Kappas against textbook values and slow restatements, and what counts as an answer."""

import itertools
import uuid
from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from app.services import class_changes, review, users
from app.services.agreement import agreement, cohen_kappa, fleiss_kappa
from tests.app.services.test_review import event
from tests.db.rows import add_clips, add_round

DIVE, FALL, JUMP = 1, 2, 3
# The example that textbooks give for Fleiss' kappa: 10 subjects, 14 people, 5 categories.
TEXTBOOK = (
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
)  # fmt: skip


def answers(row) -> list[tuple[int, int]]:
    return [(place, count) for place, count in enumerate(row) if count]


def test_fleiss_kappa_of_the_textbook_example_is_0_210():
    found = fleiss_kappa([answers(row) for row in TEXTBOOK])
    assert (found.value, found.clips) == (pytest.approx(0.2099, abs=5e-5), 10)
    assert found.low < 0.21 < found.high


def test_fleiss_kappa_with_unequal_numbers_of_people_by_hand():
    """Clips aab, ab, aa: P = 1/3, 0, 1; p_a = (2/3 + 1/2 + 1) / 3 = 13/18, so chance is 194/324."""
    found = fleiss_kappa([[(1, 2), (2, 1)], [(1, 1), (2, 1)], [(1, 2)], [(2, 1)]])
    chance = (13 / 18) ** 2 + (5 / 18) ** 2
    assert found.value == pytest.approx((4 / 9 - chance) / (1 - chance))
    assert (found.low, found.high, found.clips) == (None, None, 3), "too few clips for an interval"


def test_the_interval_of_fleiss_kappa_is_that_of_resampled_clips():
    chance = np.random.default_rng(0)
    clips = [answers(chance.multinomial(4, chance.dirichlet([0.4] * 3))) for _ in range(150)]
    found = fleiss_kappa(clips)
    resampled = [fleiss_kappa([clips[at] for at in chance.integers(0, 150, 150)]).value for _ in range(400)]
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * np.std(resampled), rel=0.12)


@pytest.mark.parametrize(
    ("table", "value"),
    [([[20, 5], [10, 15]], 0.4), ([[45, 15], [25, 15]], 0.1304), ([[25, 35], [5, 35]], 0.2593)],
)
def test_cohen_kappa_of_textbook_tables(table, value):
    found = cohen_kappa(np.array(table))
    assert found.value == pytest.approx(value, abs=5e-5)
    pairs = [pair for pair, count in np.ndenumerate(table) for _ in range(count)]
    assert found.value == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))


def test_the_interval_of_cohen_kappa_is_that_of_resampled_clips():
    chance = np.random.default_rng(1)
    shares = np.array([[0.4, 0.1, 0.0], [0.05, 0.2, 0.05], [0.02, 0.03, 0.15]])
    table = np.round(shares * 400)
    found = cohen_kappa(table)
    resampled = [
        cohen_kappa(chance.multinomial(400, shares.ravel()).reshape(3, 3)).value for _ in range(2000)
    ]
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * np.std(resampled), rel=0.08)


def test_people_who_only_ever_say_one_class_have_no_kappa():
    assert cohen_kappa(np.array([[12, 0], [0, 0]])) is None
    assert cohen_kappa(np.zeros((2, 2))) is None
    assert fleiss_kappa([[(1, 2)]] * 12) is None
    assert fleiss_kappa([]) is None


def test_agreeing_always_is_one_without_an_interval():
    found = cohen_kappa(np.diag([10, 10]))
    assert (found.value, found.low) == (1.0, None)


@pytest.fixture
def clip_ids(studio) -> list[int]:
    with studio.database.write() as session:
        ids = add_clips(session, 16)
        add_round(session)
        return ids


def say(studio, who: int, clip_id: int, class_id: int) -> str:
    sent = event("correct", clip_id, class_id=class_id, round_id=1)
    review.record(studio, who, [sent])
    return sent["uuid"]


def test_nobody_has_judged_anything_twice(studio, ada, clip_ids):
    say(studio, ada, clip_ids[0], DIVE)
    say(studio, ada, clip_ids[0], FALL)
    found = agreement(studio)
    assert (found.clips, found.people, found.alike, found.kappa) == (0, 0, None, None)
    assert (found.pairs, found.disputes) == ((), ())


def test_the_last_standing_word_of_each_person_counts(studio, ada, bea, clip_ids):
    for place, clip_id in enumerate(clip_ids[:12]):
        say(studio, ada, clip_id, DIVE if place < 6 else FALL)
        say(studio, bea, clip_id, DIVE if place < 4 else FALL)
    changed = say(studio, ada, clip_ids[4], JUMP)
    found = agreement(studio)
    assert (found.clips, found.people) == (12, 2)
    assert (found.alike.right, found.alike.of) == (10, 12)
    assert [(one.one, one.other, one.clip_ids) for one in found.disputes] == [
        ("dive", "fall", (clip_ids[5],)), ("fall", "jump", (clip_ids[4],)),
    ]  # fmt: skip
    review.record(studio, ada, [event("undo", clip_ids[4], undoes_uuid=changed, round_id=1)])
    (pair,) = agreement(studio).pairs
    assert (pair.one, pair.other, pair.alike.right) == ("ada", "bea", 10)
    assert pair.kappa.value == pytest.approx(cohen_kappa(np.array([[4, 2], [0, 6]])).value)
    (dispute,) = agreement(studio).disputes
    assert dispute.clip_ids == (clip_ids[5], clip_ids[4])


def test_merged_classes_are_one_answer_and_a_rejection_is_none(studio, ada, bea, clip_ids):
    owner = users.create(studio, "olga", "admin")[0].id
    say(studio, ada, clip_ids[0], DIVE)
    say(studio, bea, clip_ids[0], FALL)
    review.record(studio, ada, [event("novel", clip_ids[1]), event("novel", clip_ids[2])])
    review.record(studio, bea, [
        event("reject", clip_ids[1], predicted_class_id=DIVE), event("novel", clip_ids[2]),
    ])  # fmt: skip
    assert (agreement(studio).alike.right, agreement(studio).alike.of) == (1, 2)
    class_changes.merge(studio, owner, FALL, DIVE, str(uuid.uuid4()))
    found = agreement(studio)
    assert (found.alike.right, found.alike.of, found.disputes) == (2, 2, ())


def test_three_people_are_paired_and_counted_slowly_alike(studio, ada, bea, clip_ids):
    cyd = users.create(studio, "cyd")[0].id
    chance = np.random.default_rng(3)
    said: dict[int, dict[int, int]] = {}
    for clip_id in clip_ids:
        for who in chance.permutation([ada, bea, cyd])[: int(chance.integers(1, 4))].tolist():
            said.setdefault(clip_id, {})[who] = int(chance.integers(1, 4))
            say(studio, who, clip_id, said[clip_id][who])
    found = agreement(studio)
    several = [one for one in said.values() if len(one) > 1]
    assert found.clips == len(several)
    meetings = sum(len(list(itertools.combinations(one, 2))) for one in several)
    assert sum(pair.alike.of for pair in found.pairs) == meetings
    assert found.kappa == fleiss_kappa([list(Counter(one.values()).items()) for one in several])
    by_two = [pair for pair in found.pairs if {pair.one, pair.other} == {"ada", "cyd"}]
    rows = [(one[ada], one[cyd]) for one in several if ada in one and cyd in one]
    assert by_two[0].kappa.value == pytest.approx(cohen_kappa_score(*zip(*rows, strict=True)))
