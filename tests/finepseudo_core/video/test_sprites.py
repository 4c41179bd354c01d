from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finepseudo_core.video.sprites import SpriteInfo, make_sprite, make_thumbnail
from tests.zoo import number_of, write_video


def cells(path: Path, info: SpriteInfo) -> list[np.ndarray]:
    with Image.open(path) as sheet:
        assert sheet.format == "WEBP"
        pixels = np.asarray(sheet.convert("RGB"))
    return [
        pixels[row * info.height :][: info.height, column * info.width :][:, : info.width]
        for row, column in (divmod(cell, info.columns) for cell in range(info.frames))
    ]


def test_a_sheet_holds_every_frame_at_its_own_size(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", range(30))
    info = make_sprite(clip, tmp_path / "clip.webp")
    assert info == SpriteInfo(frames=30, columns=8, width=128, height=96, step=1.0)
    assert [number_of(cell) for cell in cells(tmp_path / "clip.webp", info)] == list(range(30))


def test_a_long_clip_is_thinned_out_evenly(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", range(150))
    info = make_sprite(clip, tmp_path / "clip.webp")
    assert (info.frames, info.step) == (64, 150 / 64)
    shown = [number_of(cell) for cell in cells(tmp_path / "clip.webp", info)]
    assert shown == [int(cell * info.step) for cell in range(64)]


def test_a_large_clip_is_scaled_down_and_a_small_one_never_up(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", range(3), size=(480, 270))
    info = make_sprite(clip, tmp_path / "clip.webp", height=224)
    assert info == SpriteInfo(frames=3, columns=3, width=398, height=224, step=1.0)
    assert [number_of(cell) for cell in cells(tmp_path / "clip.webp", info)] == [0, 1, 2]


def test_the_thumbnail_is_the_middle_frame(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", range(21), size=(256, 448))
    assert make_thumbnail(clip, tmp_path / "thumb.webp") == (128, 224)
    with Image.open(tmp_path / "thumb.webp") as picture:
        assert number_of(np.asarray(picture.convert("RGB"))) == 10


@pytest.mark.parametrize("make", [make_sprite, make_thumbnail])
def test_the_same_clip_gives_the_same_bytes(make, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", range(12))
    make(clip, tmp_path / "a.webp")
    make(clip, tmp_path / "b.webp")
    assert (tmp_path / "a.webp").read_bytes() == (tmp_path / "b.webp").read_bytes()
    assert not list(tmp_path.glob("*.part"))
