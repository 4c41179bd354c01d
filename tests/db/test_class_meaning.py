"""A merged class means another one wherever it is read; snapshots keep what classes meant and were called."""

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from db import migrate
from db.engine import Database, make_engine
from db.repositories import (
    class_counts,
    classes,
    clips,
    exemplars,
    pseudo_labels,
    round_changes,
    rounds,
    verdicts,
)
from tests.db.rows import add_clips, add_round, add_user, decide, publish


@pytest.fixture
def merged(database):
    """Ten clips, four labelled, two for testing; "fall" means "dive". Gives database, user, ids, clip ids."""
    with database.write() as session:
        user_id = add_user(session, role="admin")
        ids = add_clips(session, 10, labelled=4, test=2, truths=True)
        class_ids = classes.ensure(session, names=[])
        classes.change(session, after={str(class_ids["fall"]): {"merged_into_id": class_ids["dive"]}})
    return database, user_id, class_ids, ids


def label_of(session, clip_id: int, row=None) -> tuple[int | None, int | None]:
    found, _ = clips.page(
        session, round_id=row.id if row else None, iteration=row.iteration if row else -1, clip_id=clip_id
    )
    return found[0].class_id, found[0].proposed_class_id


def test_lists_and_names_know_one_class_where_there_were_two(merged):
    database, _, ids, _ = merged
    with database.read() as session:
        assert [row.name for row in classes.listing(session)] == ["dive", "jump"]
        assert classes.names(session) == {ids["dive"]: "dive", ids["fall"]: "dive", ids["jump"]: "jump"}
        assert classes.merged(session) == {ids["fall"]: ids["dive"]}
        assert classes.members(session, class_id=ids["dive"]) == [ids["dive"], ids["fall"]]


def test_labels_counts_and_filters_say_what_a_class_means(merged):
    database, user_id, ids, clip_ids = merged
    with database.write() as session:
        decide(session, user_id, clip_ids[5], "correct", class_id=ids["fall"])
    with database.read() as session:
        assert label_of(session, clip_ids[1]) == label_of(session, clip_ids[5]) == (ids["dive"], None)
        assert clips.labelled_per_class(session) == {"dive": 4, "jump": 1}
        assert class_counts.labelled(session) == {ids["dive"]: 4, ids["jump"]: 1}
        assert class_counts.test(session) == {ids["jump"]: 1, ids["dive"]: 1}
        for asked in ("dive", "fall"):
            _, total = clips.page(session, round_id=None, iteration=-1, class_id=ids[asked])
            assert total == 4


def test_proposals_are_judged_and_compared_by_what_classes_mean(merged):
    database, user_id, ids, clip_ids = merged
    with database.write() as session:
        before = add_round(session)
        # their truths are fall, jump and dive
        publish(session, before, {
            clip_ids[4]: (ids["dive"], 0.5, True), clip_ids[5]: (ids["dive"], 0.5, True),
            clip_ids[6]: (ids["fall"], 0.5, True),
        })  # fmt: skip
        decide(session, user_id, clip_ids[6], "correct", class_id=ids["dive"], round_id=before.id,
               predicted_class_id=ids["fall"])  # fmt: skip
        later = add_round(session, base=before)
        publish(
            session, later, {clip_ids[4]: (ids["fall"], 0.5, True), clip_ids[5]: (ids["jump"], 0.5, True)}
        )
    with database.read() as session:
        before, later = (rounds.get(session, round_id=row.id) for row in (before, later))
        assert pseudo_labels.against_truth(session, round_ids=[before.id]) == {before.id: (2, 3)}
        assert pseudo_labels.against_verdicts(session, round_ids=[before.id]) == {before.id: (1, 1)}
        changed = round_changes.page(session, now_round=later, was_round=before, kind="flipped", limit=9)
        assert [(row.key, row.was_class_id, row.now_class_id) for row in changed] == [
            ("clip 005.mp4", ids["dive"], ids["jump"])
        ]
        assert label_of(session, clip_ids[4], later) == (None, ids["dive"])
        assert class_counts.answers(session) == {(ids["dive"], "correct", ids["dive"]): 1}
        accepted, waiting = class_counts.proposed(session, row=later)
        assert accepted == waiting == {ids["dive"]: 1, ids["jump"]: 1}


def test_a_snapshot_learns_the_merged_class_and_keeps_what_was_meant(merged):
    database, _, ids, clip_ids = merged
    with database.write() as session:
        row = add_round(session)
        frozen = {
            member.clip_id: (member.label, member.truth)
            for member in rounds.members(session, round_id=row.id)
        }
        assert frozen[clip_ids[1]] == ("dive", None)
        assert frozen[clip_ids[4]] == (None, "dive")
        assert frozen[clip_ids[7]] == (None, "dive")  # its truth is "fall"
        assert rounds.class_ids(session, round_id=row.id) == {"dive": ids["dive"], "jump": ids["jump"]}
        classes.change(session, after={
            str(ids["fall"]): {"merged_into_id": None}, str(ids["dive"]): {"name": "plunge"},
        })  # fmt: skip
        again = {
            member.clip_id: (member.label, member.truth)
            for member in rounds.members(session, round_id=row.id)
        }
        assert again == frozen
        later = add_round(session)
        labels = {member.clip_id: member.label for member in rounds.members(session, round_id=later.id)}
        assert (labels[clip_ids[0]], labels[clip_ids[1]]) == ("plunge", "fall")


def test_a_later_round_knows_what_its_parent_called_each_class(merged):
    database, _, ids, _ = merged
    with database.write() as session:
        parent = add_round(session)
        classes.change(session, after={str(ids["dive"]): {"name": "plunge"}})
        classes.change(session, after={str(ids["jump"]): {"name": "dive"}})  # a name that meant another class
        row = add_round(session)
        assert rounds.former_names(session, row=row, parent=parent) == {"plunge": "dive", "dive": "jump"}
        classes.change(session, after={str(ids["fall"]): {"merged_into_id": None}})
        apart = add_round(session)
        assert rounds.former_names(session, row=apart, parent=parent) == {"plunge": "dive", "dive": "jump"}
        assert rounds.former_names(session, row=parent, parent=parent) == {}
    with database.write() as session:
        classes.change(session, after={str(ids["jump"]): {"name": "jump"}, str(ids["dive"]): {"name": "x"}})
        classes.change(session, after={str(ids["fall"]): {"name": "dive"}})
        row = add_round(session)
        assert rounds.former_names(session, row=row, parent=parent) == {"x": "dive", "dive": None}


def test_choices_of_merged_classes_are_one_and_are_frozen(merged):
    database, user_id, ids, clip_ids = merged
    with database.write() as session:
        chosen = (("dive", 0, "pinned"), ("fall", 1, "pinned"), ("jump", 2, "banned"), ("jump", 3, "pinned"))
        for class_name, number, choice in chosen:
            exemplars.choose(
                session, class_id=ids[class_name], clip_id=clip_ids[number], choice=choice, author_id=user_id
            )
        row = add_round(session)
        pinned = {ids["dive"]: [clip_ids[0], clip_ids[1]]}  # clip 3 is a dive: its pin to jump has no effect
        assert rounds.exemplar_choices(session, round_id=row.id) == (pinned, [clip_ids[2]])
        exemplars.forget(session, class_ids=[ids["jump"]], clip_id=clip_ids[2])
        exemplars.choose(
            session, class_id=ids["dive"], clip_id=clip_ids[0], choice="banned", author_id=user_id
        )
        assert rounds.exemplar_choices(session, round_id=row.id) == (pinned, [clip_ids[2]])
        later = add_round(session)
        assert rounds.exemplar_choices(session, round_id=later.id) == (
            {ids["dive"]: [clip_ids[1]]}, [clip_ids[0]],
        )  # fmt: skip


def test_test_predictions_are_told_against_what_the_clips_are(merged):
    database, _, ids, clip_ids = merged
    with database.write() as session:
        row = add_round(session)
        told = {clip_ids[8]: ids["fall"], clip_ids[9]: ids["fall"]}  # they are jump and dive
        for _ in range(2):
            rounds.set_test_predictions(session, round_id=row.id, predictions=told)
        assert class_counts.tested(session, round_id=row.id) == {
            (ids["dive"], ids["jump"]): 1, (ids["dive"], ids["dive"]): 1,
        }  # fmt: skip
        found, _ = clips.page(
            session, round_id=row.id, iteration=-1, tested_id=ids["dive"], known_id=ids["jump"]
        )
        assert [line.Clip.id for line in found] == [clip_ids[8]]


def test_an_import_brings_a_removed_class_back_and_keeps_a_merged_one_merged(merged):
    database, _, ids, _ = merged
    with database.write() as session:
        classes.change(session, after={str(ids["jump"]): {"removed": True}})
        assert [row.name for row in classes.listing(session)] == ["dive"]
        assert classes.ensure(session, names=["jump", "fall"]) == ids
        assert [row.name for row in classes.listing(session)] == ["dive", "jump"]


def test_the_record_of_changes_is_append_only(database):
    with database.write() as session:
        user_id = add_user(session)
        classes.add_event(session, uuid="one", kind="create", before={}, after={"1": {}}, author_id=user_id)
    for change in ("UPDATE class_events SET kind = 'rename'", "DELETE FROM class_events"):
        with pytest.raises(DatabaseError, match="append-only"), database.write() as session:
            session.execute(text(change))


def test_a_class_is_used_once_anything_names_it(database):
    with database.write() as session:
        user_id, ids = add_user(session), add_clips(session, 2)
        fresh = classes.ensure(session, names=["new"])["new"]
        assert not classes.is_used(session, class_id=fresh)
        decide(session, user_id, ids[0], "accept", class_id=fresh)
        assert classes.is_used(session, class_id=fresh)
        assert verdicts.last_id(session) == 1


def test_rounds_from_before_keep_the_names_that_they_were_trained_with(empty_url):
    """Schema 0002 with a class and a round becomes this version's, with nothing lost."""
    engine = make_engine(empty_url, foreign_keys=False)
    config = migrate._config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        moment = "'2026-03-01 12:00:00+00:00'"
        connection.exec_driver_sql(
            f"INSERT INTO classes (id, name, position, created_at) VALUES (1, 'dive', 0, {moment})"
        )
        connection.exec_driver_sql(
            "INSERT INTO jobs (id, kind, payload, state, stop_requested, attempt, deaths, step, steps, "
            "created_at, updated_at) VALUES "
            f"(1, 'round', '{{}}', 'queued', false, 0, 0, 0, 0, {moment}, {moment})"
        )
        connection.exec_driver_sql(
            "INSERT INTO rounds (id, number, job_id, preset, config, classes, iteration, metrics, "
            f"created_at) VALUES (1, 1, 1, 'cpu-demo', '{{}}', '[1]', -1, '{{}}', {moment})"
        )
    engine.dispose()
    migrate.upgrade(empty_url)
    database = Database(empty_url)
    with database.write() as session:
        (row,) = classes.listing(session)
        assert (row.name, row.merged_into_id, row.removed, row.attributes) == ("dive", None, False, {})
        classes.change(session, after={"1": {"name": "plunge"}})
        assert rounds.class_names(session, round_id=1) == {1: "dive"}
        assert rounds.exemplar_choices(session, round_id=1) == ({}, [])
    with pytest.raises(DatabaseError), database.write() as session:
        session.execute(text("UPDATE classes SET merged_into_id = 1 WHERE id = 1"))
    database.dispose()
