from pathlib import Path

import numpy as np
import pytest

from finepseudo_core.datasets.formats.finediving import Step
from finepseudo_core.datasets.formats.listing import ListedClip
from finepseudo_core.datasets.phase_annotations import PhaseAnnotation, from_steps, read_csv
from finepseudo_core.errors import DatasetError

HEADER = "path,phase,start_frame,end_frame\n"


def read(folder: Path, rows: str) -> dict[str, PhaseAnnotation]:
    (folder / "phases.csv").write_text(HEADER + rows, encoding="utf-8")
    return read_csv(folder / "phases.csv")


def test_rows_become_phases_whatever_their_order(tmp_path: Path) -> None:
    found = read(tmp_path, "a.mp4,entry,30,40\nb.mp4,all,0,5\na.mp4,takeoff,0,12\na.mp4,flight,12,30\n")
    assert found == {
        "a.mp4": PhaseAnnotation("a.mp4", ("takeoff", "flight", "entry"), (0, 12, 30), 40),
        "b.mp4": PhaseAnnotation("b.mp4", ("all",), (0,), 5),
    }
    assert found["a.mp4"].key_events == (12, 30)
    assert found["b.mp4"].key_events == ()


def test_frames_between_rows_have_no_phase(tmp_path: Path) -> None:
    found = read(tmp_path, "a,takeoff,2,4\na,flight,6,8\na,,8,10\n")["a"]
    assert found.names == ("", "takeoff", "", "flight", "")
    assert found.sequence == ("takeoff", "flight")
    assert found.key_events == (6,)
    labels = found.labels(np.arange(10), ["flight", "takeoff"])
    assert labels.tolist() == [-1, -1, 1, 1, -1, -1, 0, 0, -1, -1]


def test_labels_are_places_in_the_list_of_phases() -> None:
    clip = PhaseAnnotation("a", ("up", "turn", "up"), (0, 3, 5), 8)
    assert clip.labels(np.array([0, 2, 3, 4, 5, 7]), ["turn", "up"]).tolist() == [1, 1, 0, 0, 1, 1]
    with pytest.raises(ValueError, match="a has frames 0 to 7"):
        clip.labels(np.array([8]), ["up"])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,up,0,x\n", "line 2: start '0' and end 'x' must be whole numbers"),
        ("a,up\n", "line 2: start '' and end ''"),
        ("a,up,0,5\na,down,4,8\n", "'down' of a lasts from frame 4 to 8, the phase before it to 5"),
        ("a,up,3,3\n", "at least a frame long"),
        ("a,up,-1,3\n", "not overlap"),
        ("a,,0,3\n", "a has no phases"),
    ],
)
def test_rows_that_make_no_phases_are_told(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read(tmp_path, rows)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "phases.csv").write_text("path,phase,start\n")
    with pytest.raises(DatasetError, match="no column start_frame, end_frame"):
        read_csv(tmp_path / "phases.csv")


@pytest.mark.parametrize(
    ("names", "starts", "frames"),
    [(("a", "b"), (0,), 5), (("a",), (1,), 5), (("a", "b"), (0, 5), 5), (("a", "b"), (0, 0), 5)],
)
def test_phases_that_do_not_ascend_are_refused(names, starts, frames) -> None:
    with pytest.raises(DatasetError, match="the first must begin at 0"):
        PhaseAnnotation("clip", names, starts, frames)


def test_a_clip_without_phases_is_refused() -> None:
    with pytest.raises(DatasetError, match="clip has no phases"):
        PhaseAnnotation("clip", (), (), 5)


def test_steps_of_finediving_become_phases() -> None:
    steps = {"01/1": (Step("Back", 0), Step("Entry", 7)), "01/2": (), "01/3": (Step("Back", 0),)}
    clips = [
        ListedClip("01/1", Path("1.mp4"), frames=(10, 30)),
        ListedClip("01/2", Path("2.mp4"), frames=(0, 30)),
        ListedClip("01/3", Path("3.mp4")),
        ListedClip("01/4", Path("4.mp4"), frames=(0, 9)),
    ]
    assert from_steps(steps, clips) == {"01/1": PhaseAnnotation("01/1", ("Back", "Entry"), (0, 7), 20)}
