"""Rounds: a frozen snapshot, live steps, and which round is active."""

import pytest
from sqlalchemy import func, select

from db.models import Promotion, RoundExemplar
from db.repositories import classes, clips, pseudo_labels, rounds
from tests.db.rows import add_clips, add_round, add_user, decide, publish


@pytest.fixture
def three_rounds(database):
    """Database, a user, and three rounds; nothing is promoted."""
    with database.write() as session:
        user_id = add_user(session, role="admin")
        add_clips(session, 4, labelled=2)
        return database, user_id, [add_round(session) for _ in range(3)]


def active_number(database) -> int | None:
    with database.read() as session:
        row = rounds.active(session)
        return row.number if row else None


def test_the_snapshot_says_who_takes_part_and_with_which_label(database):
    """People's newest word first, then the import's; what is for testing or not ready stays out."""
    with database.write() as session:
        user_id = add_user(session)
        ids = add_clips(session, 9, labelled=3, test=2, truths=True)
        dive, fall, jump = classes.ensure(session, names=[]).values()
        before = add_round(session)
        publish(session, before, {ids[number]: (fall, 0.5, number != 6) for number in (3, 4, 5, 6)})
        decide(session, user_id, ids[1], "correct", class_id=jump)
        decide(session, user_id, ids[2], "reject")
        decide(session, user_id, ids[3], "accept", class_id=fall)
        decide(session, user_id, ids[4], "novel")
        clips.mark_unusable(session, clip_id=ids[8], state="missing", reason="gone")
        row = add_round(session, base=before)
        decide(session, user_id, ids[0], "reject")  # too late for this round
        members = {member.clip_id: member for member in rounds.members(session, round_id=row.id)}
    assert {clip_id: (member.role, member.label, member.truth) for clip_id, member in members.items()} == {
        ids[0]: ("labelled", "dive", None),
        ids[1]: ("labelled", "jump", None),
        ids[2]: ("unlabelled", None, None),
        ids[3]: ("labelled", "fall", "dive"),
        ids[4]: ("unlabelled", None, "fall"),
        ids[5]: ("unlabelled", "fall", "jump"),
        ids[6]: ("unlabelled", None, "dive"),
        ids[7]: ("test", None, "fall"),
    }
    assert [member.key for member in members.values()] == sorted(member.key for member in members.values())
    with database.read() as session:
        assert rounds.label_counts(session, round_ids=[row.id, 99]) == {row.id: (3, 1)}


def test_a_test_clip_without_a_known_class_takes_no_part(database):
    with database.write() as session:
        user_id, ids = add_user(session), add_clips(session, 4, labelled=2, test=2)
        dive = classes.ensure(session, names=[])["dive"]
        decide(session, user_id, ids[3], "correct", class_id=dive)
        row = add_round(session)
        members = rounds.members(session, round_id=row.id)
    assert [(member.clip_id, member.role, member.label) for member in members[2:]] == [
        (ids[3], "test", "dive")
    ]


def test_numbers_go_up_and_every_round_has_its_job(three_rounds):
    database, _, rows = three_rounds
    assert [row.number for row in rows] == [1, 2, 3]
    with database.read() as session:
        assert [(row.number, job.kind, parent) for row, job, parent in rounds.listing(session)] == [
            (3, "round", None), (2, "round", None), (1, "round", None),
        ]  # fmt: skip
        assert [row.id for row, _, _ in rounds.listing(session, round_id=rows[1].id)] == [rows[1].id]
        assert rounds.by_job(session, job_id=rows[2].job_id).id == rows[2].id
        assert rounds.get(session, round_id=99) is None


def test_rolling_back_twice_goes_back_two_rounds_and_promoting_goes_on_from_there(three_rounds):
    database, user_id, rows = three_rounds
    assert active_number(database) is None
    with database.write() as session:
        for row in rows:
            rounds.promote(session, round_id=row.id)
        rounds.promote(session, round_id=rows[2].id)  # it is active already
        assert session.scalar(select(func.count()).select_from(Promotion)) == 3
    steps = []
    for _ in range(3):
        with database.write() as session:
            back = rounds.roll_back(session, promoted_by=user_id)
        steps.append((back.number if back else None, active_number(database)))
    assert steps == [(2, 2), (1, 1), (None, 1)]
    with database.write() as session:
        rounds.promote(session, round_id=rows[2].id, promoted_by=user_id)
        assert rounds.roll_back(session, promoted_by=user_id).number == 1


def test_before_a_promotion_the_newest_published_round_is_under_review(three_rounds):
    database, _, rows = three_rounds
    with database.write() as session:
        assert rounds.under_review(session) is None
        for row in rows[:2]:
            pseudo_labels.show(session, round_id=row.id, iteration=0, classes=row.classes)
        assert rounds.under_review(session).number == 2
        rounds.promote(session, round_id=rows[0].id)
        assert rounds.under_review(session).number == 1


def test_only_new_steps_are_fetched(three_rounds):
    database, _, rows = three_rounds
    with database.write() as session:
        rounds.add_steps(
            session, round_id=rows[0].id, steps=[("action", n, 9, {"loss": 1 / n}) for n in (1, 2)]
        )
        rounds.add_steps(session, round_id=rows[1].id, steps=[("action", 1, 9, {"loss": 7.0})])
        rounds.add_steps(session, round_id=rows[0].id, steps=[("action", 3, 9, {"loss": 1 / 3})])
        rounds.add_steps(session, round_id=rows[0].id, steps=[])
    with database.read() as session:
        found = rounds.steps(session, round_id=rows[0].id)
        assert [(step.step, step.values) for step in found] == [(n, {"loss": 1 / n}) for n in (1, 2, 3)]
        assert [step.step for step in rounds.steps(session, round_id=rows[0].id, after_id=found[1].id)] == [3]


def test_the_gallery_is_replaced_as_a_whole(three_rounds):
    database, _, rows = three_rounds
    with database.write() as session:
        dive, fall, _ = classes.ensure(session, names=[]).values()
        rounds.set_exemplars(session, round_id=rows[0].id, exemplars={dive: [1, 3], fall: [2]})
        rounds.set_exemplars(session, round_id=rows[0].id, exemplars={dive: [3, 1]})
        found = session.execute(
            select(RoundExemplar.clip_id, RoundExemplar.rank).order_by(RoundExemplar.rank)
        )
        assert found.all() == [(3, 0), (1, 1)]


def test_results_are_kept_with_the_model_s_checksum(three_rounds):
    database, _, rows = three_rounds
    with database.write() as session:
        rounds.set_running(session, round_id=rows[0].id, device="cpu")
        rounds.set_result(
            session, round_id=rows[0].id, metrics={"top1": 0.5}, model_path="m.pt", model_sha256="ab"
        )
        rounds.set_result(session, round_id=rows[0].id, metrics={"top1": 0.75})
    with database.read() as session:
        row = rounds.get(session, round_id=rows[0].id)
    assert (row.device, row.metrics, row.model_path, row.model_sha256) == (
        "cpu",
        {"top1": 0.75},
        "m.pt",
        "ab",
    )
