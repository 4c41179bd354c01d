"""Kinetics (Kay et al., 2017; Carreira & Zisserman, CVPR 2017): ten-second clips out of YouTube videos.

The official CSV has `label,youtube_id,time_start,time_end,split[,is_cc]`, the test one no label. The other
usual list has `path class_id` on each line. A clip's file is named `<id>_000010_000020.mp4`.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from finepseudo_core.datasets.formats.annotation_files import optional_file, read_lines, read_text, write_text
from finepseudo_core.datasets.formats.listing import VIDEO_EXTENSIONS, ImportList, ListedClip
from finepseudo_core.datasets.formats.videos import Entry, Place, list_clips
from finepseudo_core.errors import DatasetError

COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")
SPLIT_NAMES = {"train": "train", "val": "test", "validate": "test", "validation": "test", "test": "test"}
LABEL_MAP = ("kinetics*label_map*.txt", "label_map_k*.txt", "label_map.txt")
_KEY = re.compile(r"(.{11})_(\d{1,6})_(\d{1,6})")
_PATH_ROW = re.compile(r"(.+?)[\s,]+(\d+)")


def read(folder: str | Path, annotations: str | Path | None = None, *, least_frames: int = 0) -> ImportList:
    """The clips of a Kinetics list; keys are `<id>_000010_000020`.

    Args:
        folder: folder of videos, searched at any depth, under a folder per class or not: clips
            `<id>_000010_000020.mp4`, `<id>_10_20.mp4`, or whole videos `<id>.mp4`, out of which they are cut.
        annotations: a CSV, a list of paths, or a folder whose `.csv` files are all read; None for the folder.
            A list of class names beside it (`kinetics*label_map*.txt`) names the numbers of a list of paths;
            without one, the folder that a path names does.
        least_frames: clips with fewer frames are problems; counting them opens every video.

    The validation list is what FinePseudo and others test on, so its split becomes "test".

    Raises:
        DatasetError: a list is absent or malformed.
    """
    place = Path(folder if annotations is None else annotations)
    entries = [entry for path in _lists(place) for entry in _entries(path)]
    return list_clips(folder, entries, least_frames)


def write(clips: Iterable[ListedClip], target: str | Path) -> None:
    """Write `train.csv` and `val.csv` into a folder; the split "test" is called "validate" as the authors do.

    Args:
        clips: clips with a split, whose keys are `<id>_<start>_<end>`.
        target: the folder.

    Raises:
        DatasetError: a clip has no split, or another key.
    """
    rows: dict[str, list[tuple[object, ...]]] = {"train": [], "test": []}
    for clip in clips:
        match = _KEY.fullmatch(clip.key)
        if match is None or clip.split not in rows:
            raise DatasetError(
                f"{clip.key} can't be written as Kinetics: it needs a split and a key `<id>_<start>_<end>` "
                f"(has {clip.split}). Leave it out."
            )
        name = "train" if clip.split == "train" else "validate"
        rows[clip.split].append((clip.label or "", match[1], int(match[2]), int(match[3]), name))
    for split, name in (("train", "train.csv"), ("test", "val.csv")):
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows([COLUMNS, *rows[split]])
        write_text(Path(target) / name, text.getvalue())


def clip_name(youtube_id: str, start: int, end: int) -> str:
    """Name of a clip, without extension."""
    return f"{youtube_id}_{start:06d}_{end:06d}"


def _lists(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    found = sorted(path for path in place.glob("*.csv") if path.is_file())
    if not found:
        raise DatasetError(
            f"{place} holds no CSV of Kinetics (such as train.csv). Put it there, or name the list."
        )
    return found


def _entries(path: Path) -> Iterator[Entry]:
    lines = read_lines(path)
    header = lines[0][1].lower().replace('"', "").split(",") if lines else []
    titles = [title.strip() for title in header]
    if {"youtube_id", "time_start", "time_end"} <= set(titles):
        yield from _csv_entries(path, titles)
    elif lines and all(_PATH_ROW.fullmatch(text) for _, text in lines):
        yield from _path_entries(path, lines)
    else:
        raise DatasetError(
            f"{path} is no Kinetics list: line 1 must name the columns {','.join(COLUMNS)} "
            f"(found: {', '.join(titles[:8]) or 'nothing'}), or each line must be `path class_id`"
            f"{_first_odd(lines)}."
        )


def _first_odd(lines: Sequence[tuple[int, str]]) -> str:
    odd = next(((line, text) for line, text in lines if not _PATH_ROW.fullmatch(text)), None)
    return "" if odd is None else f" (line {odd[0]} isn't: {odd[1][:60]!r})"


def _csv_entries(path: Path, titles: Sequence[str]) -> Iterator[Entry]:
    reader = csv.reader(io.StringIO(read_text(path).replace("\0", ""), newline=""))
    line = 1
    try:
        for cells in reader:
            row = dict(zip(titles, (cell.strip() for cell in cells), strict=False))
            if any(cells) and [cell.strip().lower() for cell in cells] != list(titles):
                yield _csv_entry(path, line, row)
            line = reader.line_num + 1
    except csv.Error as error:
        raise DatasetError(f"{path} line {reader.line_num}: {error}. Download the file again.") from error


def _csv_entry(path: Path, line: int, row: Mapping[str, str]) -> Entry:
    youtube_id = row.get("youtube_id", "")
    try:
        start, end = (int(float(row.get(name, ""))) for name in ("time_start", "time_end"))
    except (OverflowError, ValueError):
        raise DatasetError(
            f"{path} line {line}: time_start {row.get('time_start')!r} and time_end {row.get('time_end')!r} "
            "must be seconds. Correct the file."
        ) from None
    key = clip_name(youtube_id, start, end)
    split = SPLIT_NAMES.get((row.get("split") or _word(path.stem)).lower())
    if not youtube_id or not 0 <= start < end:
        return Entry(
            path.name, line, key, (), problem="it needs an id and a start before its end; correct the row"
        )
    label = row.get("label") or None
    names = (key, f"{youtube_id}_{start}_{end}")
    places = [*_within(names, label), *(Place(name) for name in names), Place(youtube_id, start, end)]
    return Entry(path.name, line, key, tuple(places), label, split)


def _within(names: Iterable[str], label: str | None) -> list[Place]:
    """The clip in the folder of its class, with blanks or with underscores."""
    if label is None:
        return []
    folders = dict.fromkeys((label, label.replace(" ", "_")))
    return [Place(f"{folder}/{name}") for folder in folders if "/" not in folder for name in names]


def _path_entries(path: Path, lines: Sequence[tuple[int, str]]) -> Iterator[Entry]:
    names = _class_names(path)
    for line, text in lines:
        match = _PATH_ROW.fullmatch(text)
        if match is not None:
            yield _path_entry(path, line, match[1], int(match[2]), names)


def _path_entry(path: Path, line: int, listed: str, number: int, names: Sequence[str] | None) -> Entry:
    video = PurePosixPath(listed.replace("\\", "/"))
    key = video.stem if video.suffix.lower() in VIDEO_EXTENSIONS else video.name
    if names is not None and number >= len(names):
        problem = f"class {number} is not one of the {len(names)} class names; give the list of its names"
        return Entry(path.name, line, key, (), problem=problem)
    parent = video.parent.name
    label = names[number] if names is not None else parent.replace("_", " ") or str(number)
    split = SPLIT_NAMES.get(_word(path.stem)) or SPLIT_NAMES.get(_word(str(video.parent)))
    places = [Place(f"{parent}/{key}")] if parent else []
    return Entry(path.name, line, key, (*places, *_within([key], label), Place(key)), label, split)


def _class_names(path: Path) -> list[str] | None:
    found = optional_file(path.parent, LABEL_MAP)
    return None if found is None or found == path else [text for _, text in read_lines(found)]


def _word(text: str) -> str:
    """The last of train, val, validate, validation, test that stands in a name."""
    found = re.findall(r"(?<![a-z])(train|validation|validate|val|test)(?![a-z])", text.lower())
    return found[-1] if found else ""
