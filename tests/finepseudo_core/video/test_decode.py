from pathlib import Path

import numpy as np
import pytest

from finepseudo_core.errors import VideoError
from finepseudo_core.video import decode
from finepseudo_core.video.decode import probe, read_all, read_frames, read_through
from tests.zoo import number_of, numbered_frame, write_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("decode") / "clip.mp4", range(30))


def test_probe_tells_length_rate_and_size(clip: Path) -> None:
    info = probe(clip)
    assert (info.frames, info.fps, info.width, info.height) == (30, 25.0, 128, 96)
    assert info.duration == pytest.approx(1.2)


def test_frames_come_in_the_order_asked_for_even_repeated(clip: Path) -> None:
    wanted = [29, 0, 7, 7, 13, 1]
    assert [number_of(frame) for frame in read_frames(clip, wanted)] == wanted


def test_numpy_indices_are_as_good_as_a_list(clip: Path) -> None:
    frames = read_frames(clip, np.linspace(0, 29, 5).round().astype(int))
    assert [number_of(frame) for frame in frames] == [0, 7, 14, 22, 29]


@pytest.mark.parametrize("size", [(48, 48), (72, 72), (112, 112), (33, 57)])
def test_frames_can_be_scaled_to_any_size(clip: Path, size: tuple[int, int]) -> None:
    frames = read_frames(clip, [3, 21], size)
    assert frames.shape == (2, *size, 3)
    assert frames.dtype == np.uint8
    assert [number_of(frame) for frame in frames] == [3, 21]


def test_read_all_gives_every_frame(clip: Path) -> None:
    frames = read_all(clip, (32, 64))
    assert frames.shape == (30, 32, 64, 3)
    assert [number_of(frame) for frame in frames] == list(range(30))


def test_a_clip_that_is_read_in_pieces_is_the_same(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_all(clip)
    monkeypatch.setattr(decode, "_BLOCK_BYTES", 7 * whole[0].nbytes)
    np.testing.assert_array_equal(read_all(clip), whole)


def test_a_clip_that_breaks_off_is_not_read_through(clip: Path, tmp_path: Path) -> None:
    read_through(clip)
    options = {"g": "12", "bf": "0"}
    path = write_video(tmp_path / "whole.mp4", range(240), movflags="+faststart", options=options)
    whole = path.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    assert probe(tmp_path / "cut.mp4").frames == 240
    with pytest.raises(VideoError, match="can't be decoded"):
        read_through(tmp_path / "cut.mp4")


def test_colours_survive(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", [0b01010101], options={"crf": "10"})
    difference = np.abs(read_frames(path, [0])[0].astype(int) - numbered_frame(0b01010101))
    assert difference.mean() < 4


@pytest.mark.parametrize("indices", [[], [-1], [30], [0, 31]])
def test_frames_outside_the_clip_are_a_value_error(clip: Path, indices: list[int]) -> None:
    with pytest.raises(ValueError, match="holds frames 0 to 29"):
        read_frames(clip, indices)


def test_a_file_that_is_no_video_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("no video\n" * 100)
    with pytest.raises(VideoError, match=r"notes.mp4 can't be decoded .*Re-export"):
        probe(path)


def test_a_missing_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"nothing.mp4 can't be read \(No such file"):
        read_frames(tmp_path / "nothing.mp4", [0])
