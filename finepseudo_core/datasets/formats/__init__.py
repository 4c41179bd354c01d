"""Annotation formats. Each is a module with `read(folder, annotations)` and `write(clips, target)`.

`FORMATS` names them with a line of help each; `annotation_format` loads the one that is asked for, so that
offering a choice loads none of them. `NAME:PART` is a format with a part of its classes: `finegym288:VT`, or
`ssv2:FILE` for the class names or ids that a file lists.
"""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from finepseudo_core.datasets.formats.listing import ImportList, ListedClip

FORMATS = {
    "csv_folder": "a folder of clips, with a CSV path,label[,split,start,end] or a folder per class",
    "diving48": "Diving48 V2: Diving48_V2_train.json, Diving48_V2_test.json, Diving48_vocab.json",
    "finegym": "FineGym99: element lists, categories, seconds; parts VT, FX, UB-S1, FX-S1",
    "finegym99": "the same",
    "finegym288": "FineGym288, with the same parts",
    "finediving": "FineDiving: coarse and fine-grained pickles, read without running what they name",
    "kinetics": "Kinetics: label,youtube_id,time_start,time_end,split, or a list of paths and class numbers",
    "ssv2": "Something-Something V2: train.json, validation.json, labels.json; a part is a file of classes",
    "penn_action": "PennAction: labels/*.mat, with its frames turned into videos",
}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {  # name -> module and what it is asked for
    "finegym99": ("finegym", {"variant": "gym99"}),
    "finegym288": ("finegym", {"variant": "gym288"}),
}
PARTS = {"finegym": "subset", "ssv2": "only"}  # module -> keyword of its `read` that takes a part
LABELS = "labels.csv"


class AnnotationFormat(Protocol):
    """What every format's module has; each takes further keywords of its own."""

    def read(
        self, folder: str | Path, annotations: str | Path | None = None, /, *, least_frames: int = 0
    ) -> ImportList:
        """The clips of the folder that the annotation lists."""

    def write(self, clips: Iterable[ListedClip], target: str | Path, /) -> None:
        """The clips as an annotation of this format."""


def annotation_format(name: str) -> AnnotationFormat:
    """The format's module.

    Raises:
        ValueError: there is none of this name.
    """
    return cast(AnnotationFormat, import_module(f"{__name__}.{_module(name)}"))


def check_name(name: str) -> str:
    """The name of a format as it is, with or without a part.

    Raises:
        ValueError: there is no such format, or it has no parts.
    """
    base, colon, part = name.partition(":")
    module = _module(base)
    if colon and (module not in PARTS or not part):
        known = ", ".join(name for name in FORMATS if _module(name) in PARTS)
        raise ValueError(f"{name!r}: NAME:PART is a format with a part of its classes; {known} have some")
    return name


def read_format(
    folder: Path, name: str, annotations: Path | None = None, *, least_frames: int = 0
) -> ImportList:
    """The clips of a folder by `NAME` or `NAME:PART`.

    Args:
        folder: folder of the videos.
        name: a key of `FORMATS`, with `:PART` for some of its classes.
        annotations: as the format's `read` takes it.
        least_frames: clips with fewer frames are problems; 0 opens no video.

    Raises:
        DatasetError: a file is absent or malformed.
        ValueError: there is no such format or part.
    """
    base, _, part = check_name(name).partition(":")
    module, options = _module(base), dict(VARIANTS.get(base, ("", {}))[1])
    if part:
        options[PARTS[module]] = part
    read: Any = annotation_format(base).read  # the protocol has no keywords of single formats
    return cast(ImportList, read(folder, annotations, least_frames=least_frames, **options))


def read_listed(
    source: Path, name: str, annotations: Path | None = None, *, least_frames: int = 0
) -> ImportList:
    """The clips of a folder by an annotation of any format, or those of one CSV and the folder it lies in.

    Args:
        source: folder of clips; with csv_folder also its CSV.
        name: as for `read_format`.
        annotations: where the annotation is; None for the folder. Of csv_folder the CSV, or its folder.
        least_frames: as for `read_format`.

    Raises:
        DatasetError: a file is absent or malformed.
        ValueError: there is no such format or part.
    """
    if name == "csv_folder" and source.is_file():
        source, annotations = source.parent, source
    elif name == "csv_folder":
        place = annotations or source
        annotations = place if not place.is_dir() else place / LABELS if (place / LABELS).is_file() else None
    return read_format(source, name, annotations, least_frames=least_frames)


def _module(name: str) -> str:
    if name not in FORMATS:
        raise ValueError(f"there is no format {name!r}; there are {', '.join(FORMATS)}")
    return VARIANTS.get(name, (name, {}))[0]
