import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from finepseudo_core.datasets.formats import finediving
from finepseudo_core.datasets.formats.finediving import COARSE, FINE, Step
from finepseudo_core.errors import DatasetError
from tests.finepseudo_core.datasets.formats.files import keys, reasons, touch
from tests.zoo import write_video

CUP, GAMES = ("FINADivingWorldCup2021_Men3m_final_r1", 0), ("01", np.int64(12))


def save(path: Path, content: object) -> None:
    path.write_bytes(pickle.dumps(content, 3))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / COARSE, {
        CUP: {"action_type": "107B", "start_frame": 489, "end_frame": 494, "judge_scores": [8.0, 8.5],
              "difficulty": np.float64(3.1), "dive_score": 76.0},
        GAMES: {"action_type": "5253B", "start_frame": np.int64(10), "end_frame": np.int64(29)},
    })  # fmt: skip
    save(tmp_path / FINE, {
        CUP: {"action_type": "107B", "sub-action_types": {1: "Forward", 12: "3.5 Soms.Pike", 22: "Entry"},
              "frames_labels": np.array([1, 1, 12, 12, 12, 22]),
              "steps_transit_frames": np.array([491.0, 494.0])},
        GAMES: {"action_type": "5253B", "sub-action_types": {"a": "Back", "b": "Entry"},
                "steps_transit_frames": np.array([17.0])},
    })  # fmt: skip
    save(tmp_path / "train_split.pkl", [CUP])
    save(tmp_path / "test_split.pkl", [list(GAMES)])
    touch(tmp_path, f"trimmed/{CUP[0]}/0.mp4", "trimmed/01_12.mp4")
    return tmp_path


def test_dives_become_clips(folder: Path) -> None:
    found = finediving.read(folder)
    assert [(c.key, c.label, c.split, c.frames, c.start, c.path.name) for c in found.clips] == [
        ("01/12", "5253B", "test", (10, 30), None, "01_12.mp4"),
        (f"{CUP[0]}/0", "107B", "train", (489, 495), None, "0.mp4"),
    ]
    assert found.problems == ()


def test_dives_are_cut_out_of_whole_competitions(folder: Path) -> None:
    (folder / "trimmed/01_12.mp4").unlink()
    write_video(folder / "01.mp4", range(40), rate=10)
    clip = finediving.read(folder).clips[0]
    assert (clip.key, clip.path.name, clip.start, clip.end) == ("01/12", "01.mp4", 1.0, 3.0)


def test_the_fine_grained_annotation_alone_is_enough(folder: Path) -> None:
    (folder / COARSE).unlink()
    found = finediving.read(folder)
    assert [(clip.key, clip.frames) for clip in found.clips] == [("01/12", None), (f"{CUP[0]}/0", (0, 6))]


def test_missing_short_and_unpacked_dives_are_told(folder: Path) -> None:
    (folder / "trimmed/01_12.mp4").unlink()
    touch(folder, "pictures/01/12/00010.jpg")
    found = finediving.read(folder, least_frames=8)
    assert found.clips == ()
    assert "single pictures in pictures/01/12" in reasons(found)["01/12"]
    assert "6 frames, fewer than the 8" in reasons(found)[f"{CUP[0]}/0"]


def test_steps_count_frames_of_the_clip(folder: Path) -> None:
    assert finediving.steps(folder) == {
        f"{CUP[0]}/0": (Step("Forward", 0), Step("3.5 Soms.Pike", 2), Step("Entry", 5)),
        "01/12": (Step("Back", 0), Step("Entry", 7)),
    }


def test_what_is_written_is_read_back(folder: Path) -> None:
    found, steps = finediving.read(folder), finediving.steps(folder)
    finediving.write(found.clips, folder / "again", steps_of=steps)
    assert finediving.read(folder, folder / "again") == found
    assert finediving.steps(folder / "again") == steps
    plain = pickle.loads((folder / "again" / FINE).read_bytes())  # what other programs do with it
    assert plain[CUP]["frames_labels"].tolist() == [0, 0, 1, 1, 1, 2]


def test_a_clip_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / COARSE).unlink()
    first = finediving.read(folder).clips[0]
    with pytest.raises(DatasetError, match="01/12 has steps but no frames"):
        finediving.write([first], folder / "again", steps_of={"01/12": (Step("Back", 0),)})


class Attack:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> object:
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("name", [COARSE, FINE, "train_split.pkl"])
def test_a_pickle_that_runs_a_program_is_refused(name: str, folder: Path) -> None:
    save(folder / name, {CUP: {"action_type": Attack(folder / "proof")}})
    with pytest.raises(DatasetError, match=r"refused: it asks for \w+\.system"):
        finediving.read(folder)
    assert not (folder / "proof").exists()


@pytest.mark.parametrize(("name", "content", "message"), [
    (COARSE, [CUP], "holds no dict of dives"),
    (COARSE, {CUP: {"action": "107B"}}, "has no `action_type`"),
    (COARSE, {"107B": {"action_type": "107B"}}, "'107B' is not a pair of video and instance"),
    (FINE, {CUP: 3}, "has no `action_type`"),
    ("test_split.pkl", {"a": 1}, "holds no list of dives"),
    ("test_split.pkl", ["ab"], "'ab' is not a pair"),
])  # fmt: skip
def test_a_malformed_annotation_is_refused(name: str, content: object, message: str, folder: Path) -> None:
    save(folder / name, content)
    with pytest.raises(DatasetError, match=message):
        finediving.read(folder)


def test_frames_that_are_none_are_told(folder: Path) -> None:
    save(folder / COARSE, {CUP: {"action_type": "107B", "start_frame": "x", "end_frame": 3}})
    assert "no frames; correct them" in reasons(finediving.read(folder))[f"{CUP[0]}/0"]
    assert keys(finediving.read(folder)) == ["01/12"]


def test_steps_that_make_no_sense_are_told(folder: Path) -> None:
    save(folder / FINE, {CUP: {"action_type": "107B", "frames_labels": ["x"]}})
    with pytest.raises(DatasetError, match="the steps of .* are malformed"):
        finediving.steps(folder)


def test_a_folder_without_annotations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no FineDiving_coarse_annotation"):
        finediving.read(tmp_path)
    with pytest.raises(DatasetError, match="holds no FineDiving_fine-grained"):
        finediving.steps(tmp_path)
