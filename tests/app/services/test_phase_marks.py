"""Setting and removing phase marks from a browser's log."""

import csv
import io
import uuid

import pytest
from sqlalchemy import func, select

from app.services import export, phase_marks, users
from app.services.studio import StudioError
from db.models import PhaseMark
from finepseudo_core.datasets.phase_annotations import read_csv
from tests.db.rows import add_clips


@pytest.fixture
def clip_ids(studio) -> list[int]:
    """Three clips of 50 frames, 25 a second."""
    with studio.database.write() as session:
        return add_clips(session, 3)


def mark(clip_id, phase, start_frame, **values) -> dict:
    name = str(uuid.uuid4())
    return {
        "uuid": name,
        "kind": "mark",
        "clip_id": clip_id,
        "phase": phase,
        "start_frame": start_frame,
        **values,
    }


def unmark(marked: dict) -> dict:
    return {"uuid": str(uuid.uuid4()), "kind": "unmark", "mark_uuid": marked["uuid"]}


def standing(studio, *clip_ids) -> list[tuple[str, int]]:
    return [(card.phase, card.start_frame) for card in phase_marks.standing(studio, clip_ids)]


def test_a_log_is_taken_over_once_however_often_it_comes(studio, ada, clip_ids):
    log = [mark(clip_ids[0], "flight", 12), mark(clip_ids[0], "entry", 30)]
    for _ in range(3):
        assert phase_marks.record(studio, ada, log).saved == tuple(event["uuid"] for event in log)
    assert standing(studio, *clip_ids) == [("flight", 12), ("entry", 30)]
    with studio.database.read() as session:
        assert session.scalar(select(func.count()).select_from(PhaseMark)) == 2


def test_setting_a_phase_again_moves_it_and_keeps_where_it_was(studio, ada, bea, clip_ids):
    phase_marks.record(studio, ada, [mark(clip_ids[0], "entry", 30)])
    phase_marks.record(studio, bea, [mark(clip_ids[0], " entry\n", 33)])
    (card,) = phase_marks.standing(studio, clip_ids)
    assert (card.phase, card.start_frame, card.author) == ("entry", 33, "bea")
    with studio.database.read() as session:
        (before,) = session.scalars(select(PhaseMark).where(PhaseMark.removed_at.is_not(None)))
    assert (before.start_frame, before.author_id, before.removed_by) == (30, ada, bea)


def test_a_late_retry_does_not_bring_a_moved_mark_back(studio, ada, clip_ids):
    first, second = mark(clip_ids[0], "entry", 30), mark(clip_ids[0], "entry", 33)
    phase_marks.record(studio, ada, [first, second])
    phase_marks.record(studio, ada, [first])
    assert standing(studio, *clip_ids) == [("entry", 33)]


def test_a_mark_is_taken_away_once(studio, ada, clip_ids):
    entry = mark(clip_ids[0], "entry", 30)
    gone = unmark(entry)
    phase_marks.record(studio, ada, [entry, gone, gone])
    assert standing(studio, *clip_ids) == []


def test_an_accepted_suggestion_remembers_where_it_came_from(studio, ada, clip_ids):
    phase_marks.record(
        studio, ada, [mark(clip_ids[1], "entry", 28, from_clip_id=clip_ids[0], confidence=0.75)]
    )
    (card,) = phase_marks.standing(studio, clip_ids)
    assert (card.source, card.from_clip_id, card.confidence) == ("person", clip_ids[0], 0.75)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"clip_id": 999}, "no readable clip"),
        ({"clip_id": "1"}, "whole number"),
        ({"clip_id": 2**40}, "whole number"),
        ({"start_frame": 50}, "frames 0 to 49"),
        ({"start_frame": -1}, "whole number"),
        ({"start_frame": 1.5}, "whole number"),
        ({"start_frame": True}, "whole number"),
        ({"phase": "  \n"}, "name of 1 to 80"),
        ({"phase": "x" * 81}, "name of 1 to 80"),
        ({"phase": None}, "name of 1 to 80"),
        ({"start_frame": 30}, "entry begins at frame 31 already"),
        ({"from_clip_id": 999, "confidence": 0.5}, "no clip 999"),
        ({"from_clip_id": 2}, "confidence"),
        ({"from_clip_id": 2, "confidence": float("nan")}, "confidence"),
        ({"uuid": "x"}, "UUID"),
        ({"kind": "drop"}, "no kind"),
        ({"kind": "unmark"}, "UUID"),
        ({"kind": "unmark", "mark_uuid": str(uuid.uuid4())}, "no such mark"),
    ],
)
def test_nonsense_is_refused_in_words_and_the_rest_is_saved(studio, ada, clip_ids, change, reason):
    entry, after = mark(clip_ids[0], "entry", 30), mark(clip_ids[0], "flight", 12)
    answer = phase_marks.record(studio, ada, [entry, mark(clip_ids[0], "rip", 40) | change, after])
    assert answer.saved == (entry["uuid"], after["uuid"])
    (refusal,) = answer.refused
    assert reason in refusal.reason
    assert standing(studio, *clip_ids) == [("flight", 12), ("entry", 30)]


def test_no_event_at_all_is_refused_too(studio, ada):
    assert [refusal.uuid for refusal in phase_marks.record(studio, ada, ["x", None, 3]).refused] == [
        "",
        "",
        "",
    ]


def test_somebody_who_left_marks_nothing(studio, ada, clip_ids):
    users.remove(studio, ada)
    with pytest.raises(StudioError):
        phase_marks.record(studio, ada, [mark(clip_ids[0], "entry", 30)])
    assert standing(studio, *clip_ids) == []


def test_exported_phases_are_those_that_the_measures_read(studio, ada, clip_ids, tmp_path):
    log = [mark(clip_ids[0], "takeoff", 0), mark(clip_ids[0], "entry", 30), mark(clip_ids[1], "flight", 12)]
    carried = mark(clip_ids[1], "entry", 31, from_clip_id=clip_ids[0], confidence=0.5)
    phase_marks.record(studio, ada, [*log, carried])
    content = export.phases_as_csv(studio)
    (tmp_path / "phases.csv").write_bytes(content)
    read = read_csv(tmp_path / "phases.csv")
    assert (read["clip 000.mp4"].names, read["clip 000.mp4"].starts) == (("takeoff", "entry"), (0, 30))
    assert (read["clip 001.mp4"].names, read["clip 001.mp4"].starts) == (("", "flight", "entry"), (0, 12, 31))
    assert {phases.frames for phases in read.values()} == {50}
    last = list(csv.DictReader(io.StringIO(content.decode(), newline="")))[-1]
    assert (last["start_seconds"], last["from_path"], last["confidence"]) == (
        "1.2400",
        "clip 000.mp4",
        "0.5000",
    )
    assert (last["author"], last["source"]) == ("ada", "person")


def test_no_cell_of_the_phases_is_a_formula(studio, ada):
    with studio.database.write() as session:
        (clip_id,) = add_clips(session, 1, prefix="=clip")
    phase_marks.record(studio, ada, [mark(clip_id, "=HYPERLINK(1+1)", 3)])
    for cells in csv.DictReader(io.StringIO(export.phases_as_csv(studio).decode(), newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells.values())
        assert cells["phase"] == "'=HYPERLINK(1+1)"
