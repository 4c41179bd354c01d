"""Decoded frames of a set of clips: kept on disk as far as a size limit allows, decoded anew beyond it."""

import json
import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from finepseudo_core.errors import VideoError
from finepseudo_core.records import ClipRecord
from finepseudo_core.video import decode
from finepseudo_core.video.guard import DecodeGuard, time_limit
from finepseudo_core.video.guard_pool import GuardPool

MOST_DECODERS = 16
CLIPS_PER_DECODER = 64  # a child process that decodes takes a moment to start
RULES = 2  # of what is let in: what was stored under other rules is decoded anew
MARGIN = 8 / 7  # stored frames are this much larger than the network's, so that crops have room


@dataclass(frozen=True)
class StoredClip:
    """Where the frames of one clip are; `offset` is None where they are not kept."""

    path: Path
    frames: int
    height: int
    width: int
    offset: int | None


class FrameStore:
    """Frames by clip key. Build it with `open_frame_store`."""

    def __init__(self, clips: dict[str, StoredClip], file: Path) -> None:
        self._clips = clips
        self._file = file
        self._kept: np.memmap | None = None

    def __contains__(self, key: str) -> bool:
        return key in self._clips

    def frames(self, key: str) -> int:
        """Number of frames of a clip."""
        return self._clips[key].frames

    def read(self, key: str, indices: np.ndarray) -> np.ndarray:
        """Frames of a clip at `indices` (T,), which may repeat -> uint8 (T, H, W, 3)."""
        clip = self._clips[key]
        if clip.offset is None:
            return decode.read_frames(clip.path, indices, (clip.height, clip.width))
        if self._kept is None:
            self._kept = np.memmap(self._file, dtype=np.uint8, mode="r")
        shape = (clip.frames, clip.height, clip.width, 3)
        whole = self._kept[clip.offset : clip.offset + int(np.prod(shape))].reshape(shape)
        return whole[indices]

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_kept": None}  # each process maps the file itself


def open_frame_store(
    records: Sequence[ClipRecord],
    folder: Path,
    *,
    size: int,
    squash: bool,
    most_bytes: int,
    on_clip: Callable[[int], None] = lambda done: None,
    leave_out: Callable[[str, str], None] = lambda key, reason: None,
) -> FrameStore:
    """Decode every clip whole once, in guarded child processes, and keep the frames in `folder`.

    Of a file that is not canonical, two decoders must show the same (`canonical.probe_checked`).

    Args:
        records: clips to decode; keys are unique.
        size: height and width of the network's input; frames are kept with a shorter side of 8/7 of it.
        squash: make frames square by changing their aspect ratio.
        most_bytes: limit of the kept frames; clips beyond it are decoded whenever they are read.
        on_clip: called with the number of clips done.
        leave_out: called with the key and the reason of a clip that can't be decoded, or not be trusted; it
            is not in the store.

    Returns:
        A store; the next call with the same clips and size finds the frames on disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file, index = folder / "frames.bin", folder / "frames.json"
    asked = {
        "rules": RULES,
        "size": size,
        "squash": squash,
        "most_bytes": most_bytes,
        "clips": [[record.key, *_identity(record.path)] for record in records],
    }
    if index.is_file():
        saved = json.loads(index.read_text())
        if saved["asked"] == asked:
            for key, reason in saved["left_out"].items():
                leave_out(key, reason)
            clips = {key: StoredClip(Path(path), *shape) for key, (path, *shape) in saved["clips"].items()}
            return FrameStore(clips, file)
    clips, left_out, offset = {}, {}, 0

    def shape_of(info: decode.VideoInfo) -> tuple[int, int]:
        return _stored_shape(info.height, info.width, round(size * MARGIN), squash)

    def fits(info: decode.VideoInfo) -> bool:
        height, width = shape_of(info)
        return offset + info.frames * height * width * 3 <= most_bytes

    with closing(_decoded(records, shape_of, fits)) as decoded, file.open("wb") as target:
        for done, (record, decoding) in enumerate(decoded, 1):
            try:
                info, frames = decoding.result()
                if frames is not None and fits(info):
                    target.write(np.ascontiguousarray(frames).data)
                    clips[record.key] = StoredClip(record.path, len(frames), *shape_of(info), offset)
                    offset += frames.nbytes
                else:
                    clips[record.key] = StoredClip(record.path, info.frames, *shape_of(info), None)
            except VideoError as error:
                left_out[record.key] = str(error)
                leave_out(record.key, str(error))
            on_clip(done)
    saved = {
        "asked": asked,
        "left_out": left_out,
        "clips": {
            key: [str(clip.path), clip.frames, clip.height, clip.width, clip.offset]
            for key, clip in clips.items()
        },
    }
    part = index.with_suffix(".part")
    part.write_text(json.dumps(saved))
    os.replace(part, index)
    return FrameStore(clips, file)


Decoding = Future[tuple[decode.VideoInfo, np.ndarray | None]]


def _decoded(
    records: Sequence[ClipRecord],
    shape_of: Callable[[decode.VideoInfo], tuple[int, int]],
    fits: Callable[[decode.VideoInfo], bool],
) -> Generator[tuple[ClipRecord, Decoding], None, None]:
    """What a clip is, and its frames if there is room for them; in order, a few clips ahead on every core."""
    cores = len(os.sched_getaffinity(0))
    workers = max(1, min(MOST_DECODERS, cores, len(records) // CLIPS_PER_DECODER))

    def decode_one(path: Path, guard: DecodeGuard) -> tuple[decode.VideoInfo, np.ndarray | None]:
        seconds = time_limit(path)
        info = guard.call("probe_checked", path, seconds=seconds)
        if fits(info):
            return info, guard.call("read_all", path, shape_of(info), seconds=seconds)
        guard.call("read_through", path, seconds=seconds)  # a round reads it without a guard
        return info, None

    with GuardPool(workers) as pool:
        ahead: deque[tuple[ClipRecord, Decoding]] = deque()
        for record in records:
            ahead.append((record, pool.submit(partial(decode_one, record.path))))
            if len(ahead) > 2 * workers:
                yield ahead.popleft()
        yield from ahead


def _identity(path: Path) -> tuple[str, int, int]:
    """Path, size and modification time: what tells one version of a file from another."""
    if not path.is_file():
        return str(path), -1, -1
    found = path.stat()
    return str(path), found.st_size, found.st_mtime_ns


def _stored_shape(height: int, width: int, side: int, squash: bool) -> tuple[int, int]:
    if squash:
        return side, side
    share = side / min(height, width)
    return round(height * share), round(width * share)
