"""Canonical clips: what every later reader may trust.

A canonical clip is mp4 with one H.264 stream, yuv420p, constant frame rate from time 0, even sides, upright,
no sound. New ones have a key frame every 12 frames and their index in front. decord and PyAV give the same
frames for it. decord alone can't be trusted with other files: it returns wrong frames without an error for
MPEG-TS, MPEG-PS, WMV and edit lists.
"""

import os
import random
import shutil
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from finepseudo_core.errors import VideoError
from finepseudo_core.video.decode import VideoInfo, probe, read_frames
from finepseudo_core.video.source import (
    LIMITS,
    Limits,
    canonical_size,
    display_matrix,
    frame_rate,
    open_source,
    read_clip,
    upright,
)

KEY_FRAME_EVERY = 12
ADVICE = "`python -m finepseudo_core.video SOURCE_FOLDER TARGET_FOLDER` writes copies that can be trusted."
_CHECKED_FRAMES = 6
_DIFFERENCE = 3.0  # mean absolute difference of two decoders' colour conversions, in grey levels


def make_canonical(
    source: str | Path,
    target: str | Path,
    *,
    start: float | None = None,
    end: float | None = None,
    limits: Limits = LIMITS,
) -> VideoInfo:
    """Write the canonical form of [start, end) seconds of a video; `target` appears whole or not at all.

    A source that is canonical already is copied unchanged.

    Args:
        source: any file; its extension means nothing.
        target: the mp4 file to write.
        start: first second, None for the beginning.
        end: second the clip ends before, None for the end.
        limits: what the clip may be at most.

    Raises:
        VideoError: the source can't be decoded whole and right, or exceeds the limits.
        ValueError: start is not before end.
    """
    source, target = Path(source), Path(target)
    if (start or 0.0) < 0 or (end is not None and (start or 0.0) >= end):
        raise ValueError(f"start {start} must be 0 or more and before end {end}")
    part = target.with_name(target.name + ".part")
    try:
        info = None
        if start is None and end is None and is_canonical(source, limits):
            info = _copy(source, part, limits)
        if info is None:
            rate = frame_rate(source, limits)
            write_frames(read_clip(source, rate, start=start, end=end, limits=limits), part, rate)
            info = verify(part)
        _settle(part, target)
    except VideoError as error:
        raise VideoError(str(error).replace(str(part), str(source))) from error
    finally:
        part.unlink(missing_ok=True)
    return info


def write_frames(frames: Iterable[np.ndarray], target: Path, rate: Fraction) -> None:
    """Encode RGB uint8 frames (H, W, 3), all of one even size, in canonical form."""
    scaler = VideoReformatter()
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = None
        for number, picture in enumerate(frames):
            if stream is None:
                stream = container.add_stream("libx264", rate=rate)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.gop_size = KEY_FRAME_EVERY
                # B frames would make the container shift time by an edit list
                stream.max_b_frames = 0
                stream.options = {"crf": "18", "preset": "veryfast", "threads": "1"}
            drawn = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = scaler.reformat(drawn, format="yuv420p", threads=1)
            frame.pts, frame.time_base = number, 1 / rate
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode())


def probe_checked(path: str | Path) -> VideoInfo:
    """`probe` of a file whose frames decord gives right: a canonical one, or one that PyAV reads alike.

    Raises:
        VideoError: the file can't be decoded, or the decoders disagree about it.
    """
    path = Path(path)
    if is_canonical(path):
        return probe(path)
    try:
        return verify(path)
    except VideoError as error:
        raise VideoError(f"{error} {ADVICE}") from error


def is_canonical(path: Path, limits: Limits = LIMITS) -> bool:
    """Whether a file is canonical by its headers and the times of its packets; nothing is decoded.

    Raises:
        VideoError: it can't be opened, or exceeds the limits on bytes and pixels.
    """
    with open_source(path, limits) as (container, stream):
        if len(container.streams) != 1 or "mp4" not in container.format.name or stream.frames > limits.frames:
            return False
        codec = stream.codec_context
        size = (codec.width, codec.height)
        if codec.name != "h264" or codec.pix_fmt != "yuv420p" or canonical_size(*size, limits) != size:
            return False
        if stream.sample_aspect_ratio not in (None, 0, 1) or codec.color_range == 2:
            return False
        packets = [packet for packet in container.demux(stream) if packet.size]
        times = sorted(packet.pts for packet in packets if packet.pts is not None and not packet.is_discard)
        if not times or len(times) != len(packets) or len(times) != stream.frames or times[0] != 0:
            return False
        gaps = set(np.diff(times).tolist())
        rate = stream.average_rate
        if len(gaps) > 1 or 0 in gaps or not rate or rate > limits.fps:
            return False
        return all(abs(gap * Fraction(stream.time_base or 1) * rate - 1) < 1e-3 for gap in gaps)


def verify(path: Path) -> VideoInfo:
    """Decode a clip with decord and with PyAV and compare.

    Raises:
        VideoError: the two disagree about the number of frames or about what they show.
    """
    info = probe(path)
    chosen = {0, info.frames - 1, *random.Random(info.frames).choices(range(info.frames), k=_CHECKED_FRAMES)}
    scaler = VideoReformatter()
    shown = {}
    count = 0
    with open_source(path, LIMITS) as (container, stream):
        for count, frame in enumerate(container.decode(stream), start=1):
            if frame.is_corrupt:
                raise VideoError(f"{path} is damaged at frame {count - 1}. Copy or export the file again.")
            if count - 1 in chosen:
                picture = scaler.reformat(frame, format="rgb24", threads=1).to_ndarray()
                shown[count - 1] = upright(picture, display_matrix(frame))  # as decord turns it
    if count != info.frames:
        raise VideoError(
            f"{path}: one decoder finds {count} frames, another {info.frames}. Re-export the file."
        )
    numbers = sorted(chosen)
    for number, picture in zip(numbers, read_frames(path, numbers), strict=True):
        expected = shown[number]
        same_shape = picture.shape == expected.shape
        if not same_shape or np.abs(picture.astype(np.int16) - expected).mean() > _DIFFERENCE:
            raise VideoError(
                f"{path}: two decoders show different pictures for frame {number}. Re-export it."
            )
    return info


def _copy(source: Path, part: Path, limits: Limits) -> VideoInfo | None:
    """Copy a clip that looks canonical; None where the decoders or its rotation say that it isn't."""
    shutil.copyfile(source, part)
    with open_source(part, limits) as (container, stream):
        first = next(container.decode(stream), None)
        if first is None or display_matrix(first) != ((1, 0), (0, 1)):
            return None
    try:
        return verify(part)
    except VideoError:
        return None


def _settle(part: Path, target: Path) -> None:
    """Make the finished file durable and visible under its name."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(part, target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
