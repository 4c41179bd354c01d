"""A folder of clips, with or without a CSV of labels: `path,label[,split,start,end]`.

Only the CSV and the files' existence are looked at; nothing is decoded. Every row that can't be used becomes
a `ListProblem`, so that one bad row never hides the good ones.
"""

import csv
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from finepseudo_core.errors import DatasetError

VIDEO_EXTENSIONS = (
    (".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4")
    + (".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".vob", ".webm", ".wmv")
)  # fmt: skip
SPLITS = ("train", "test")
COLUMNS = ("path", "label", "split", "start", "end")


@dataclass(frozen=True)
class ListedClip:
    """One clip of the list.

    Args:
        key: posix path relative to the folder, plus `#start-end` where the clip is cut from a longer video.
        path: the video file.
        label: class name, None where unlabelled.
        split: "train", "test", or None where the list doesn't say.
        start: first second of the clip, None for the beginning.
        end: second the clip ends before, None for the end of the video.
    """

    key: str
    path: Path
    label: str | None = None
    split: str | None = None
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class ListProblem:
    """A row that can't be used. `line` is its line in the CSV, 0 where the folder has no CSV."""

    line: int
    path: str
    reason: str


@dataclass(frozen=True)
class ImportList:
    """Usable clips in the order of the list, and what is wrong with the others."""

    clips: tuple[ListedClip, ...]
    problems: tuple[ListProblem, ...]


def read(folder: str | Path, labels_csv: str | Path | None = None) -> ImportList:
    """The clips of a folder.

    Without a CSV, every file with a video extension counts, at any depth, hidden ones aside. Where all of
    them lie one folder down and there are at least two such folders, the folders are the classes; any other
    shape says nothing about classes and the clips come in unlabelled.

    With a CSV (comma, semicolon or tab; UTF-8 with or without BOM), paths are relative to the folder or
    absolute inside it, columns besides `path,label,split,start,end` are ignored, and an empty label means
    unlabelled.

    Raises:
        DatasetError: the folder or the CSV can't be read, or the CSV has no `path` column.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder. Give the folder that holds the clips.")
    if labels_csv is None:
        return _read_tree(folder)
    return _read_rows(folder.resolve(), _read_text(Path(labels_csv)), str(labels_csv))


def _read_tree(folder: Path) -> ImportList:
    clips: list[Path] = []
    problems = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.suffix.lower() not in VIDEO_EXTENSIONS or any(part.startswith(".") for part in name.parts):
            continue
        reason = _unusable(folder.resolve(), path)
        if reason:
            problems.append(ListProblem(0, name.as_posix().encode(errors="replace").decode(), reason))
        else:
            clips.append(name)
    parents = {name.parent for name in clips}
    one_folder_per_class = len(parents) > 1 and all(len(name.parts) == 2 for name in clips)
    return ImportList(
        tuple(
            ListedClip(name.as_posix(), folder / name, name.parent.name if one_folder_per_class else None)
            for name in clips
        ),
        tuple(problems),
    )


def _read_text(labels_csv: Path) -> str:
    try:
        return labels_csv.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DatasetError(f"{labels_csv} can't be read ({error.strerror}). Check the path.") from error
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{labels_csv} is not UTF-8 (byte {error.start}). Save it as CSV UTF-8 in your spreadsheet."
        ) from error


def _read_rows(folder: Path, text: str, name: str) -> ImportList:
    rows = _rows(text, name)
    clips: dict[str, ListedClip] = {}
    lines: dict[str, int] = {}
    problems = []
    for line, row in rows:
        clip = _clip(folder, row)
        if isinstance(clip, str):
            problems.append(ListProblem(line, row["path"], clip))
        elif clip.key in clips:
            problems.append(ListProblem(line, row["path"], f"the clip is already on line {lines[clip.key]}"))
        else:
            clips[clip.key], lines[clip.key] = clip, line
    return ImportList(tuple(clips.values()), tuple(problems))


def _rows(text: str, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, row) for every row that isn't blank; a row always has all five columns, stripped."""
    header = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=delimiter)
    try:
        titles = [title.strip().lower() for title in next((row for row in reader if any(row)), [])]
        if "path" not in titles:
            raise DatasetError(
                f"{name} has no column named `path` (found: {', '.join(titles[:8]) or 'nothing'}). "
                "The first line must name the columns: path,label[,split,start,end]."
            )
        places = {column: titles.index(column) for column in COLUMNS if column in titles}
        line = reader.line_num + 1
        for row in reader:
            if any(cell.strip() for cell in row):
                yield (
                    line,
                    {
                        column: row[place].strip()
                        if (place := places.get(column, len(row))) < len(row)
                        else ""
                        for column in COLUMNS
                    },
                )
            line = reader.line_num + 1
    except csv.Error as error:
        raise DatasetError(f"{name} line {reader.line_num}: {error}. Save the file as CSV again.") from error


def _clip(folder: Path, row: Mapping[str, str]) -> ListedClip | str:
    """The clip of a row, or the reason why it can't be used."""
    if not row["path"]:
        return "the path is empty"
    path = Path(row["path"].replace("\\", "/"))
    reason = _unusable(folder, folder / path)
    if reason:
        return reason
    if row["split"] and row["split"].lower() not in SPLITS:
        return f"split {row['split']!r} is unknown; use train, test, or nothing"
    try:
        start, end = _seconds("start", row["start"]), _seconds("end", row["end"])
    except ValueError as error:
        return str(error)
    if end is not None and (start or 0.0) >= end:
        return f"start {start or 0:g} is not before end {end:g}"
    path = (folder / path).resolve()
    key = path.relative_to(folder).as_posix()
    if start is not None or end is not None:
        key += f"#{start or 0:.15g}-{'' if end is None else format(end, '.15g')}"
    return ListedClip(key, path, row["label"] or None, row["split"].lower() or None, start, end)


def _unusable(folder: Path, path: Path) -> str | None:
    """Why the file at `path` can't be a clip of the (resolved) folder; None where it can."""
    try:
        str(path).encode()  # file names are bytes; the ones that aren't text fit in no database
        if not path.resolve().is_relative_to(folder):
            return "the path leads out of the folder; copy the file into it"
        if not path.exists():
            return "there is no such file; correct the path or remove the row"
        if not path.is_file():
            return "this is not a regular file; replace it with a video file"
    except (OSError, RuntimeError, ValueError) as error:
        return f"the path can't be used ({error})"
    return None


def _seconds(name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        seconds = float(text.replace(",", "."))
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"{name} {text!r} is not a number of seconds, 0 or more")
    return seconds
