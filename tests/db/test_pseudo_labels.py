"""Pseudo-labels: what is shown, what comes next, and how right it is."""

import itertools
import random
import threading

import pytest
from sqlalchemy import func, select

from db.models import PseudoLabel
from db.repositories import classes, clips, pseudo_labels, round_changes, rounds, verdicts
from tests.db.rows import add_clips, add_round, add_user, decide, publish


@pytest.fixture
def proposed(database):
    """Database, reviewer, round, class ids, eight clips: two labelled, six proposed with falling margin."""
    with database.write() as session:
        user_id, ids = add_user(session), add_clips(session, 8, labelled=2, truths=True)
        class_ids = list(classes.ensure(session, names=[]).values())
        row = add_round(session)
        publish(session, row, {
            clip_id: (class_ids[0], 0.9 - 0.1 * place, place < 4) for place, clip_id in enumerate(ids[2:])
        })  # fmt: skip
    with database.read() as session:
        return database, user_id, rounds.get(session, round_id=row.id), class_ids, ids


def queue(session, row, limit=10, without=()) -> list[int]:
    return [
        clip.id for _, clip in pseudo_labels.next_for_review(session, row=row, limit=limit, without=without)
    ]


def test_the_least_certain_come_first_and_some_can_be_left_out(proposed):
    database, _, row, _, ids = proposed
    with database.read() as session:
        assert queue(session, row) == ids[:1:-1]
        assert queue(session, row, limit=2, without={ids[7], ids[5]}) == [ids[6], ids[4]]
        assert queue(session, row, limit=2, without=set()) == [ids[7], ids[6]]
        among = pseudo_labels.among(session, row=row, clip_ids=[ids[3], ids[0], ids[7]])
        assert [clip.id for _, clip in among] == [ids[3], ids[7]]


def test_what_people_decided_on_is_not_asked_again(proposed):
    database, user_id, row, class_ids, ids = proposed
    with database.write() as session:
        decide(session, user_id, ids[7], "accept", class_id=class_ids[0], round_id=row.id)
        decide(session, user_id, ids[6], "reject", round_id=row.id)
        decide(session, user_id, ids[5], "skip", round_id=row.id)
        undone = decide(session, user_id, ids[4], "novel", round_id=row.id)
        decide(session, user_id, ids[4], "undo", undoes_uuid=undone)
        assert queue(session, row) == [ids[5], ids[4], ids[3], ids[2]]
        assert pseudo_labels.review_counts(session, row=row) == (4, 2)
        assert pseudo_labels.turned_down(session) == {ids[6]}


def test_a_later_round_may_ask_again_about_what_an_earlier_one_got_wrong(proposed):
    database, user_id, row, class_ids, ids = proposed
    with database.write() as session:
        decide(session, user_id, ids[7], "reject", round_id=row.id)
        decide(session, user_id, ids[6], "correct", class_id=class_ids[1], round_id=row.id)
        later = add_round(session, base=row)
        publish(session, later, dict.fromkeys(ids[5:], (class_ids[1], 0.5, True)))
    with database.read() as session:
        assert queue(session, rounds.get(session, round_id=later.id)) == [ids[5], ids[7]]
        assert queue(session, row) == [ids[5], ids[4], ids[3], ids[2]]


def test_the_queue_always_follows_from_the_verdict_log(proposed):
    """After any events: settled means that the newest verdict not undone says what the clip is, or turned
    down this round or a later one."""
    database, user_id, row, class_ids, ids = proposed
    chance = random.Random(4)
    with database.write() as session:
        later = add_round(session, base=row)
        publish(session, later, dict.fromkeys(ids[2:], (class_ids[1], 0.5, False)))
    log: list[tuple[str, int, str, int | None]] = []
    undone: set[str] = set()
    for turn, kind in itertools.product(range(6), ("accept", "reject", "undo", "novel", "skip", "undo")):
        clip_id, round_id = chance.choice(ids[2:]), chance.choice([row.id, later.id, None])
        with database.write() as session:
            if kind == "undo":
                name, clip_id, _, round_id = chance.choice(log)
                if name in undone:
                    continue
                undone.add(name)
                decide(session, user_id, clip_id, "undo", undoes_uuid=name, round_id=round_id)
            else:
                class_id = class_ids[turn % 3] if kind == "accept" else None
                name = decide(session, user_id, clip_id, kind, class_id=class_id, round_id=round_id)
                log.append((name, clip_id, kind, round_id))
            labels = session.scalars(select(PseudoLabel).where(PseudoLabel.settled))
            settled = {(label.round_id, label.clip_id) for label in labels}
        expected = set()
        for shown_id, clip_id in itertools.product((row.id, later.id), ids[2:]):
            standing = [
                (kind, of)
                for name, clip, kind, of in log
                if clip == clip_id and kind != "skip" and name not in undone
            ]
            if standing and (standing[-1][0] == "accept" or (standing[-1][1] or shown_id) >= shown_id):
                expected.add((shown_id, clip_id))
        assert settled == expected
    assert len(undone) > 3


def test_a_clip_that_went_missing_is_neither_asked_about_nor_counted(proposed):
    database, user_id, row, class_ids, ids = proposed
    with database.write() as session:
        decide(session, user_id, ids[6], "accept", class_id=class_ids[0], round_id=row.id)
        clips.mark_unusable(session, clip_id=ids[7], state="missing", reason="gone")
    with database.read() as session:
        assert queue(session, row) == ids[5:1:-1]
        assert pseudo_labels.review_counts(session, row=row) == (4, 1)
        assert pseudo_labels.get(session, row=row, clip_id=ids[7]) is None
        assert pseudo_labels.get(session, row=row, clip_id=ids[5])[1].id == ids[5]


def test_a_pass_that_is_not_shown_yet_is_in_nobody_s_way(proposed):
    database, _, row, class_ids, ids = proposed
    with database.write() as session:
        publish(session, row, {ids[2]: (class_ids[2], 0.1, True)}, iteration=1)
        pseudo_labels.show(session, round_id=row.id, iteration=0, classes=row.classes)
        assert queue(session, row) == ids[:1:-1]
        assert pseudo_labels.counts(session, round_ids=[row.id]) == {row.id: (6, 4)}
        assert pseudo_labels.clear_hidden(session, round_id=row.id) == 1
        assert pseudo_labels.clear_hidden(session, round_id=row.id) == 0


def test_an_old_pass_goes_away_in_small_steps(proposed):
    database, _, row, class_ids, ids = proposed
    with database.write() as session:
        publish(session, row, {ids[2]: (class_ids[2], 0.1, True)}, iteration=1)
        gone = [pseudo_labels.clear_hidden(session, round_id=row.id, limit=4) for _ in range(3)]
        assert gone == [4, 2, 0]
        assert session.scalar(select(func.count()).select_from(PseudoLabel)) == 1


def test_precision_is_measured_against_truth_and_against_people(proposed):
    """Clips 2-5 are accepted as class 0; the true classes go 0, 1, 2, 0, ..."""
    database, user_id, row, class_ids, ids = proposed
    with database.write() as session:
        assert pseudo_labels.against_truth(session, round_ids=[row.id]) == {row.id: (1, 4)}
        assert pseudo_labels.against_verdicts(session, round_ids=[row.id]) == {}
        decide(session, user_id, ids[2], "accept", class_id=class_ids[0], round_id=row.id)
        decide(session, user_id, ids[3], "correct", class_id=class_ids[1], round_id=row.id)
        decide(session, user_id, ids[4], "reject", round_id=row.id)
        decide(session, user_id, ids[7], "accept", class_id=class_ids[0], round_id=row.id)  # was not accepted
        assert pseudo_labels.against_verdicts(session, round_ids=[row.id, 99]) == {row.id: (1, 3)}


def test_two_rounds_are_compared_where_nobody_decided(proposed):
    database, user_id, row, class_ids, ids = proposed
    dive, fall, _ = class_ids
    with database.write() as session:
        decide(session, user_id, ids[2], "correct", class_id=fall, round_id=row.id)
        later = add_round(session, base=row)
        publish(session, later, {
            ids[3]: (fall, 0.5, True), ids[4]: (dive, 0.5, False), ids[5]: (dive, 0.5, True),
            ids[6]: (dive, 0.5, True), ids[7]: (fall, 0.5, False),
        })  # fmt: skip
    with database.read() as session:
        pair = {"now_round": rounds.get(session, round_id=later.id), "was_round": row}
        assert round_changes.counts(session, **pair) == {"flipped": 1, "gained": 1, "dropped": 1}
        found = {
            kind: [line.key for line in round_changes.page(session, **pair, kind=kind, limit=10)]
            for kind in round_changes.KINDS
        }
        flips = [tuple(line)[:3] for line in round_changes.flips(session, **pair, limit=10)]
    assert found == {"flipped": ["clip 003.mp4"], "gained": ["clip 006.mp4"], "dropped": ["clip 004.mp4"]}
    assert flips == [(dive, fall, 1)]


def test_verdicts_given_before_a_round_count_for_its_queue_at_once(proposed):
    database, user_id, row, class_ids, ids = proposed
    with database.write() as session:
        decide(session, user_id, ids[5], "accept", class_id=class_ids[0])
        assert not verdicts.is_undone(session, uuid="nothing")
        publish(session, row, dict.fromkeys(ids[4:7], (class_ids[0], 0.5, True)), iteration=1)
    with database.read() as session:
        assert queue(session, rounds.get(session, round_id=row.id)) == [ids[4], ids[6]]


def test_a_verdict_given_while_a_pass_is_written_settles_the_new_proposal_too(proposed):
    database, user_id, row, class_ids, ids = proposed

    def accept() -> None:
        with database.write() as session:
            decide(session, user_id, ids[5], "accept", class_id=class_ids[0], round_id=row.id)

    reviewer = threading.Thread(target=accept)
    with database.write() as session:
        publish(session, row, {ids[5]: (class_ids[0], 0.5, True)}, iteration=1)
        reviewer.start()
        reviewer.join(0.5)
    reviewer.join()
    with database.read() as session:
        settled = select(PseudoLabel.iteration, PseudoLabel.settled).where(PseudoLabel.clip_id == ids[5])
        assert dict(session.execute(settled).all()) == {0: True, 1: True}
