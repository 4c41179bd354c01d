"""A video of two clips in phase, for download: made by a process of its own, which loads the decoder.

The web process calls `make`; the child is `python -m app.pair_video`, told by its standard input what to do.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.media import media_file
from app.processes import bound_to_parent
from app.services import datasets
from app.services.studio import Studio, StudioError

MOST_PAIRS = 1500
SECONDS = 60.0
AT_ONCE = 2  # videos made at the same time; the processors are for training and reviewing
FOLDER = Path(__file__).parents[1]

_free = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True)
class PairVideo:
    """What to show: the two files, the frames of each picture, and how many pictures a second."""

    first: Path
    second: Path
    pairs: tuple[tuple[int, int], ...]
    fps: float


def read_request(studio: Studio, asked: Any) -> PairVideo:
    """A browser's request `{"a": id, "b": id, "pairs": [[frame, frame], ...], "fps": number}`, checked.

    Raises:
        StudioError: a clip is absent or a value is out of its range.
    """
    if not isinstance(asked, Mapping):
        raise StudioError("The request for a video is no table of values.")
    paths: list[Path] = []
    lengths: list[int] = []
    for side in "ab":
        clip_id = asked.get(side)
        clip = datasets.clip(studio, clip_id) if isinstance(clip_id, int) else None
        path = media_file(studio.settings, "video", clip.sha256 or "") if clip else None
        if clip is None or path is None or clip.frames is None:
            raise StudioError(f"The file of clip {str(clip_id)[:20]} is not there; see Browse.")
        paths.append(path)
        lengths.append(clip.frames)
    pairs, fps = asked.get("pairs"), asked.get("fps")
    sound = isinstance(pairs, list) and 0 < len(pairs) <= MOST_PAIRS
    if not sound or not all(_is_pair(pair, lengths) for pair in pairs or ()):
        raise StudioError(f"A video needs 1 to {MOST_PAIRS} pairs of frames of these clips.")
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not 1 <= fps <= 240:
        raise StudioError(f"{str(fps)[:20]} frames a second are not between 1 and 240.")
    return PairVideo(paths[0], paths[1], tuple((one, other) for one, other in pairs or ()), float(fps))


def make(video: PairVideo) -> bytes:
    """The video as mp4, H.264.

    Raises:
        StudioError: others are being made already, or it failed or took too long.
    """
    if not _free.acquire(blocking=False):
        raise StudioError("Other videos are being made just now; try again in a few seconds.")
    try:
        with tempfile.TemporaryDirectory(prefix="finepseudo-video-") as folder:
            target = Path(folder) / "pair.mp4"
            request = {"first": str(video.first), "second": str(video.second), "pairs": video.pairs}
            _run(json.dumps({**request, "fps": video.fps, "target": str(target)}))
            return target.read_bytes()
    finally:
        _free.release()


def _is_pair(pair: Any, lengths: list[int]) -> bool:
    if not isinstance(pair, list) or len(pair) != 2:
        return False
    return all(
        type(frame) is int and 0 <= frame < length for frame, length in zip(pair, lengths, strict=True)
    )


def _run(request: str) -> None:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "app.pair_video"],
            input=request,
            text=True,
            capture_output=True,
            cwd=FOLDER,
            timeout=SECONDS,
            preexec_fn=bound_to_parent(os.getpid()),
        )
    except subprocess.TimeoutExpired:
        raise StudioError(f"The video took longer than {SECONDS:.0f} s; choose shorter clips.") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise StudioError(f"The video could not be made: {lines[-1]}")


def main() -> None:
    """Make the video that standard input asks for."""
    from finepseudo_core.video.side_by_side import write_side_by_side

    os.nice(5)  # reviewing stays fast meanwhile
    asked = json.load(sys.stdin)
    write_side_by_side(asked["first"], asked["second"], asked["pairs"], asked["target"], fps=asked["fps"])


if __name__ == "__main__":
    main()
