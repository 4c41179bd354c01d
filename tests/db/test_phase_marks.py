"""Phase marks: one begin per phase and frame of a clip, and nothing is ever lost."""

import uuid

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from db.models import PhaseMark
from db.repositories import phase_marks
from tests.db.rows import add_clips, add_user


def row(clip_id: int, phase: str, start_frame: int, **values) -> dict:
    name = str(uuid.uuid4())
    plain = {"source": "person", "from_clip_id": None, "confidence": None}
    return {"uuid": name, "clip_id": clip_id, "phase": phase, "start_frame": start_frame, **plain, **values}


@pytest.fixture
def marked(database):
    """Database, a person, and three clips, the first with flight and entry marked."""
    with database.write() as session:
        ada, clip_ids = add_user(session), add_clips(session, 3)
        phase_marks.add(
            session, author_id=ada, rows=[row(clip_ids[0], "entry", 30), row(clip_ids[0], "flight", 12)]
        )
    return database, ada, clip_ids


def test_marks_stand_in_the_order_of_their_frames(marked):
    database, _, clip_ids = marked
    with database.read() as session:
        found = phase_marks.standing(session, clip_ids=clip_ids)
    assert [(mark.phase, mark.start_frame) for mark in found[clip_ids[0]]] == [("flight", 12), ("entry", 30)]
    assert set(found) == {clip_ids[0]}


def test_a_removed_mark_stands_no_more_and_its_row_stays(marked):
    database, ada, clip_ids = marked
    with database.write() as session:
        flight = phase_marks.standing(session, clip_ids=clip_ids)[clip_ids[0]][0]
        phase_marks.remove(session, mark_ids=[flight.id], removed_by=ada)
    with database.write() as session:
        (entry,) = phase_marks.standing(session, clip_ids=clip_ids)[clip_ids[0]]
        gone = phase_marks.by_uuid(session, uuid=flight.uuid)
        assert (entry.phase, gone.removed_by, gone.removed_at is not None) == ("entry", ada, True)
        first = gone.removed_at
        phase_marks.remove(session, mark_ids=[flight.id], removed_by=ada)
        session.refresh(gone)
        assert gone.removed_at == first
        phase_marks.add(session, author_id=ada, rows=[row(clip_ids[0], "flight", 12)])


@pytest.mark.parametrize(
    "values",
    [
        {"phase": "flight", "start_frame": 20},
        {"phase": "rip", "start_frame": 30},
        {"phase": "", "start_frame": 3},
        {"phase": "rip", "start_frame": -1},
        {"phase": "rip", "start_frame": 3, "source": "guess"},
        {"phase": "rip", "start_frame": 3, "source": "transferred"},
        {"phase": "rip", "start_frame": 3, "confidence": 0.5},
        {"phase": "rip", "start_frame": 3, "from_clip_id": 2, "confidence": 1.5},
        {"phase": "rip", "start_frame": 3, "from_clip_id": 999, "confidence": 0.5},
    ],
    ids=lambda values: "-".join(map(str, values.values())),
)
def test_the_database_refuses_what_makes_no_sense(marked, values):
    database, ada, clip_ids = marked
    with pytest.raises(IntegrityError), database.write() as session:
        phase_marks.add(session, author_id=ada, rows=[row(clip_ids[0], **values)])


def test_the_database_refuses_to_delete(marked):
    database, _, _ = marked
    with pytest.raises(DBAPIError, match="phase_marks"), database.write() as session:
        session.execute(delete(PhaseMark))
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(PhaseMark)) == 2


def test_counts_and_names_are_of_standing_marks(marked):
    database, ada, clip_ids = marked
    carried = {"source": "transferred", "from_clip_id": clip_ids[0], "confidence": 0.5}
    with database.write() as session:
        phase_marks.add(session, author_id=ada, rows=[row(clip_ids[1], "entry", 28, **carried)])
        assert phase_marks.counts(session) == (3, 2, 1)
        assert phase_marks.phases(session) == ["entry", "flight"]
        found = phase_marks.listing(session)
        assert [(each.Clip.id, each.PhaseMark.phase, each.from_key) for each in found] == [
            (clip_ids[0], "flight", None),
            (clip_ids[0], "entry", None),
            (clip_ids[1], "entry", "clip 000.mp4"),
        ]
        phase_marks.remove(session, mark_ids=[mark.PhaseMark.id for mark in found], removed_by=ada)
        assert (phase_marks.counts(session), phase_marks.phases(session)) == ((0, 0, 0), [])
