"""Frames of a video file through decord, exactly as asked for."""

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import decord
import numpy as np
from PIL import Image

from finepseudo_core.errors import VideoError

decord.logging.set_level(decord.logging.QUIET)

_BLOCK_BYTES = 128 << 20  # of frames decoded at a time: a long clip whole would not fit into memory


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds: number of frames, frames per second, size in pixels, duration in seconds."""

    frames: int
    fps: float
    width: int
    height: int
    duration: float


def probe(path: str | Path) -> VideoInfo:
    """Frame count, rate and size of a video file.

    Raises:
        VideoError: the file is missing, not a regular file, or decord can't decode its first frame.
    """
    reader = _open(Path(path))
    height, width, _ = _frames(reader, [0], path).shape[1:]
    fps = float(reader.get_avg_fps())
    return VideoInfo(len(reader), fps, width, height, len(reader) / fps)


def read_frames(
    path: str | Path, indices: Sequence[int] | np.ndarray, size: tuple[int, int] | None = None
) -> np.ndarray:
    """The frames at `indices`, in that order, as RGB uint8 (T, H, W, 3); repeated indices are fine.

    Args:
        path: video file; anything but a canonical file may come back wrong, see `canonical`.
        indices: frame numbers from 0.
        size: (height, width) to scale to; None keeps the size of the video.

    Raises:
        VideoError: the file can't be decoded.
        ValueError: no indices, or one outside the video.
    """
    reader = _open(Path(path))
    numbers = [int(index) for index in indices]
    if not numbers or min(numbers) < 0 or max(numbers) >= len(reader):
        raise ValueError(f"frames {numbers} asked of {path}, which holds frames 0 to {len(reader) - 1}")
    return _scale(_frames(reader, numbers, path), size)


def read_all(path: str | Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Every frame of a video as RGB uint8 (T, H, W, 3).

    Raises:
        VideoError: the file can't be decoded.
    """
    reader = _open(Path(path))
    whole = None
    for start, frames in _blocks(reader, path):
        scaled = _scale(frames, size)
        if whole is None:
            whole = np.empty((len(reader), *scaled.shape[1:]), np.uint8)
        whole[start : start + len(scaled)] = scaled
    assert whole is not None  # a reader without frames is refused
    return whole


def read_through(path: str | Path) -> None:
    """Decode every frame of a video and keep none: only so is it known to be whole.

    Raises:
        VideoError: a frame can't be decoded.
    """
    reader = _open(Path(path))
    for _ in _blocks(reader, path):
        pass


def require_regular_file(path: Path) -> int:
    """Size in bytes of a regular file that is not empty.

    Opening a FIFO or a device can block for ever, so this comes before any decoder.

    Raises:
        VideoError: it is missing, empty, unreadable, or something other than a regular file.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise VideoError(
            f"{path} can't be read ({reason}). Put the file back, or remove the clip from the list."
        ) from error
    if not stat.S_ISREG(status.st_mode):
        raise VideoError(f"{path} is not a regular file. Replace it with a video file, or leave it out.")
    if status.st_size == 0:
        raise VideoError(f"{path} is empty (0 bytes). Copy or export the file again.")
    return status.st_size


def _open(path: Path) -> decord.VideoReader:
    require_regular_file(path)
    try:
        reader = decord.VideoReader(str(path), num_threads=1)
    except (decord.DECORDError, RuntimeError) as error:
        raise _undecodable(path, error) from error
    if len(reader) == 0:
        raise VideoError(f"{path} holds no video frames. Re-export the file.")
    return reader


def _blocks(reader: decord.VideoReader, path: str | Path) -> Iterator[tuple[int, np.ndarray]]:
    """All frames in order, a few at a time (T, H, W, 3), each time after the number of the first one."""
    start, count = 0, 1
    while start < len(reader):
        frames = _frames(reader, list(range(start, min(start + count, len(reader)))), path)
        yield start, frames
        start, count = start + len(frames), max(1, _BLOCK_BYTES // frames[0].nbytes)


def _frames(reader: decord.VideoReader, indices: list[int], path: str | Path) -> np.ndarray:
    try:
        return reader.get_batch(indices).asnumpy()
    except (decord.DECORDError, IndexError, RuntimeError) as error:
        raise _undecodable(path, error) from error


def _scale(frames: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    # Pillow, not decord: decord 0.6 can't scale to widths such as 48 and 72, and is slower at it.
    if size is None or frames.shape[1:3] == size:
        return frames
    height, width = size
    scaled = (Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR) for frame in frames)
    return np.stack([np.asarray(frame) for frame in scaled])


def _undecodable(path: str | Path, error: Exception) -> VideoError:
    lines = str(error).strip().splitlines() or ["no reason given"]
    return VideoError(f"{path} can't be decoded ({lines[0]}). Re-export the file as H.264 mp4.")
