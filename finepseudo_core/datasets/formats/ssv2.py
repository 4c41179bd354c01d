"""Something-Something V2 (Goyal et al., ICCV 2017): 174 templates such as "Putting [something] on a surface".

`train.json` and `validation.json` (with `something-something-v2-` before it, or not) are lists of
`{"id", "label", "template", "placeholders"}`; `test.json` has only ids. `labels.json` maps each template,
without brackets, to its number. Videos are `<id>.webm`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from finepseudo_core.datasets.formats.annotation_files import (
    json_text,
    kind,
    optional_file,
    read_entries,
    read_json,
    read_lines,
    text_field,
    write_text,
)
from finepseudo_core.datasets.formats.listing import ImportList, ListedClip
from finepseudo_core.datasets.formats.videos import Entry, Place, list_clips
from finepseudo_core.errors import DatasetError

LISTS = {"train": ("*train*.json",), "test": ("*validation*.json", "*val*.json")}
LABELS = ("*labels.json", "s*v2*label_map*.txt", "label_map.txt")


def read(
    folder: str | Path,
    annotations: str | Path | None = None,
    *,
    least_frames: int = 0,
    only: Collection[str] | str | None = None,
) -> ImportList:
    """The videos of Something-Something V2; labels are templates without their brackets.

    Args:
        folder: folder of videos, searched at any depth.
        annotations: folder of the JSON files, None for the same folder; or one of the lists, whose class
            names lie beside it. The validation list becomes the split "test", as in all published figures.
        least_frames: clips with fewer frames are problems; counting them opens every video.
        only: ids or class names to keep, for a subset such as the 87 classes of Mini-Something-V2 that
            FinePseudo reports on, or a file that lists them, one a line; None for all.

    Raises:
        DatasetError: a file is absent or malformed, or the file of classes names nothing that is there.
    """
    place = Path(folder if annotations is None else annotations)
    root = place.parent if place.is_file() else place
    labels = optional_file(root, LABELS)
    known = None if labels is None else set(classes(labels))
    kept = {class_name(text) for _, text in read_lines(Path(only))} if isinstance(only, str) else only
    entries = [
        entry
        for path, split in _lists(place)
        for entry in _entries(path, split, known)
        if kept is None or entry.key in kept or entry.label in kept
    ]
    if isinstance(only, str) and not entries:
        raise DatasetError(
            f"{only} names no class or id of {place}; give one a line, as the lists have them."
        )
    return list_clips(folder, entries, least_frames)


def classes(labels: str | Path) -> tuple[str, ...]:
    """Class names in the order of their numbers, from `labels.json` or from a list of names.

    Raises:
        DatasetError: the file is malformed.
    """
    path = Path(labels)
    if path.suffix.lower() != ".json":
        return tuple(class_name(text) for _, text in read_lines(path))
    content = read_json(path)
    if not isinstance(content, dict):
        raise DatasetError(f"{path} holds {kind(content)}, not an object of classes. Give labels.json.")
    try:
        numbers = {class_name(name): int(number) for name, number in content.items()}
    except (TypeError, ValueError):
        raise DatasetError(
            f"{path}: each class needs a whole number, as in labels.json. Correct it."
        ) from None
    if sorted(numbers.values()) != list(range(len(content))):
        raise DatasetError(
            f"{path}: the numbers of the {len(content)} classes aren't 0 to {len(content) - 1}."
        )
    return tuple(sorted(numbers, key=lambda name: numbers[name]))


def class_name(template: str) -> str:
    """A template without brackets: "Putting something on a surface"."""
    return template.replace("[", "").replace("]", "").strip()


def placeholders(annotation: str | Path) -> dict[str, tuple[str, ...]]:
    """What the somethings of each video are, by its id.

    Raises:
        DatasetError: the list is malformed.
    """
    path = Path(annotation)
    found = {}
    for place, row in read_entries(path):
        values = row.get("placeholders") or []
        if not isinstance(values, list):
            raise DatasetError(
                f"{path}, entry {place}: `placeholders` is {kind(values)}, not a list. Correct it."
            )
        found[_id(row, f"{path}, entry {place}")] = tuple(str(value) for value in values)
    return found


def write(
    clips: Iterable[ListedClip],
    target: str | Path,
    *,
    class_names: Sequence[str] | None = None,
    placeholders_of: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write `something-something-v2-{train,validation,labels}.json` into a folder.

    Each word "something" gets its brackets back; longer ones ("[something similar to ...]") get short ones,
    which names the same class. The sentence in `label` is the class name, filled in by what is given.

    Args:
        clips: labelled clips with a split; the id is their key.
        target: the folder.
        class_names: classes in the order of their numbers, None for the labels in order of the alphabet.
        placeholders_of: by the clip's key.

    Raises:
        DatasetError: a clip has no label or split, or its label isn't a class.
    """
    clips = list(clips)
    names = list(class_names) if class_names is not None else sorted({clip.label or "" for clip in clips})
    rows: dict[str, list[dict[str, object]]] = {"train": [], "test": []}
    for clip in clips:
        if clip.split not in rows or not clip.label or clip.label not in names:
            raise DatasetError(
                f"{clip.key} can't be written as Something-Something: it needs a split and a known label "
                f"(has {clip.split}, {clip.label}). Leave it out."
            )
        rows[clip.split].append(_row(clip.key, clip.label, (placeholders_of or {}).get(clip.key, ())))
    root = Path(target)
    write_text(root / "something-something-v2-train.json", json_text(rows["train"]))
    write_text(root / "something-something-v2-validation.json", json_text(rows["test"]))
    labels = {name: str(number) for number, name in enumerate(names)}
    write_text(root / "something-something-v2-labels.json", json_text(labels))


def _lists(place: Path) -> Iterator[tuple[Path, str | None]]:
    if place.is_file():
        name = place.name.lower()
        yield place, "train" if "train" in name else "test" if "val" in name or "test" in name else None
        return
    found = [(optional_file(place, patterns), split) for split, patterns in LISTS.items()]
    if not any(path for path, _ in found):
        raise DatasetError(
            f"{place} holds no train.json or validation.json of Something-Something. Put them there."
        )
    yield from ((path, split) for path, split in found if path)


def _entries(path: Path, split: str | None, known: Collection[str] | None) -> Iterator[Entry]:
    for place, row in read_entries(path):
        where = f"{path}, entry {place}"
        key = _id(row, where)
        label = class_name(text_field(row, "template", where)) if "template" in row else None
        problem = None
        if label is not None and known is not None and label not in known:
            problem = f"{label!r} is not one of the {len(known)} classes of the labels file; correct either"
        yield Entry(path.name, place, key, (Place(key),), label, split, problem=problem)


def _id(row: Mapping[str, Any], where: str) -> str:
    value = row.get("id")
    return (
        str(value) if isinstance(value, int) and not isinstance(value, bool) else text_field(row, "id", where)
    )


def _row(key: str, label: str, values: Sequence[str]) -> dict[str, object]:
    words = label.split(" ")
    template = " ".join(_bracketed(word) for word in words)
    sentence, left = [], list(values)
    for word in words:
        filled = bool(left) and word.strip(",.()").lower() == "something"
        sentence.append(word.replace(word.strip(",.()"), left.pop(0)) if filled else word)
    return {"id": key, "label": " ".join(sentence), "template": template, "placeholders": list(values)}


def _bracketed(word: str) -> str:
    core = word.strip(",.()")
    return word.replace(core, f"[{core}]") if core.lower() == "something" else word
