"""Finding the videos of an annotation list: by name, at any depth, short and missing ones told."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from finepseudo_core.datasets.formats.listing import (
    VIDEO_EXTENSIONS,
    ImportList,
    ListedClip,
    ListedRow,
    ListProblem,
    unusable,
)
from finepseudo_core.errors import DatasetError, VideoError
from finepseudo_core.video.guard import DecodeGuard

PICTURE_EXTENSIONS = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Place:
    """Where a clip may lie: a video's name without extension, and the part of it that is the clip.

    Args:
        name: `stem` or `folder/stem`; the folder must then be the video's parent.
        start: first second of the clip, None for the beginning.
        end: second it ends before, None for the end.
        frames: the same in frames, where the list counts them; the video's own rate turns them into seconds.
    """

    name: str
    start: float | None = None
    end: float | None = None
    frames: tuple[int, int] | None = None


@dataclass(frozen=True)
class Entry:
    """One row of an annotation list, its video not looked for yet.

    Args:
        source: name of the list.
        line: its line or place there, from 1.
        key: the dataset's name of the clip.
        places: where the clip may lie, the best place first.
        label: class name, None where unlabelled.
        split: "train", "test", or None.
        frames: first frame and the frame it ends before, where the list says so.
        problem: why the row can't be used, whatever the videos.
    """

    source: str
    line: int
    key: str
    places: tuple[Place, ...]
    label: str | None = None
    split: str | None = None
    frames: tuple[int, int] | None = None
    problem: str | None = None


def list_clips(folder: str | Path, entries: Iterable[Entry], least_frames: int = 0) -> ImportList:
    """The entries whose videos are in the folder, and why the others can't be used.

    Args:
        folder: folder of videos, searched at any depth, hidden ones aside.
        entries: rows of the annotation.
        least_frames: clips with fewer frames are problems, whether the list says so or the video, which is
            opened in a guarded child process; 0 opens none.

    Raises:
        DatasetError: the folder is none.
    """
    clips: dict[str, ListedClip] = {}
    told: dict[str, str] = {}
    problems = []
    videos = VideoFolder(folder)
    with VideoLengths() as lengths:
        for entry in entries:
            wrong = f"the clip is already in {told[entry.key]}" if entry.key in told else _wrong(entry)
            if wrong is not None:
                problems.append(ListProblem(entry.line, entry.key, wrong, entry.source))
                continue
            told[entry.key] = f"{entry.source}, line or entry {entry.line}"
            found = _clip(videos, lengths, entry, least_frames)
            if isinstance(found, str):
                row = ListedRow(entry.key, entry.label, entry.split)
                problems.append(ListProblem(entry.line, entry.key, found, entry.source, row))
            else:
                clips[entry.key] = found
    return ImportList(tuple(clips.values()), tuple(problems))


def leave_out_short(listed: ImportList, least_frames: int) -> ImportList:
    """The list without clips of fewer frames, which become problems; every video is opened."""
    clips, problems = [], list(listed.problems)
    with VideoLengths() as lengths:
        for clip in listed.clips:
            reason = _short(lengths, clip, least_frames)
            if reason is None:
                clips.append(clip)
            else:
                row = ListedRow(clip.key, clip.label, clip.split)
                problems.append(ListProblem(0, clip.key, reason, row=row))
    return ImportList(tuple(clips), tuple(problems))


class VideoLengths:
    """Frames and rate of videos, counted in a guarded child process, for which it is a context manager."""

    def __init__(self) -> None:
        self._guard: DecodeGuard | None = None
        self._known: dict[Path, tuple[int, float]] = {}

    def __enter__(self) -> "VideoLengths":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._guard is not None:
            self._guard.close()

    def __call__(self, path: Path) -> tuple[int, float]:
        """Frames and frames per second of a video.

        Raises:
            VideoError: it can't be opened.
        """
        if path not in self._known:
            if self._guard is None:
                self._guard = DecodeGuard()
            info = self._guard.call("probe", path)
            self._known[path] = (info.frames, info.fps)
        return self._known[path]


class VideoFolder:
    """The videos under a folder, by name.

    Raises:
        DatasetError: the folder is none.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        if not folder.is_dir():
            raise DatasetError(f"{folder} is not a folder. Give the folder that holds the videos.")
        self.folder = folder.resolve()
        self._videos: dict[str, list[PurePosixPath]] = {}
        self._pictures: dict[str, list[PurePosixPath]] = {}
        for parent, names in _walk(self.folder):
            self._add(parent, names)

    def find(self, name: str) -> PurePosixPath | None:
        """Path of the video `stem` or `folder/stem`, relative to the folder; of several the first by name."""
        return _first(self._videos, name)

    def pictures(self, name: str) -> PurePosixPath | None:
        """Path of the folder `name` or `parent/name` that holds pictures, relative to the folder."""
        return _first(self._pictures, name)

    def picture_folders(self) -> list[PurePosixPath]:
        """Paths of all folders that hold pictures, relative to the folder, sorted."""
        return sorted(path for paths in self._pictures.values() for path in paths if path.name)

    def _add(self, parent: PurePosixPath, names: Sequence[str]) -> None:
        for name in names:
            stem, extension = os.path.splitext(name)
            if extension.lower() in VIDEO_EXTENSIONS:
                self._videos.setdefault(stem, []).append(parent / name)
        if any(name.lower().endswith(PICTURE_EXTENSIONS) for name in names):
            self._pictures.setdefault(parent.name, []).append(parent)


def _walk(folder: Path) -> Iterator[tuple[PurePosixPath, list[str]]]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        relative = PurePosixPath(Path(parent).relative_to(folder).as_posix())
        yield relative, sorted(name for name in names if not name.startswith("."))


def _first(index: dict[str, list[PurePosixPath]], name: str) -> PurePosixPath | None:
    *parents, last = name.split("/")
    for path in index.get(last, ()):
        if not parents or path.parts[:-1][-len(parents) :] == tuple(parents):
            return path
    return None


def _wrong(entry: Entry) -> str | None:
    """Why the row can't be used, whatever the videos and however many frames are asked for."""
    return entry.problem or (_too_short(0, 0) if _counted(entry) == 0 else None)


def _counted(entry: Entry) -> int | None:
    """Frames of the clip by the list, 0 where it ends before it starts, None where the list counts none."""
    return None if entry.frames is None else max(0, entry.frames[1] - entry.frames[0])


def _clip(videos: VideoFolder, lengths: VideoLengths, entry: Entry, least_frames: int) -> ListedClip | str:
    """The clip of an entry, or the reason why it can't be used."""
    counted = _counted(entry)
    if counted is not None and counted < least_frames:
        return _too_short(counted, least_frames)
    found = next(((place, path) for place in entry.places if (path := videos.find(place.name))), None)
    if found is None:
        return _missing(videos, entry.places)
    place, relative = found
    video = videos.folder / relative
    reason = unusable(videos.folder, video)
    if reason:
        return reason
    try:
        start, end = _seconds(lengths, video, place)
    except VideoError as error:
        return str(error)
    clip = ListedClip(entry.key, video.resolve(), entry.label, entry.split, start, end, entry.frames)
    return (_short(lengths, clip, least_frames) if least_frames else None) or clip


def _seconds(lengths: VideoLengths, path: Path, place: Place) -> tuple[float | None, float | None]:
    if place.frames is None:
        return place.start, place.end
    rate = lengths(path)[1]
    return place.frames[0] / rate, place.frames[1] / rate


def _short(lengths: VideoLengths, clip: ListedClip, least_frames: int) -> str | None:
    """Why the clip is too short in its video, None where it isn't."""
    try:
        frames, rate = lengths(clip.path)
    except VideoError as error:
        return str(error)
    last = frames if clip.end is None else min(frames, round(clip.end * rate))
    inside = max(0, last - round((clip.start or 0.0) * rate))
    return _too_short(inside, least_frames) if inside < least_frames else None


def _too_short(frames: int, least: int) -> str:
    if frames < 1:
        return "the clip has no frames; correct its start and end in the list, or remove it"
    return f"the clip has {frames} frames, fewer than the {least} asked for; leave it out or ask for fewer"


def _missing(videos: VideoFolder, places: Sequence[Place]) -> str:
    for place in places:
        pictures = videos.pictures(place.name)
        if pictures is not None:
            return (
                f"its frames are single pictures in {pictures}; turn them into videos with "
                "`python -m finepseudo_core.datasets.formats.frame_folders` and import those"
            )
    names = " or ".join(f"{place.name}.*" for place in places)
    return f"there is no video named {names} in the folder; download it, or leave the clip out"
