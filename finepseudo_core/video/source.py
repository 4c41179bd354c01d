"""Frames of a video file from anywhere, upright and at a constant rate, through PyAV.

Foreign files lie about rates, start late, are rotated, or are not videos at all. Everything here is strict:
a file either gives all its frames at the right times, or a VideoError that says why.
"""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise, repeat
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from finepseudo_core.errors import VideoError
from finepseudo_core.video.decode import require_regular_file

av.logging.set_level(av.logging.PANIC)

# Only self-contained containers: playlists (hls, concat, dash) would let a file name other files to open.
FORMATS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,gif,ogg,m4v,h264,hevc,ivf,mxf,dv,nut"
Matrix = tuple[tuple[int, int], tuple[int, int]]
_NARROW = (48, 72)  # widths that decord 0.6 can't read; below 32 there are more


@dataclass(frozen=True)
class Limits:
    """What an imported clip may be at most.

    Args:
        bytes: size of the source file.
        pixels: width times height of the source.
        frames: frames of the clip, after cutting.
        side: longest side of the canonical clip in pixels; larger ones are scaled down.
        fps: frames per second of the canonical clip; faster ones are thinned out.
    """

    bytes: int = 4 << 30
    pixels: int = 40_000_000
    frames: int = 3000
    side: int = 512
    fps: int = 60


LIMITS = Limits()


@contextmanager
def open_source(path: Path, limits: Limits) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a regular file and its best video stream, within the limits on bytes and pixels.

    Raises:
        VideoError: it can't be opened, holds no video, or is too large; also for libav errors in the block.
    """
    size = require_regular_file(path)
    if size > limits.bytes:
        raise VideoError(
            f"{path} has {size / 1e9:.1f} GB, more than the {limits.bytes / 1e9:.1f} GB allowed. "
            "Cut the clip out and import that."
        )
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        with av.open(str(path.absolute()), options=options, metadata_errors="replace") as container:
            if not container.streams:
                raise VideoError(
                    f"{path} has no index; it was not written to its end. Copy or export it again."
                )
            stream = container.streams.best("video")
            if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
                raise VideoError(f"{path} holds no video, only sound or data. Leave it out.")
            if stream.codec_context is None:
                raise VideoError(f"{path} uses an unknown video codec. Re-export it as H.264 mp4.")
            pixels = stream.codec_context.width * stream.codec_context.height
            if pixels > limits.pixels:
                raise VideoError(
                    f"{path} has {pixels / 1e6:.0f} million pixels a frame, more than the "
                    f"{limits.pixels / 1e6:.0f} million allowed. Re-export it smaller."
                )
            stream.codec_context.thread_count = 1
            yield container, stream
    except (av.FFmpegError, OSError, ValueError, OverflowError, ZeroDivisionError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise VideoError(f"{path} can't be decoded ({reason}). Re-export the file as H.264 mp4.") from error


def frame_rate(path: Path, limits: Limits) -> Fraction:
    """Frames per second of the source: what its timestamps say, or its header where the two agree.

    Raises:
        VideoError: the file can't be opened.
    """
    with open_source(path, limits) as (container, stream):
        packets = islice(container.demux(stream), 400)
        times = sorted(p.pts for p in packets if p.pts is not None and p.size and not p.is_discard)
        told = [rate for rate in (stream.guessed_rate, stream.average_rate) if rate]
        rate = told[0] if told else Fraction(25)
        gaps = sorted(b - a for a, b in pairwise(times) if b > a)
        if gaps:
            # the mean of an even rhythm; else the shorter gaps, so that no frame of a rush is left out
            even = gaps[-1] - gaps[0] <= max(2, 0.1 * gaps[0])
            gap = Fraction(sum(gaps), len(gaps)) if even else Fraction(gaps[len(gaps) // 10])
            measured = 1 / (gap * Fraction(stream.time_base or 1))
            agreeing = [rate for rate in told if abs(rate / measured - 1) < 0.02]
            rate = agreeing[0] if agreeing else measured.limit_denominator(1001)
        return min(max(rate, Fraction(1)), Fraction(limits.fps)).limit_denominator(1001)


def read_clip(
    path: Path, rate: Fraction, *, start: float | None, end: float | None, limits: Limits
) -> Iterator[np.ndarray]:
    """Frames of [start, end) seconds, one per 1/rate seconds, as RGB uint8 (H, W, 3) of one even size.

    Seconds count from the first frame of the video. A frame shown longer than 1/rate is repeated, one shown
    shorter may be left out.

    Raises:
        VideoError: the file is damaged or cut short, nothing lies between start and end, or the clip exceeds
            the limits.
    """
    first = 0 if start is None else round(start * rate)
    last = sys.maxsize if end is None else max(round(end * rate), first + 1)
    given = 0
    shape: tuple[int, int] | None = None
    scaler = VideoReformatter()  # one for all frames: each new one starts threads of its own
    with open_source(path, limits) as (container, stream):
        slots = _slots(path, container, stream, rate, first)
        for frame, times in _showings(slots, stream, rate, first, last):
            given += times
            if given > limits.frames:
                raise VideoError(
                    f"{path} is longer than {limits.frames} frames. "
                    "Give start and end in the list, or cut it into clips."
                )
            picture = _picture(frame, stream, scaler, limits, shape)
            shape = picture.shape[0], picture.shape[1]
            yield from repeat(picture, times)
    if not given:
        between = "" if start is None and end is None else f" between {start or 0:g} s and {end or '∞'} s"
        raise VideoError(f"{path} has no frames{between}. Correct start and end, or re-export the file.")


def canonical_size(width: float, height: float, limits: Limits) -> tuple[int, int]:
    """(width, height) of the canonical clip: even, at most `limits.side`, a width that decord can read."""
    scale = min(limits.side / max(width, height), max(1.0, 32 / min(width, height)))
    wide, high = (max(32, round(side * scale / 2) * 2) for side in (width, height))
    return (wide + 2 if wide in _NARROW else wide), high


def _showings(
    slots: Iterator[tuple[int, VideoFrame]], stream: VideoStream, rate: Fraction, first: int, last: int
) -> Iterator[tuple[VideoFrame, int]]:
    """(frame, how many of the intervals [first, last) show it)."""
    held: tuple[int, VideoFrame] | None = None
    for slot, frame in slots:
        if held is not None and slot <= held[0]:
            continue
        if held is not None and slot > first:
            yield held[1], min(slot, last) - max(held[0], first)
        held = slot, frame
        if slot >= last:
            return
    if held is not None:
        duration = (held[1].duration or 0) * Fraction(stream.time_base or 1)
        until = min(held[0] + max(1, round(duration * rate)), last)
        if until > first:
            yield held[1], until - max(held[0], first)


def _slots(
    path: Path, container: InputContainer, stream: VideoStream, rate: Fraction, first: int
) -> Iterator[tuple[int, VideoFrame]]:
    """(number of the 1/rate interval, frame) for every sound frame in order of showing."""
    unit = Fraction(stream.time_base or 1)
    origin = stream.start_time
    margin = math.ceil(rate)
    if first > 2 * margin and origin is not None:  # a cut far into a long video: start at a key frame before
        container.seek(origin + int((first - margin) / rate / unit), stream=stream)
    # A frame may come half its own time early and still belong to the interval.
    early = min(Fraction(1), rate / (stream.average_rate or rate)) / 2
    packets = count = 0
    for packet in container.demux(stream):
        packets += packet.size > 0
        for frame in packet.decode():
            if origin is None:
                origin = frame.pts
            slot = count if frame.pts is None else int((frame.pts - (origin or 0)) * unit * rate + early)
            count += 1
            if frame.is_corrupt:
                if slot < first or count == 1:
                    count -= 1
                    continue
                raise VideoError(f"{path} is damaged at {slot / rate:.2f} s. Copy or export the file again.")
            yield slot, frame
    if "mov" in container.format.name and first == 0 and packets < stream.frames:
        raise VideoError(
            f"{path} ends too early: {packets} of its {stream.frames} frames are there. Copy the file again."
        )


def _picture(
    frame: VideoFrame,
    stream: VideoStream,
    scaler: VideoReformatter,
    limits: Limits,
    shape: tuple[int, int] | None,
) -> np.ndarray:
    """Upright RGB (H, W, 3) with square pixels, of `shape` or else of the canonical size."""
    matrix = display_matrix(frame)
    sideways = _is_sideways(matrix)
    if shape is None:
        wide, high = frame.width * float(stream.sample_aspect_ratio or 1), frame.height
        width, height = canonical_size(high, wide, limits) if sideways else canonical_size(wide, high, limits)
    else:
        height, width = shape
    if sideways:
        width, height = height, width
    picture = scaler.reformat(frame, width, height, "rgb24", interpolation="BICUBIC", threads=1).to_ndarray()
    return np.ascontiguousarray(upright(picture, matrix))


def upright(picture: np.ndarray, matrix: Matrix) -> np.ndarray:
    """A picture (H, W, 3) as it is shown, by the display matrix of its frame."""
    (a, _), (_, d) = matrix
    if _is_sideways(matrix):
        picture, a, d = picture.transpose(1, 0, 2), matrix[1][0], matrix[0][1]
    return picture[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]


def _is_sideways(matrix: Matrix) -> bool:
    return abs(matrix[0][1]) > abs(matrix[0][0])


def display_matrix(frame: VideoFrame) -> Matrix:
    """((a, b), (c, d)): a pixel at (x, y) is shown at (ax + cy, bx + dy), up to a shift."""
    side_data: Any = frame.side_data  # PyAV's type hints for it are wrong
    data = side_data.get("DISPLAYMATRIX")
    if data is None:
        return (1, 0), (0, 1)
    a, b, _, c, d, *_ = np.frombuffer(data, dtype=np.int32).tolist()
    return (a, b), (c, d)
