import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finepseudo_core.datasets.formats.frame_folders import pack, pack_all
from finepseudo_core.errors import VideoError
from finepseudo_core.video.decode import probe, read_all
from tests.zoo import number_of, numbered_frame


def pictures(folder: Path, count: int, width: int = 128, height: int = 96) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        Image.fromarray(numbered_frame(number, width, height)).save(folder / f"{number + 1}.jpg", quality=95)
    return folder


def test_pictures_become_a_video_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    target = tmp_path / "videos/0001.mp4"
    assert pack(pictures(tmp_path / "frames/0001", 12), target, 20) == 12
    assert probe(target).fps == 20
    assert [number_of(picture) for picture in read_all(target)] == list(range(12))


def test_every_folder_of_pictures_becomes_a_video_and_bad_ones_are_told(tmp_path: Path) -> None:
    pictures(tmp_path / "frames/a/0001", 3)
    pictures(tmp_path / "frames/b/0001", 4, 131, 97)
    bad = pictures(tmp_path / "frames/b/0002", 3)
    (bad / "2.jpg").write_bytes(b"no picture")
    uneven = pictures(tmp_path / "frames/b/0003", 3)
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(uneven / "4.jpg")
    problems = {
        problem.path: problem.reason for problem in pack_all(tmp_path / "frames", tmp_path / "videos")
    }
    assert sorted(path.relative_to(tmp_path / "videos").as_posix() for path in tmp_path.rglob("*.mp4")) == [
        "a/0001.mp4", "b/0001.mp4",
    ]  # fmt: skip
    assert probe(tmp_path / "videos/b/0001.mp4").frames == 4
    assert "2.jpg is no picture that can be read" in problems["b/0002"]
    assert "(30, 20), the pictures before it (128, 96)" in problems["b/0003"]
    assert not list(tmp_path.rglob("*.part"))


def test_a_video_that_exists_is_kept(tmp_path: Path) -> None:
    pictures(tmp_path / "frames/0001", 3)
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/0001.mp4").write_bytes(b"mine")
    assert pack_all(tmp_path / "frames", tmp_path / "videos") == []
    assert (tmp_path / "videos/0001.mp4").read_bytes() == b"mine"


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(VideoError, match="holds no pictures"):
        pack(tmp_path / "empty", tmp_path / "0001.mp4")


def test_the_command_line_packs_and_tells_problems(tmp_path: Path) -> None:
    pictures(tmp_path / "frames/0001", 3)
    (pictures(tmp_path / "frames/0002", 1) / "1.jpg").write_bytes(b"x")
    module = "finepseudo_core.datasets.formats.frame_folders"
    command = [sys.executable, "-m", module, tmp_path / "frames", tmp_path / "videos", "--fps", "10"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("0002: ")
    assert probe(tmp_path / "videos/0001.mp4").fps == 10
