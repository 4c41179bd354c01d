"""How labels may be written: a CSV beside the videos, or the files of a public dataset."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from finepseudo_core.datasets import formats
from finepseudo_core.datasets.formats import read_format
from finepseudo_core.datasets.formats.listing import ImportList

CSV = "csv"
HALF = {"": "", "5": "½"}
POSITIONS = {"FREE": "free", "PIKE": "pike", "TUCK": "tuck", "STR": "straight"}


@dataclass(frozen=True)
class LabelFormat:
    """One way of writing labels: what it is called, what it needs, and the core's reader for it."""

    name: str
    needs: str
    reader: str


FORMATS = {
    CSV: LabelFormat(
        "CSV beside the videos",
        "labels.csv of the folder, or a list that you name: path, label and, if you like, split, start, end; "
        "without a list, the folder a video lies in is its class.",
        "csv_folder",
    ),
    "diving48": LabelFormat(
        "Diving48 V2 (JSON)",
        "Diving48_V2_train.json or _test.json, Diving48_vocab.json, and the videos under their names.",
        "diving48",
    ),
    "finegym99": LabelFormat(
        "FineGym99 (lists)",
        "gym99_train_element_v1.1.txt or gym99_val_element.txt, gym99_categories.txt, and elements, events "
        "or whole videos; the JSON of seconds makes the cuts exact.",
        "finegym99",
    ),
    "finegym288": LabelFormat(
        "FineGym288 (lists)",
        "gym288_train_element_v1.1.txt or gym288_val_element.txt, gym288_categories.txt, and elements, "
        "events or whole videos; the JSON of seconds makes the cuts exact.",
        "finegym288",
    ),
    "finediving": LabelFormat(
        "FineDiving (pickles)",
        "the coarse or the fine-grained annotation and, if there, the train and test split; read without "
        "running anything in them.",
        "finediving",
    ),
    "kinetics": LabelFormat(
        "Kinetics (CSV)", "label, youtube_id, time_start, time_end, split, or a list of paths and numbers.",
        "kinetics",
    ),
    "ssv2": LabelFormat(
        "Something-Something V2 (JSON)", "train.json or validation.json, and labels.json.", "ssv2"
    ),
    "penn_action": LabelFormat(
        "PennAction (labels/*.mat)", "the folder labels, and its frames turned into videos first.",
        "penn_action",
    ),
}  # fmt: skip


def read(folder: Path, labels: Path | None, name: str, *, least_frames: int = 0) -> ImportList:
    """The clips that a folder and its labels name, under names that people can read.

    Args:
        folder: folder of the videos.
        labels: what holds the labels, None for the folder.
        name: a key of `FORMATS`, with `:PART` for some of the classes of FineGym or Something-Something.
        least_frames: clips with fewer frames are problems; 0 opens no video.

    Raises:
        DatasetError: a file is absent or malformed.
        ValueError: there is no such format or part.
    """
    check_name(name)
    base, colon, part = name.partition(":")
    listed = read_format(folder, FORMATS[base].reader + colon + part, labels, least_frames=least_frames)
    if base == CSV:
        return listed
    return replace(
        listed,
        clips=tuple(replace(clip, label=readable(clip.label, base)) for clip in listed.clips),
        problems=tuple(
            replace(row, path=f"{row.path} ({row.source})" if row.source else row.path)
            for row in listed.problems
        ),
    )


def check_name(name: str) -> str:
    """The name of a format as it is, with or without a part.

    Raises:
        ValueError: there is no such format, or it has no parts.
    """
    base, colon, part = name.partition(":")
    if base not in FORMATS:
        raise ValueError(f"There is no format {base!r}; choose one of {', '.join(FORMATS)}.")
    formats.check_name(FORMATS[base].reader + colon + part)
    return name


def readable(label: str | None, name: str) -> str | None:
    """A class as people say it: "Back+15som+05Twis+FREE" is "Back, 1½ somersaults, ½ twist, free"."""
    if label is None or name not in ("diving48", "penn_action"):
        return label
    if name == "penn_action":
        return label.replace("_", " ")
    words = _dive_words(label)
    return words if words is not None and dive_code(words) == label else label


def dive_code(words: str) -> str | None:
    """What Diving48 calls a class named by `readable`, None for any other name."""
    takeoff, *parts = words.split(", ")
    if not takeoff.isalpha() or len(parts) not in (2, 3):
        return None
    turned = _code(parts[0], "som", "somersault")
    somersault = "Dive" if parts[0] == "dive" else turned
    twist = "NoTwis" if len(parts) == 2 else _code(parts[1], "Twis", "twist")
    position = next((code for code, name in POSITIONS.items() if name == parts[-1]), None)
    return f"{takeoff}+{somersault}+{twist}+{position}" if somersault and twist and position else None


def _dive_words(code: str) -> str | None:
    match = re.fullmatch(r"([A-Za-z]+)\+(Dive|\d5?som)\+(NoTwis|\d5?Twis)\+([A-Z]+)", code)
    if match is None or match[4] not in POSITIONS:
        return None
    turns = "dive" if match[2] == "Dive" else _words(match[2], "som", "somersault")
    twists = [] if match[3] == "NoTwis" else [_words(match[3], "Twis", "twist")]
    return ", ".join([match[1], turns, *twists, POSITIONS[match[4]]])


def _words(code: str, ending: str, noun: str) -> str:
    whole, half = code.removesuffix(ending)[0], HALF[code.removesuffix(ending)[1:]]
    number = f"{whole if whole != '0' or not half else ''}{half}"
    return f"{number} {noun}" if number in ("½", "1") else f"{number} {noun}s"


def _code(words: str, ending: str, noun: str) -> str | None:
    match = re.fullmatch(rf"(\d?)(½?) {noun}s?", words)
    if match is None or not (match[1] or match[2]):
        return None
    return f"{match[1] or '0'}{'5' if match[2] else ''}{ending}"
