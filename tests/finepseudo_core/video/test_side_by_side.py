"""A video of two clips: each picture shows the pair of frames that was asked for."""

from fractions import Fraction

import numpy as np
import pytest

from finepseudo_core.errors import VideoError
from finepseudo_core.video.canonical import write_frames
from finepseudo_core.video.decode import probe, read_all
from finepseudo_core.video.side_by_side import GAP, write_side_by_side


@pytest.fixture
def clips(tmp_path):
    """Two clips of other sizes whose grey tells the frame: 10 a frame, and 255 less that."""
    paths = tmp_path / "one.mp4", tmp_path / "two.mp4"
    for path, (height, width), greys in (
        (paths[0], (48, 64), range(0, 200, 10)),
        (paths[1], (96, 64), range(255, 55, -10)),
    ):
        frames = (np.full((height, width, 3), grey, np.uint8) for grey in greys)
        write_frames(frames, path, Fraction(25))
    return paths


def test_each_picture_is_the_pair_that_was_asked_for(clips, tmp_path):
    pairs = [(0, 0), (0, 3), (5, 3), (19, 19)] + [(7, 9)] * 40  # more than are decoded at once
    write_side_by_side(*clips, pairs, tmp_path / "pair.mp4", fps=12.5)
    info = probe(tmp_path / "pair.mp4")
    assert (info.frames, info.fps, info.height, info.width) == (44, 12.5, 96, 128 + GAP + 64)
    for shown, (one, other) in zip(read_all(tmp_path / "pair.mp4"), pairs, strict=True):
        assert shown[:, :120].mean() == pytest.approx(10 * one, abs=6)
        assert shown[:, 128 + GAP + 8 :].mean() == pytest.approx(255 - 10 * other, abs=6)


def test_large_clips_are_made_smaller(clips, tmp_path):
    write_side_by_side(*clips, [(0, 0)], tmp_path / "pair.mp4", fps=25, height=41)
    assert probe(tmp_path / "pair.mp4").height == 40


@pytest.mark.parametrize(("pairs", "fps"), [([], 25), ([(0, 20)], 25), ([(-1, 0)], 25), ([(0, 0)], 0)])
def test_what_makes_no_video_is_refused_and_leaves_nothing(clips, tmp_path, pairs, fps):
    with pytest.raises(ValueError, match=r"pairs|frames"):
        write_side_by_side(*clips, pairs, tmp_path / "pair.mp4", fps=fps)
    assert {path.name for path in tmp_path.iterdir()} == {"one.mp4", "two.mp4"}


def test_a_damaged_clip_is_named(clips, tmp_path):
    clips[1].write_bytes(b"damaged")
    with pytest.raises(VideoError, match=r"two\.mp4"):
        write_side_by_side(*clips, [(0, 0)], tmp_path / "pair.mp4", fps=25)
