"""Clips: coming in, being read, and being found again by what is known about them."""

import pytest
from sqlalchemy import select

from db.models import Truth
from db.repositories import classes, clips, rounds
from tests.db.rows import add_clips, add_round, add_user, decide, publish


def keys(database, **which) -> list[str]:
    """Keys of the clips that match, shortened to their number."""
    with database.read() as session:
        shown = rounds.under_review(session)
        rows, total = clips.page(
            session, round_id=shown.id if shown else None, iteration=shown.iteration if shown else -1, **which
        )
    assert which.get("limit") or which.get("offset") or total == len(rows)
    return [row.Clip.key[5:8] for row in rows]


@pytest.fixture
def looked_at(database):
    """Ten clips: 0-2 labelled at import, 3 corrected, 4 rejected, 5-7 proposed (5 accepted), 8 to be read,
    9 for testing; and ids by number."""
    with database.write() as session:
        user_id, ids = add_user(session), add_clips(session, 10, labelled=3, test=1, truths=True)
        dive, fall, jump = (classes.ensure(session, names=[])[name] for name in ("dive", "fall", "jump"))
        row = add_round(session)
        publish(session, row, {
            ids[4]: (dive, 0.1, True), ids[5]: (fall, 0.2, True),
            ids[6]: (fall, 0.3, False), ids[7]: (jump, 0.4, False),
        })  # fmt: skip
        decide(session, user_id, ids[3], "correct", class_id=jump, round_id=row.id)
        decide(session, user_id, ids[4], "reject", predicted_class_id=dive, round_id=row.id)
        clips.mark_unusable(session, clip_id=ids[8], state="unreadable", reason="no moov atom")
        clips.mark_waiting(session, clip_id=ids[8])
    return database, ids, {"dive": dive, "fall": fall, "jump": jump}


def test_labels_come_in_as_given_and_truths_apart_from_them(database):
    with database.write() as session:
        ids = add_clips(session, 6, labelled=2, truths=True)
        ids_of = classes.ensure(session, names=[])
        found = clips.by_id(session, clip_ids=[*ids, 999])
        assert [found[clip_id].given_class_id for clip_id in ids] == [
            ids_of["dive"],
            ids_of["fall"],
            *[None] * 4,
        ]
        truths = dict(session.execute(select(Truth.clip_id, Truth.class_id)).all())
    assert truths == {
        ids[2]: ids_of["jump"],
        ids[3]: ids_of["dive"],
        ids[4]: ids_of["fall"],
        ids[5]: ids_of["jump"],
    }


def test_a_clip_waits_until_it_is_read_or_turns_out_unreadable(database):
    with database.write() as session:
        ids = add_clips(session, 3, ready=False)
        row = clips.imports(session)[0][0]
        assert [clip.id for clip in clips.waiting(session, import_id=row.id, limit=2)] == ids[:2]
        clips.mark_unusable(session, clip_id=ids[1], state="unreadable", reason="no moov atom")
    with database.read() as session:
        assert clips.states(session) == {row.id: {"waiting": 2, "unreadable": 1}}
        assert [(clip.id, clip.reason) for clip in clips.unusable(session)] == [(ids[1], "no moov atom")]
    with database.write() as session:
        clips.mark_waiting(session, clip_id=ids[1])
        assert clips.get(session, clip_id=ids[1]).reason is None
        assert len(clips.waiting(session, import_id=row.id)) == 3


def test_imports_are_listed_newest_first_with_job_and_person(database):
    with database.write() as session:
        add_clips(session, 1)
        add_clips(session, 1, prefix="other")
        listed = clips.imports(session)
        assert [row.id for row, _, _ in listed] == [2, 1]
        assert [(job.kind, name) for _, job, name in listed] == [("import", None)] * 2
        assert clips.import_of(session, clip=clips.get(session, clip_id=1)).id == 1
        clips.set_job(session, import_id=1, job_id=listed[0][1].id)
        assert [job.id for _, job, _ in clips.imports(session)] == [2, 2]


def test_keys_and_sources_are_those_of_all_clips(database):
    with database.write() as session:
        add_clips(session, 2)
    with database.read() as session:
        assert clips.keys(session) == {"clip 000.mp4", "clip 001.mp4"}
        assert clips.sources(session) == {(f"/videos/clip 00{n}.mp4", None, None) for n in (0, 1)}


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({}, "0123456789"),
        ({"label": "labelled"}, "0123"),
        ({"label": "unlabelled"}, "456789"),
        ({"label": "accepted"}, "5"),
        ({"label": "proposed"}, "67"),
        ({"label": "rejected"}, "4"),
        ({"state": "waiting"}, "8"),
        ({"state": "ready", "split": "test"}, "9"),
        ({"search": "CLIP 00"}, "0123456789"),
        ({"search": "%"}, ""),
        ({"search": "_"}, ""),
        ({"import_id": 1, "search": "7"}, "7"),
        ({"import_id": 2}, ""),
    ],
)
def test_clips_are_found_by_what_is_known_about_them(looked_at, which, found):
    assert keys(looked_at[0], **which) == [f"00{number}" for number in found]


@pytest.mark.parametrize(("name", "found"), [("dive", "0"), ("fall", "156"), ("jump", "237")])
def test_a_class_holds_what_people_say_and_else_what_is_proposed(looked_at, name, found):
    """The clip whose proposal was turned down is in no class any more."""
    database, _, ids_of = looked_at
    assert keys(database, class_id=ids_of[name]) == [f"00{number}" for number in found]


def test_a_page_is_a_stretch_by_key_and_knows_how_many_there_are(looked_at):
    database, _, _ = looked_at
    assert keys(database, offset=3, limit=4) == ["003", "004", "005", "006"]
    with database.read() as session:
        assert clips.page(session, round_id=None, iteration=-1, offset=3, limit=4)[1] == 10


def test_a_row_says_who_decided_and_what_was_proposed(looked_at):
    database, ids, ids_of = looked_at
    with database.read() as session:
        rows, _ = clips.page(session, round_id=1, iteration=0)
        by_id = {row.Clip.id: row for row in rows}
    assert (by_id[ids[3]].kind, by_id[ids[3]].class_id, by_id[ids[3]].reviewer) == (
        "correct",
        ids_of["jump"],
        "ada",
    )
    assert (by_id[ids[4]].kind, by_id[ids[4]].class_id) == ("reject", None)
    assert (by_id[ids[0]].kind, by_id[ids[0]].class_id) == (None, ids_of["dive"])
    assert (by_id[ids[6]].proposed_class_id, by_id[ids[6]].accepted) == (ids_of["fall"], False)
    assert by_id[ids[9]].proposed_class_id is None


def test_everything_is_counted_once(looked_at):
    with looked_at[0].read() as session:
        counted = clips.counts(session)
        assert clips.labelled_per_class(session) == {"dive": 1, "fall": 1, "jump": 2}
    assert counted == {
        "clips": 10, "reading": 1, "ready": 9, "unreadable": 0, "test": 1, "imported": 3, "labelled": 4,
    }  # fmt: skip


def test_an_empty_project_counts_nothing(database):
    with database.read() as session:
        assert set(clips.counts(session).values()) == {0}
        assert clips.labelled_per_class(session) == {}
