"""Pictures that the browser plays: a sprite sheet of a clip's frames, and a thumbnail.

Same clip, same bytes.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from finepseudo_core.video.decode import read_all

_LARGEST_SHEET = 16_383  # WebP's limit on a side
_QUALITY = 80


@dataclass(frozen=True)
class SpriteInfo:
    """Layout of a sprite sheet, cells filled row by row.

    Args:
        frames: number of cells in use.
        columns: cells in a row.
        width: width of a cell in pixels.
        height: height of a cell in pixels.
        step: frames of the clip from one cell to the next, 1.0 or more; cell i shows frame int(i * step) and
            stays for step / fps seconds.
    """

    frames: int
    columns: int
    width: int
    height: int
    step: float


def make_sprite(
    path: str | Path, target: str | Path, *, height: int = 224, most_frames: int = 64
) -> SpriteInfo:
    """Write the sprite sheet (WebP) of a canonical clip.

    Args:
        path: canonical clip.
        target: file to write; it appears whole or not at all.
        height: largest height of a cell; a smaller clip keeps its size.
        most_frames: largest number of cells; a longer clip is thinned out evenly.

    Raises:
        VideoError: the clip can't be decoded.
    """
    clip = read_all(path)
    step = max(1.0, len(clip) / most_frames)
    frames = [clip[int(cell * step)] for cell in range(min(len(clip), most_frames))]
    cell_height, cell_width = _cell(frames[0], height)
    columns = min(8, len(frames), _LARGEST_SHEET // cell_width)
    rows = -(-len(frames) // columns)
    sheet = Image.new("RGB", (columns * cell_width, rows * cell_height))
    for cell, frame in enumerate(frames):
        row, column = divmod(cell, columns)
        sheet.paste(_scaled(frame, cell_width, cell_height), (column * cell_width, row * cell_height))
    _write(sheet, Path(target))
    return SpriteInfo(len(frames), columns, cell_width, cell_height, step)


def make_thumbnail(path: str | Path, target: str | Path, *, height: int = 224) -> tuple[int, int]:
    """Write the middle frame of a canonical clip as WebP, at most `height` high; returns (width, height).

    Raises:
        VideoError: the clip can't be decoded.
    """
    clip = read_all(path)
    frame = clip[len(clip) // 2]
    cell_height, cell_width = _cell(frame, height)
    _write(_scaled(frame, cell_width, cell_height), Path(target))
    return cell_width, cell_height


def _cell(frame: np.ndarray, height: int) -> tuple[int, int]:
    """(height, width) of a cell: the frame's own, or scaled down to `height`."""
    if frame.shape[0] <= height:
        return frame.shape[0], frame.shape[1]
    return height, max(1, round(frame.shape[1] * height / frame.shape[0]))


def _scaled(frame: np.ndarray, width: int, height: int) -> Image.Image:
    picture = Image.fromarray(frame)
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    return picture


def _write(picture: Image.Image, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    try:
        with part.open("wb") as file:
            picture.save(file, format="WEBP", quality=_QUALITY, method=2)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
