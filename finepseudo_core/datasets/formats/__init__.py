"""Annotation formats. Each is a module with `read(folder, annotations)` and `write(clips, target)`.

`FORMATS` names them with a line of help each; `annotation_format` loads the one that is asked for, so that
offering a choice loads none of them.
"""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from finepseudo_core.datasets.formats.listing import ImportList, ListedClip
from finepseudo_core.errors import DatasetError

FORMATS = {
    "csv_folder": "a folder of clips, with a CSV path,label[,split,start,end] or a folder per class",
    "diving48": "Diving48 V2: Diving48_V2_train.json, Diving48_V2_test.json, Diving48_vocab.json",
    "finegym": "FineGym99 and FineGym288: element lists, categories, seconds; subsets VT, FX, UB-S1, FX-S1",
    "finediving": "FineDiving: coarse and fine-grained pickles, read without running what they name",
    "kinetics": "Kinetics: label,youtube_id,time_start,time_end,split, or a list of paths and class numbers",
    "ssv2": "Something-Something V2: train.json, validation.json, labels.json",
    "penn_action": "PennAction: labels/*.mat, with its frames turned into videos",
}


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
    if name not in FORMATS:
        raise ValueError(f"there is no format {name!r}; there are {', '.join(FORMATS)}")
    return cast(AnnotationFormat, import_module(f"{__name__}.{name}"))


def read_listed(source: Path, name: str, annotations: Path | None = None) -> ImportList:
    """The clips of a folder by an annotation of any format, or those of one CSV and the folder it lies in.

    Args:
        source: folder of clips; with csv_folder also its CSV.
        name: the format, a key of `FORMATS`.
        annotations: where the annotation is; None for the folder.

    Raises:
        DatasetError: a file is absent or malformed.
        ValueError: there is no such format.
    """
    read = annotation_format(name).read
    if name != "csv_folder":
        return read(source, annotations)
    if source.is_file():
        return read(source.parent, source)
    beside = source / "labels.csv"
    return read(source, annotations or (beside if beside.is_file() else None))


def read_whole(source: Path, name: str, annotations: Path | None = None) -> ImportList:
    """`read_listed` where each clip has to be a whole video.

    Raises:
        DatasetError: as `read_listed`, or a clip is cut from a longer video.
        ValueError: there is no such format.
    """
    found = read_listed(source, name, annotations)
    for clip in found.clips:
        if clip.start is not None or clip.end is not None:
            raise DatasetError(
                f"{clip.key} is a part of a video; cut it out first, or let the studio import it."
            )
    return found
