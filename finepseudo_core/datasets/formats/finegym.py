"""FineGym (Shao et al., CVPR 2020): gymnastics elements, cut out of YouTube videos by two pairs of seconds.

A line of `gym99_train_element_v1.1.txt` is `<element> <class>`, and an element is named
`A0xAXXysHUo_E_002184_002237_A_0035_0036`: the video, the event's seconds in it, the action's seconds in the
event.
`gym99_categories.txt` names the classes: `Clabel: 0; set: 1; Glabel: 1; (VT) round-off, ...`.
`finegym_annotation_info_v1.1.json` gives the seconds with their fractions:
`{video: {"E_...": {"timestamps": [[start, end]], "segments": {"A_...": {"timestamps": [[start, end]]}}}}}`
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from finepseudo_core.datasets.formats.annotation_files import (
    only_file,
    optional_file,
    read_json,
    read_lines,
    write_text,
)
from finepseudo_core.datasets.formats.listing import ImportList, ListedClip
from finepseudo_core.datasets.formats.videos import Entry, Place, list_clips
from finepseudo_core.errors import DatasetError

VARIANTS = ("gym99", "gym288")
SETS = {
    1: "vault",
    **{
        21: "FX_leap_jump_hop",
        22: "FX_turns",
        23: "FX_side_salto",
        24: "FX_front_salto",
        25: "FX_back_salto",
    },
    **{31: "BB_leap_jump_hop", 32: "BB_turns", 33: "BB_flight_salto", 34: "BB_flight_handspring"},
    **{35: "BB_dismounts", 41: "UB_circles", 42: "UB_flight_same_bar", 43: "UB_transition_flight"},
    44: "UB_dismounts",
}
# FinePseudo, Supp. A: Vault has 6 classes, Floor 35, UB-S1 15 (circles), FX-S1 11 (leaps, jumps and hops).
SUBSETS = {"VT": (1,), "FX": (21, 22, 23, 24, 25), "UB-S1": (41,), "FX-S1": (21,)}
_ELEMENT = re.compile(r"(?P<video>.+)_(?P<event>E_(\d+)_(\d+))_(?P<action>A_(\d+)_(\d+))")
_CATEGORY = re.compile(r"Clabel:\s*(\d+);\s*set:\s*(\d+);\s*Glabel:\s*(\d+);\s*(.+)")
_EVENT = re.compile(r"\((\w+)\)\s*")


class Category(NamedTuple):
    """A class: its number in the variant, its set, its number among all 530 elements, its event, its name."""

    label: int
    set: int
    element: int
    event: str
    name: str


@dataclass(frozen=True)
class Element:
    """Where an element lies: video, event and action; seconds of the event, and of the action in it."""

    video: str
    event: str
    action: str
    event_seconds: tuple[float, float]
    action_seconds: tuple[float, float]


def read(
    folder: str | Path,
    annotations: str | Path | None = None,
    *,
    least_frames: int = 0,
    variant: str = "gym99",
    subset: str | None = None,
) -> ImportList:
    """The elements of FineGym; labels are the names of the category file.

    Args:
        folder: folder of videos, searched at any depth: cut elements `<element>.mp4`, events
            `<video>_E_<start>_<end>.mp4` or whole videos `<video>.mp4`, the first that is there.
        annotations: folder of the lists, the categories and (where there) the seconds; None for the folder.
        least_frames: clips with fewer frames are problems; counting them opens every video.
        variant: "gym99" or "gym288".
        subset: one of `SUBSETS`, None for all.

    Without the JSON of seconds, a name's whole seconds are taken, the last one included. Two classes that the
    category file gives one name are told apart by their set.

    Raises:
        DatasetError: a file is absent or malformed.
        ValueError: the variant or subset is unknown.
    """
    if variant not in VARIANTS or subset not in (None, *SUBSETS):
        raise ValueError(
            f"{variant!r}, {subset!r}: known are {', '.join(VARIANTS)}; {', '.join(SUBSETS)} or None"
        )
    root = Path(folder if annotations is None else annotations)
    names = {category.label: category for category in categories(_categories_file(root, variant))}
    chosen = (
        set(names) if subset is None else {n for n, known in names.items() if known.set in SUBSETS[subset]}
    )
    seconds = _read_seconds(root)
    entries = [
        entry
        for path, split in _lists(root, variant)
        for entry in _entries(path, split, names, chosen, seconds)
    ]
    return list_clips(folder, entries, least_frames)


def categories(file: str | Path) -> tuple[Category, ...]:
    """Classes of a category file, in its order; names are unique.

    Raises:
        DatasetError: a line is malformed, or a number is given twice.
    """
    found = []
    for line, text in read_lines(Path(file)):
        match = _CATEGORY.fullmatch(text)
        if match is None:
            raise DatasetError(
                f"{file} line {line}: {text[:60]!r} is not `Clabel: 0; set: 1; Glabel: 1; (VT) name`. "
                "Download the file again."
            )
        event = _EVENT.match(match[4])
        number, group, element = (int(match[place]) for place in (1, 2, 3))
        found.append(Category(number, group, element, event[1] if event else "", match[4].strip()))
    twice = [number for number, count in Counter(category.label for category in found).items() if count > 1]
    if twice or not found:
        raise DatasetError(
            f"{file} has {f'class {twice[0]} twice' if twice else 'no class'}. Download it again."
        )
    return _told_apart(found)


def element(name: str) -> Element:
    """The parts of an element's name; seconds are whole and the last one is included.

    Raises:
        ValueError: it is no such name.
    """
    match = _ELEMENT.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not like A0xAXXysHUo_E_002184_002237_A_0035_0036")
    event = float(match[3]), float(match[4])
    action = float(match[6]), float(match[7]) + 1
    return Element(match["video"], match["event"], match["action"], event, action)


def write(
    clips: Iterable[ListedClip],
    target: str | Path,
    *,
    variant: str = "gym99",
    known: Sequence[Category] | None = None,
) -> None:
    """Write `<variant>_train_element_v1.1.txt`, `<variant>_val_element.txt` and `<variant>_categories.txt`.

    Args:
        clips: labelled clips with a split, whose keys are names of elements.
        target: folder of the files.
        variant: "gym99" or "gym288".
        known: classes with their numbers, None for the labels in order of the alphabet.

    Raises:
        DatasetError: a clip has no split or a label that isn't known, or its key is no element's name.
    """
    clips = list(clips)
    if known is None:
        labels = sorted({clip.label or "" for clip in clips})
        known = [Category(number, 0, number, "", label) for number, label in enumerate(labels)]
    numbers = {category.name: category.label for category in known}
    lines: dict[str, list[str]] = {"train": [], "test": []}
    for clip in clips:
        if (
            clip.split not in lines
            or not clip.label
            or clip.label not in numbers
            or not _is_element(clip.key)
        ):
            raise DatasetError(
                f"{clip.key} can't be written as FineGym: it needs an element's name, a split, a known label "
                f"(has {clip.split}, {clip.label}). Leave it out."
            )
        lines[clip.split].append(f"{clip.key} {numbers[clip.label]}\n")
    root = Path(target)
    write_text(root / f"{variant}_train_element_v1.1.txt", "".join(lines["train"]))
    write_text(root / f"{variant}_val_element.txt", "".join(lines["test"]))
    rows = (f"Clabel: {c.label:3d}; set: {c.set:2d}; Glabel: {c.element:3d}; {_bare(c)}\n" for c in known)
    write_text(root / f"{variant}_categories.txt", "".join(rows))


def _lists(root: Path, variant: str) -> Iterator[tuple[Path, str]]:
    train = optional_file(root, (f"{variant}_train_element*.txt",))
    test = optional_file(root, (f"{variant}_val_element*.txt",))
    if train is None and test is None:
        raise DatasetError(f"{root} holds no {variant}_train_element_v1.1.txt or {variant}_val_element.txt.")
    yield from ((path, split) for path, split in ((train, "train"), (test, "test")) if path)


def _categories_file(root: Path, variant: str) -> Path:
    return only_file(root, (f"{variant}_categories*.txt",), f"category file of {variant}")


def _read_seconds(root: Path) -> Mapping[str, Any]:
    path = optional_file(root, ("finegym_annotation_info*.json",))
    content = {} if path is None else read_json(path)
    if not isinstance(content, dict):
        raise DatasetError(f"{path} is not an object of videos. Download it again.")
    return content


def _entries(
    path: Path, split: str, names: Mapping[int, Category], chosen: set[int], seconds: Mapping[str, Any]
) -> Iterator[Entry]:
    for line, text in read_lines(path):
        key, _, number = text.rpartition(" ")
        if not number.isdecimal() or not _is_element(key.strip()):
            raise DatasetError(
                f"{path} line {line}: {text[:80]!r} is not `<element> <class number>`. "
                "Download the file again."
            )
        if int(number) not in names:
            problem = f"class {number} is not in the category file; give the categories of the same variant"
            yield Entry(path.name, line, key.strip(), (), problem=problem)
        elif int(number) in chosen:
            yield _entry(path.name, line, key.strip(), names[int(number)].name, split, seconds)


def _entry(source: str, line: int, key: str, label: str, split: str, seconds: Mapping[str, Any]) -> Entry:
    try:
        part = _exact(element(key), seconds)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return Entry(
            source, line, key, (), problem="its seconds in the annotation JSON are malformed; correct them"
        )
    (event, _), (start, end) = part.event_seconds, part.action_seconds
    if not 0 <= start < end:
        return Entry(
            source, line, key, (), problem=f"it starts at {start:g} s and ends at {end:g} s; correct it"
        )
    event_place = Place(f"{part.video}_{part.event}", start, end)
    return Entry(
        source,
        line,
        key,
        (Place(key), event_place, Place(part.video, event + start, event + end)),
        label,
        split,
    )


def _exact(part: Element, seconds: Mapping[str, Any]) -> Element:
    """The element with the seconds of the JSON, or as it is where the JSON doesn't have it."""
    event = seconds.get(part.video, {}).get(part.event)
    if event is None:
        return part
    (start, end), *_ = event["timestamps"]
    action = (event.get("segments") or {}).get(part.action)
    event_seconds = float(start), float(end)
    if action is None:
        return Element(part.video, part.event, part.action, event_seconds, part.action_seconds)
    stages = action["timestamps"]
    action_seconds = float(stages[0][0]), float(stages[-1][1])
    return Element(part.video, part.event, part.action, event_seconds, action_seconds)


def _is_element(name: str) -> bool:
    return _ELEMENT.fullmatch(name) is not None


def _told_apart(found: Sequence[Category]) -> tuple[Category, ...]:
    """Classes of one name get their set's name behind it, and their number where the set is the same too."""
    names = Counter(category.name for category in found)
    places = Counter((category.name, category.set) for category in found)

    def unique(category: Category) -> Category:
        if names[category.name] == 1:
            return category
        alone = places[category.name, category.set] == 1
        return category._replace(name=category.name + _marks(category)[0 if alone else 1])

    return tuple(unique(category) for category in found)


def _marks(category: Category) -> tuple[str, str]:
    """What may stand behind the name of a class that shares it: the set, or the set and the element."""
    place = SETS.get(category.set, f"set {category.set}")
    return f" [{place}]", f" [{place}, element {category.element}]"


def _bare(category: Category) -> str:
    """The name as the category file has it."""
    for mark in _marks(category):
        if category.name.endswith(mark):
            return category.name.removesuffix(mark)
    return category.name
