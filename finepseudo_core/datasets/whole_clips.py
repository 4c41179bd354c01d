"""Clips as whole videos: those that a list cuts out of longer ones are written as videos of their own."""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import as_completed
from dataclasses import replace
from functools import partial
from pathlib import Path

from finepseudo_core.datasets.formats import read_listed
from finepseudo_core.datasets.formats.listing import ImportList, ListedClip, ListedRow, ListProblem
from finepseudo_core.errors import DatasetError, VideoError
from finepseudo_core.video.guard import DecodeGuard
from finepseudo_core.video.guard_pool import GuardPool

OnClip = Callable[[int, int], None]  # (clips cut, clips to cut)

MOST_CUTTERS = 16
SECONDS = 120.0  # for one clip; a file that hangs the decoder must not hold up the others


def read_whole(
    source: Path,
    name: str,
    annotations: Path | None = None,
    *,
    cuts: Path,
    least_frames: int = 0,
    on_clip: OnClip = lambda done, clips: None,
) -> ImportList:
    """`formats.read_listed` where each clip is a whole video, cut out where the list cuts it.

    Args:
        source, name, annotations, least_frames: as for `read_listed`.
        cuts: folder for the clips that are cut; the next call finds them there.
        on_clip: called with the number of clips cut and of all to cut.

    Raises:
        DatasetError: as `read_listed`, or `cuts` can't be written.
        ValueError: there is no such format or part.
    """
    return cut_out(read_listed(source, name, annotations, least_frames=least_frames), cuts, on_clip)


def cut_out(listed: ImportList, folder: Path, on_clip: OnClip = lambda done, clips: None) -> ImportList:
    """The list with the parts of videos as videos of their own; those that can't be cut become problems.

    Files are called after what they are cut from, so a replaced video is cut again. Of several processes
    with one folder the first cuts and the others wait for it.

    Raises:
        DatasetError: the folder can't be written.
    """
    targets = {clip.key: folder / _name(clip) for clip in listed.clips if _is_part(clip)}
    if not targets:
        return listed
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            parts = [clip for clip in listed.clips if clip.key in targets]
            todo = {clip: targets[clip.key] for clip in parts if not targets[clip.key].exists()}
            reasons = _cut(todo, on_clip)
    except OSError as error:
        raise DatasetError(
            f"clips can't be cut into {folder} ({error.strerror}). Make room there, or give another folder."
        ) from error
    clips = [
        replace(clip, path=targets[clip.key], start=None, end=None) if clip.key in targets else clip
        for clip in listed.clips
        if clip.key not in reasons
    ]
    rows = {clip.key: ListedRow(clip.key, clip.label, clip.split) for clip in parts}
    problems = [ListProblem(0, key, reason, row=rows[key]) for key, reason in reasons.items()]
    return ImportList(tuple(clips), (*listed.problems, *problems))


def _is_part(clip: ListedClip) -> bool:
    return clip.start is not None or clip.end is not None


def _name(clip: ListedClip) -> str:
    """Name of the file that a part is cut into."""
    found = clip.path.stat()
    source = [str(clip.path.resolve()), found.st_size, found.st_mtime_ns, clip.start, clip.end]
    return hashlib.sha256(json.dumps(source).encode()).hexdigest()[:24] + ".mp4"


def _cut(todo: Mapping[ListedClip, Path], on_clip: OnClip) -> dict[str, str]:
    """Key -> why, of the clips that can't be cut; several are cut at a time."""
    if not todo:
        return {}

    def cut(clip: ListedClip, target: Path, guard: DecodeGuard) -> str | None:
        try:
            guard.call("make_canonical", clip.path, target, start=clip.start, end=clip.end, seconds=SECONDS)
        except (VideoError, ValueError) as error:
            return str(error)
        return None

    with GuardPool(min(len(todo), len(os.sched_getaffinity(0)), MOST_CUTTERS)) as pool:
        cutting = {pool.submit(partial(cut, clip, target)): clip.key for clip, target in todo.items()}
        for done, _ in enumerate(as_completed(cutting), 1):
            on_clip(done, len(todo))
    reasons = {key: future.result() for future, key in cutting.items()}
    return {key: why for key, why in reasons.items() if why is not None}
