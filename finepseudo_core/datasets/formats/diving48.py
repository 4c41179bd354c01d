"""Diving48 V2 (Li et al., RESOUND, ECCV 2018): 48 dives, each named by takeoff, somersault, twist, position.

`Diving48_V2_train.json` and `Diving48_V2_test.json` are lists of
`{"vid_name": str, "label": int, "start_frame": int, "end_frame": int}`; the video is `<vid_name>.mp4`.
`Diving48_vocab.json` holds a list of four attributes for each class number.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from finepseudo_core.datasets.formats.annotation_files import (
    json_text,
    kind,
    only_file,
    optional_file,
    read_entries,
    read_json,
    read_lines,
    text_field,
    whole_field,
    write_text,
)
from finepseudo_core.datasets.formats.listing import ImportList, ListedClip
from finepseudo_core.datasets.formats.videos import Entry, Place, list_clips
from finepseudo_core.errors import DatasetError

LISTS = {
    "train": ("Diving48_V2_train*.json", "*train*.json"),
    "test": ("Diving48_V2_test*.json", "*test*.json"),
}
VOCABULARY = ("Diving48_vocab.json", "*vocab*.json", "diving48*label_map*.txt", "label_map.txt")


class Dive(NamedTuple):
    """What names a class: "Back", "15som", "05Twis", "FREE"."""

    takeoff: str
    somersault: str
    twist: str
    position: str

    @property
    def somersaults(self) -> float:
        """Turns about the sideways axis: 1.5 for "15som"; a plain "Dive" is half a turn."""
        return 0.5 if self.somersault == "Dive" else _turns(self.somersault)

    @property
    def twists(self) -> float:
        """Turns about the long axis: 0.5 for "05Twis", 0 for "NoTwis"."""
        return 0.0 if self.twist == "NoTwis" else _turns(self.twist)


def read(folder: str | Path, annotations: str | Path | None = None, *, least_frames: int = 0) -> ImportList:
    """The clips of Diving48; labels are the four attributes joined by "+", as in "Back+15som+05Twis+FREE".

    Args:
        folder: folder of videos, searched at any depth.
        annotations: folder of the JSON files and the vocabulary, None for the same folder; or one JSON file,
            whose vocabulary lies beside it. A list that is absent is not read; one of them must be there.
        least_frames: clips with fewer frames, by the list or in the video, are problems.

    A clip whose `start_frame` is 0 is its whole video, as in the videos the authors give; another one is cut.

    Raises:
        DatasetError: a file is absent or malformed.
    """
    place = Path(folder if annotations is None else annotations)
    root = place.parent if place.is_file() else place
    names = classes(only_file(root, VOCABULARY, "vocabulary of Diving48"))
    entries = [entry for path, split in _lists(place) for entry in _entries(path, split, names)]
    return list_clips(folder, entries, least_frames)


def classes(vocabulary: str | Path) -> tuple[str, ...]:
    """Class names in the order of their numbers, from the JSON vocabulary or from a list of names.

    Raises:
        DatasetError: the file is malformed or names a class twice.
    """
    path = Path(vocabulary)
    if path.suffix.lower() == ".json":
        names = _joined(path, read_json(path))
    else:
        names = [name for _, name in read_lines(path)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        raise DatasetError(
            f"{path} names {'no class' if not names else f'{twice[0]!r} twice'}. Download it again."
        )
    return tuple(names)


def attributes(name: str) -> Dive:
    """Takeoff, somersault, twist and position of a class name.

    Raises:
        ValueError: it isn't made of four parts.
    """
    parts = name.split("+")
    if len(parts) != 4:
        raise ValueError(
            f"{name!r} has {len(parts)} parts; a Diving48 class is takeoff+somersault+twist+position"
        )
    return Dive(*parts)


def write(
    clips: Iterable[ListedClip], target: str | Path, *, vocabulary: Sequence[str] | None = None
) -> None:
    """Write `Diving48_V2_train.json`, `Diving48_V2_test.json` and `Diving48_vocab.json` into a folder.

    Args:
        clips: labelled clips with a split; `vid_name` is their key. Frames that no list has counted are
            written as 0 to 0, and `read` would call such a clip empty: give `frames`.
        target: the folder.
        vocabulary: class names in the order of their numbers, None for the labels in order of the alphabet.

    Raises:
        DatasetError: a clip has no label, split or frames, or its label isn't in the vocabulary.
    """
    clips = list(clips)
    names = list(vocabulary) if vocabulary is not None else sorted({clip.label or "" for clip in clips})
    rows: dict[str, list[dict[str, object]]] = {"train": [], "test": []}
    for clip in clips:
        if clip.split not in rows or clip.label not in names or not clip.label or clip.frames is None:
            raise DatasetError(
                f"{clip.key} can't be written as Diving48: it needs a split, frames, and a known label "
                f"(has {clip.split}, {clip.frames}, {clip.label}). Leave it out."
            )
        start, end = clip.frames
        row = {"vid_name": clip.key, "label": names.index(clip.label), "start_frame": start, "end_frame": end}
        rows[clip.split].append(row)
    for split, entries in rows.items():
        write_text(Path(target) / f"Diving48_V2_{split}.json", json_text(entries))
    write_text(Path(target) / "Diving48_vocab.json", json_text([name.split("+") for name in names]))


def _lists(place: Path) -> Iterator[tuple[Path, str]]:
    if place.is_file():
        yield place, "test" if "test" in place.name.lower() else "train"
        return
    found = [(optional_file(place, patterns), split) for split, patterns in LISTS.items()]
    if not any(path for path, _ in found):
        raise DatasetError(
            f"{place} holds no Diving48_V2_train.json or Diving48_V2_test.json. Put them there."
        )
    yield from ((path, split) for path, split in found if path)


def _entries(path: Path, split: str, names: Sequence[str]) -> Iterator[Entry]:
    for line, row in read_entries(path):
        yield _entry(path, line, row, split, names)


def _entry(path: Path, line: int, row: Mapping[str, Any], split: str, names: Sequence[str]) -> Entry:
    where = f"{path}, entry {line}"
    key, number = text_field(row, "vid_name", where), whole_field(row, "label", where)
    frames = whole_field(row, "start_frame", where), whole_field(row, "end_frame", where)
    if number >= len(names):
        problem = f"label {number} is not one of the {len(names)} classes of the vocabulary; correct it"
        return Entry(path.name, line, key, (), problem=problem)
    places = (Place(key, frames=frames if frames[0] > 0 else None),)
    return Entry(path.name, line, key, places, names[number], split, frames)


def _joined(path: Path, content: object) -> list[str]:
    if not isinstance(content, list):
        raise DatasetError(f"{path} holds {kind(content)}, not a list of classes. Give Diving48_vocab.json.")
    for number, parts in enumerate(content):
        if not isinstance(parts, list) or not parts or not all(isinstance(part, str) for part in parts):
            raise DatasetError(f"{path}: class {number} is no list of attributes. Download the file again.")
    return ["+".join(parts) for parts in content]


def _turns(text: str) -> float:
    """1.5 for "15som", 3 for "3som", 0.5 for "05Twis": the last of two digits is a half."""
    found = re.match(r"(\d)(\d?)\D", text)
    if not found:
        raise ValueError(f"{text!r} tells no number of turns")
    return float(f"{found[1]}.{found[2] or 0}")
