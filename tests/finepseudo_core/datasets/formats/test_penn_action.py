import csv
from pathlib import Path

import numpy as np
import pytest

from finepseudo_core.datasets.formats import penn_action
from finepseudo_core.datasets.formats.listing import ListedClip
from finepseudo_core.datasets.formats.mat_file import write_mat
from finepseudo_core.datasets.formats.penn_action import Joints
from finepseudo_core.errors import DatasetError
from tests import real_clips
from tests.finepseudo_core.datasets.formats.files import keys, reasons, touch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "labels").mkdir()
    write_mat(tmp_path / "labels/0001.mat", {"action": "baseball_pitch", "train": 1.0, "nframes": 151.0})
    write_mat(tmp_path / "labels/0002.mat", {"action": "tennis_serve", "train": -1.0, "nframes": 18.0})
    touch(tmp_path, "videos/0001.mp4", "videos/0002.mp4")
    return tmp_path


def test_labels_become_clips(folder: Path) -> None:
    found = penn_action.read(folder)
    assert [(clip.key, clip.label, clip.split, clip.frames) for clip in found.clips] == [
        ("0001", "baseball_pitch", "train", (0, 151)), ("0002", "tennis_serve", "test", (0, 18)),
    ]  # fmt: skip
    assert penn_action.read(folder / "videos", folder / "labels") == found


def test_missing_short_and_unpacked_clips_are_told(folder: Path) -> None:
    (folder / "videos/0001.mp4").unlink()
    touch(folder, "frames/0001/000001.jpg")
    found = penn_action.read(folder, least_frames=32)
    assert found.clips == ()
    assert "single pictures in frames/0001" in reasons(found)["0001"]
    assert "18 frames, fewer than the 32" in reasons(found)["0002"]


def test_what_is_written_is_read_back(folder: Path) -> None:
    found = penn_action.read(folder)
    given = Joints(np.ones((151, 13)), np.zeros((151, 13)), np.ones((151, 13)), "left")
    penn_action.write(found.clips, folder / "again", joints_of={"0001": given})
    assert penn_action.read(folder, folder / "again") == found
    joints = penn_action.joints(folder / "again/labels/0001.mat")
    assert joints.viewpoint == "left"
    for array, expected in zip(joints[:3], given[:3], strict=True):
        np.testing.assert_array_equal(array, expected)
    with pytest.raises(DatasetError, match="a/1 can't be written as PennAction"):
        penn_action.write([ListedClip("a/1", folder, "x", "train", frames=(0, 1))], folder / "no")


def test_a_malformed_label_is_refused(folder: Path) -> None:
    write_mat(folder / "labels/0002.mat", {"action": "tennis_serve", "x": 1.0})
    with pytest.raises(DatasetError, match=r"0002.mat lacks `action` or `nframes` .found: action, x"):
        penn_action.read(folder)
    with pytest.raises(DatasetError, match="lacks x, y or visibility"):
        penn_action.joints(folder / "labels/0002.mat")


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no \.mat files"):
        penn_action.read(tmp_path)


def test_the_numbers_of_the_real_motion_clips_are_found(tmp_path: Path) -> None:
    real = real_clips.folder("penn_motion")
    with (real / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[:40]
    for row in rows:
        label = {"action": row["label"], "train": 1.0, "nframes": float(row["n_frames"])}
        write_mat(tmp_path / f"{Path(row['path']).stem}.mat", label)
    found = penn_action.read(real, tmp_path)
    assert keys(found) == [Path(row["path"]).stem for row in rows]
    assert [clip.label for clip in found.clips] == [row["label"] for row in rows]
