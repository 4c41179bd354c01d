"""A folder of clips, with or without a CSV of labels: `path,label[,split,start,end]`.

Only the CSV and the files' existence are looked at; nothing is decoded. Every row that can't be used becomes
a `ListProblem`, so that one bad row never hides the good ones.
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from finepseudo_core.datasets.formats.annotation_files import read_text, write_text
from finepseudo_core.datasets.formats.listing import (
    SPLITS,
    VIDEO_EXTENSIONS,
    ImportList,
    ListedClip,
    ListedRow,
    ListProblem,
    misplaced,
    unusable,
)
from finepseudo_core.errors import DatasetError

__all__ = [
    "COLUMNS",
    "SPLITS",
    "VIDEO_EXTENSIONS",
    "ImportList",
    "ListProblem",
    "ListedClip",
    "read",
    "write",
]

COLUMNS = ("path", "label", "split", "start", "end")
SAVE_AS = "Save it as CSV UTF-8 in your spreadsheet."


def read(folder: str | Path, labels_csv: str | Path | None = None, *, least_frames: int = 0) -> ImportList:
    """The clips of a folder.

    Without a CSV, every file with a video extension counts, at any depth, hidden ones aside. Where all of
    them lie one folder down and there are at least two such folders, the folders are the classes; any other
    shape says nothing about classes and the clips come in unlabelled.

    With a CSV (comma, semicolon or tab; UTF-8 with or without BOM), paths are relative to the folder or
    absolute inside it, columns besides `path,label,split,start,end` are ignored, and an empty label means
    unlabelled.

    Args:
        folder: folder of the clips.
        labels_csv: the list, None for none.
        least_frames: clips with fewer frames are problems; 0 opens no video.

    Raises:
        DatasetError: the folder or the CSV can't be read, or the CSV has no `path` column.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder. Give the folder that holds the clips.")
    if labels_csv is None:
        listed = _read_tree(folder)
    else:
        listed = _read_rows(folder.resolve(), read_text(Path(labels_csv), SAVE_AS), str(labels_csv))
    if least_frames:
        from finepseudo_core.datasets.formats import videos  # it loads decoders

        return videos.leave_out_short(listed, least_frames)
    return listed


def write(clips: Iterable[ListedClip], target: str | Path, folder: str | Path | None = None) -> None:
    """Write `path,label,split,start,end`, which `read` takes with the same folder.

    Args:
        clips: clips inside the folder.
        target: the CSV file.
        folder: folder that the paths are relative to; None for the folder of the CSV.

    Raises:
        DatasetError: a path or label can't be told in a CSV: outside the folder, or with outer blanks.
    """
    target = Path(target)
    root = Path(target.parent if folder is None else folder).resolve()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # else a \r in a label isn't quoted
    writer.writerow(COLUMNS)
    for clip in clips:
        path = _relative(clip, root)
        label, split = clip.label or "", clip.split or ""
        if label != label.strip() or "\0" in label:
            raise DatasetError(f"{clip.key}: a CSV can't tell the label {label!r}. Rename the class.")
        seconds = ["" if second is None else repr(float(second)) for second in (clip.start, clip.end)]
        writer.writerow([path, label, split, *seconds])
    write_text(target, text.getvalue())


def key_of(folder: Path, row: Mapping[str, str | None]) -> str | None:
    """Key of the clip that a row of the CSV names, None where the row is no clip."""
    clip = _clip(folder.resolve(), {column: (row.get(column) or "").strip() for column in COLUMNS})
    return None if isinstance(clip, str) else clip.key


def _read_tree(folder: Path) -> ImportList:
    clips: list[Path] = []
    problems = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.suffix.lower() not in VIDEO_EXTENSIONS or any(part.startswith(".") for part in name.parts):
            continue
        reason = unusable(folder.resolve(), path)
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


def _read_rows(folder: Path, text: str, name: str) -> ImportList:
    rows = _rows(text, name)
    clips: dict[str, ListedClip] = {}
    lines: dict[str, int] = {}
    problems = []
    for line, row in rows:
        clip = _clip(folder, row)
        if isinstance(clip, str):
            problems.append(ListProblem(line, row["path"], clip))
            continue
        if clip.key in lines:
            problems.append(ListProblem(line, row["path"], f"the clip is already on line {lines[clip.key]}"))
            continue
        lines[clip.key] = line
        reason = unusable(folder, clip.path)
        if reason is None:
            clips[clip.key] = clip
        else:
            known = ListedRow(clip.key, clip.label, clip.split)
            problems.append(ListProblem(line, row["path"], reason, row=known))
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


def _relative(clip: ListedClip, root: Path) -> str:
    """Posix path of a clip inside the root, as the CSV tells it."""
    path = clip.path.resolve()
    if not path.is_relative_to(root):
        raise DatasetError(f"{clip.path} lies outside {root}. Give the folder that holds all the clips.")
    name = path.relative_to(root).as_posix()
    if name != name.strip() or "\\" in name:
        raise DatasetError(
            f"a CSV can't tell the path {name!r} (outer blanks, or a backslash). Rename the file."
        )
    return name


def _clip(folder: Path, row: Mapping[str, str]) -> ListedClip | str:
    """The clip of a row, whether or not its file is there, or what is wrong with the row."""
    if not row["path"]:
        return "the path is empty"
    path = Path(row["path"].replace("\\", "/"))
    reason = misplaced(folder, folder / path)
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
