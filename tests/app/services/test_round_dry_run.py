"""The dry run: what a threshold accepts, what is known about it, and what it can't foresee."""

import pytest

from app.services import review, round_dry_run, rounds
from app.services.round_cards import measured
from app.services.round_dry_run import dry_run, foresight, next_round
from db.repositories import audits, clips
from db.repositories import rounds as repository
from finepseudo_core.config import preset
from tests.app.services.test_review import event
from tests.db.rows import add_clips, add_round, publish

# clip place -> (class, confidence); classes are 1 dive, 2 fall, 3 jump, and clip n is of class n % 3 + 1
PROPOSED = {3: (1, 0.95), 4: (2, 0.90), 5: (3, 0.85), 6: (2, 0.75), 7: (2, 0.65), 8: (1, 0.55), 9: (1, 0.52)}


@pytest.fixture
def proposed(studio, ada) -> list[int]:
    """Seven proposals with confidences from 0.52 to 0.95, accepted above 0.6; truths are known."""
    with studio.database.write() as session:
        ids = add_clips(session, 10, labelled=3, truths=True)
        row = add_round(session)
        publish(session, row, {
            ids[place]: (class_id, 2 * confidence - 1, confidence > 0.6)
            for place, (class_id, confidence) in PROPOSED.items()
        })  # fmt: skip
        repository.promote(session, round_id=row.id)
    return ids


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.53, 0.6, 0.7, 0.8, 0.89, 0.92, 0.99])
def test_it_counts_what_is_above_the_threshold_by_class(studio, proposed, threshold):
    seen = dry_run(studio, "cpu-demo", {}).at(threshold)
    above = [class_id for class_id, confidence in PROPOSED.values() if confidence > threshold]
    assert seen.accepted == len(above)
    names = {"dive": 1, "fall": 2, "jump": 3}
    assert dict(seen.per_class) == {name: above.count(class_id) for name, class_id in names.items()}
    assert list(seen.per_class.values()) == sorted(seen.per_class.values(), reverse=True)
    assert set(seen.empty) == {name for name, class_id in names.items() if class_id not in above}


def test_at_its_own_threshold_it_agrees_with_the_round(studio, proposed):
    card = rounds.active(studio)
    seen = dry_run(studio, "cpu-demo", {}).at(0.6)
    assert (seen.accepted, seen.precision, seen.source) == (card.accepted, card.known_precision, "held back")
    assert (seen.precision.right, seen.precision.of) == (4, 5), "clip 6 is a dive, and the round says fall"


def test_clips_that_people_decided_on_are_not_accepted_again(studio, ada, proposed):
    log = [
        event("accept", proposed[3], predicted_class_id=1, round_id=1),
        event("reject", proposed[4], round_id=1),
    ]
    review.record(studio, ada, log)
    assert dry_run(studio, "cpu-demo", {}).at(0.6).accepted == 3
    with studio.database.write() as session:
        row = add_round(session, repository.active(session))
        publish(session, row, {proposed[4]: (2, 0.9, False), proposed[5]: (3, 0.9, True)})
        repository.promote(session, round_id=row.id)
        clips.mark_unusable(session, clip_id=proposed[5], state="missing", reason="gone")
    assert dry_run(studio, "cpu-demo", {}).at(0.6).accepted == 0, "turned down in round 1; file is gone"


def test_verdicts_speak_only_where_nothing_fairer_does(studio, ada):
    with studio.database.write() as session:
        ids = add_clips(session, 10, labelled=3)
        row = add_round(session)
        publish(session, row, {clip_id: (1, 0.2 + 0.1 * n, True) for n, clip_id in enumerate(ids[3:])})
        repository.promote(session, round_id=row.id)
    run = dry_run(studio, "cpu-demo", {})
    assert (run.at(0.6).accepted, run.at(0.6).precision, run.at(0.6).source) == (6, None, None)
    said = [event("accept", ids[9], predicted_class_id=1, round_id=1), event("reject", ids[8], round_id=1)]
    review.record(studio, ada, said)
    seen = dry_run(studio, "cpu-demo", {}).at(0.6)
    assert (seen.precision, seen.source) == (measured(1, 2), "verdicts")
    assert dry_run(studio, "cpu-demo", {}).at(0.88).precision == measured(1, 1)


def test_blind_checks_speak_for_what_was_accepted_and_for_nothing_below(studio, ada):
    with studio.database.write() as session:
        ids = add_clips(session, 10, labelled=3)
        row = add_round(session)
        publish(session, row, {clip_id: (1, 0.1 + 0.1 * n, n > 1) for n, clip_id in enumerate(ids[3:])})
        repository.promote(session, round_id=row.id)
        session.refresh(row)
        assert audits.draw(session, row=row) == 1
        drawn = audits.waiting(session, row=row, limit=1, without=())[0].id
    answer = event("correct", drawn, class_id=1, round_id=1)
    review.record(studio, ada, [answer])
    with studio.database.write() as session:
        audits.answer(session, drawn=audits.get(session, round_id=1, clip_id=drawn), uuid=answer["uuid"])
    run = dry_run(studio, "cpu-demo", {})
    assert (run.at(0.6).precision, run.at(0.6).source) == (measured(1, 1), "blind")
    assert run.at(0.5).source == "verdicts", "nothing below 0.6 was ever drawn"


@pytest.mark.parametrize(("was", "will_be", "words"), [
    ("collaborative", "collaborative", "exact"), ("confidence", "verification", "exact"),
    ("verification", "uncertainty", "at most"), ("collaborative", "confidence", "another"),
    ("alignability", "collaborative", "another"), ("collaborative", "none", "nothing"),
])  # fmt: skip
def test_it_says_what_it_can_not_foresee(was, will_be, words):
    assert foresight(was, will_be) == words


def test_a_sum_is_compared_with_the_threshold_and_not_its_half(studio, proposed):
    summed = dry_run(studio, "cpu-demo", {"pseudo_labels.combine": "sum"})
    assert summed.at(0.99).accepted == len(PROPOSED)
    assert summed.foresight == "exact"


def test_every_strategy_has_a_judge():
    choices = preset("cpu-demo").pseudo_labels.__dataclass_fields__["strategy"].metadata["choices"]
    assert set(choices) == set(round_dry_run.JUDGES)


def test_without_proposals_there_is_nothing_to_try(studio):
    assert dry_run(studio, "cpu-demo", {}) is None
    assert next_round(studio).new_verdicts is None


def test_the_next_round_learns_from_what_is_labelled_now(studio, ada, proposed):
    assert next_round(studio).labelled == {"dive": 1, "fall": 1, "jump": 1}
    review.record(studio, ada, [event("accept", proposed[3], predicted_class_id=1, round_id=1)])
    coming = next_round(studio)
    assert (coming.labelled["dive"], coming.new_verdicts, coming.without) == (2, 1, ())
    assert coming.scarce == ("fall", "jump")
