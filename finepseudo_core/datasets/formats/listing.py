"""What every annotation format is read into: usable clips, and what is wrong with the others."""

from dataclasses import dataclass
from pathlib import Path

VIDEO_EXTENSIONS = (
    (".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4")
    + (".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".vob", ".webm", ".wmv")
)  # fmt: skip
SPLITS = ("train", "test")


@dataclass(frozen=True)
class ListedClip:
    """One clip of the list.

    Args:
        key: the dataset's own name of the clip; in a folder or CSV its posix path relative to the folder,
            plus `#start-end` where the clip is cut from a longer video.
        path: the video file.
        label: class name, None where unlabelled.
        split: "train", "test", or None where the list doesn't say.
        start: first second of the clip, None for the beginning.
        end: second the clip ends before, None for the end of the video.
        frames: first frame and the frame it ends before as the list counts them, None where it counts none.
    """

    key: str
    path: Path
    label: str | None = None
    split: str | None = None
    start: float | None = None
    end: float | None = None
    frames: tuple[int, int] | None = None


@dataclass(frozen=True)
class ListedRow:
    """What the list says of a clip, whether or not its video is there: key, class and split."""

    key: str
    label: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class ListProblem:
    """A row that can't be used.

    Args:
        line: its line, or its place in a list that has no lines, from 1; 0 where there is no list.
        path: the clip as the list names it.
        reason: what is wrong with it, and what to do.
        source: name of the list, where a format has several.
        row: what the list says of the clip where only its video is missing, short or unreadable; None where
            the row itself is wrong.
    """

    line: int
    path: str
    reason: str
    source: str = ""
    row: ListedRow | None = None

    @property
    def key(self) -> str:
        """Key of the clip, or as the list names it where it has none."""
        return self.path if self.row is None else self.row.key

    def __str__(self) -> str:
        return f"{f'line {self.line}: ' if self.line else ''}{self.path}: {self.reason}"


@dataclass(frozen=True)
class ImportList:
    """Usable clips in the order of the list, and what is wrong with the others."""

    clips: tuple[ListedClip, ...]
    problems: tuple[ListProblem, ...]

    @property
    def rows(self) -> tuple[ListedRow, ...]:
        """All sound rows of the annotation, so the same ones wherever some videos are missing."""
        found = [ListedRow(clip.key, clip.label, clip.split) for clip in self.clips]
        return (*found, *(problem.row for problem in self.problems if problem.row is not None))


def unusable(folder: Path, path: Path) -> str | None:
    """Why the file at `path` can't be a clip of the (resolved) folder; None where it can."""
    wrong = misplaced(folder, path)
    if wrong is not None:
        return wrong
    try:
        if not path.exists():
            return "there is no such file; correct the path or remove the row"
        if not path.is_file():
            return "this is not a regular file; replace it with a video file"
    except OSError as error:
        return f"the path can't be used ({error})"
    return None


def misplaced(folder: Path, path: Path) -> str | None:
    """Why no file at `path` could be a clip of the (resolved) folder; None where one could."""
    try:
        str(path).encode()  # file names are bytes; the ones that aren't text fit in no database
        if not path.resolve().is_relative_to(folder):
            return "the path leads out of the folder; copy the file into it"
    except (OSError, RuntimeError, ValueError) as error:
        return f"the path can't be used ({error})"
    return None
