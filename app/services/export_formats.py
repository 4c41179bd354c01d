"""Labels go out as the files of a public dataset, with what those can't hold told beforehand."""

import io
import re
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from app.services import export
from app.services.import_formats import dive_code
from app.services.studio import Studio
from finepseudo_core.datasets.formats import annotation_format
from finepseudo_core.datasets.formats.listing import VIDEO_EXTENSIONS, ListedClip

ELEMENT = re.compile(r".+_E_\d+_\d+_A_\d+_\d+")


@dataclass(frozen=True)
class DatasetFiles:
    """What goes out in a format.

    Args:
        content: the files, zipped; empty where no clip fits.
        clips: clips in them.
        left_out: (clip, why the format can't hold it).
    """

    content: bytes
    clips: int
    left_out: tuple[tuple[str, str], ...]


NAMES = {
    "diving48": "Diving48 V2 (JSON)",
    "finegym99": "FineGym99 (lists)",
    "finegym288": "FineGym288 (lists)",
}
CAN_NOT_HOLD = {
    "diving48": "Holds video, class and frames; not who decided, when, and how sure. One clip of a video, "
    "counted in frames of the project's own copy.",
    "finegym99": "Holds elements named as FineGym names them, with their class; not who decided, when, and "
    "how sure. Class numbers follow the alphabet, not FineGym's own list.",
}
CAN_NOT_HOLD["finegym288"] = CAN_NOT_HOLD["finegym99"]


def dataset_files(studio: Studio, name: str) -> DatasetFiles:
    """The labels that `export.rows` gives, in a format of `NAMES`.

    Raises:
        KeyError: there is no such format.
    """
    fitting = {"diving48": _dives, "finegym99": _elements, "finegym288": _elements}[name]
    clips, left_out = fitting(export.labelled_clips(studio))
    if not clips:
        return DatasetFiles(b"", 0, tuple(left_out))
    options: dict[str, Any] = {} if name == "diving48" else {"variant": name.replace("fine", "")}
    with tempfile.TemporaryDirectory() as folder:
        annotation_format("diving48" if name == "diving48" else "finegym").write(clips, folder, **options)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(Path(folder).iterdir()):
                archive.write(path, path.name)
    return DatasetFiles(packed.getvalue(), len(clips), tuple(left_out))


def video_name(key: str) -> str:
    """Name of the video a clip lies in, as a list has it: without its ending, and without the seconds."""
    name = key.rpartition("#")[0] or key if re.search(r"#[\d.]*-[\d.]*$", key) else key
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in VIDEO_EXTENSIONS else name


Fitting = tuple[list[ListedClip], list[tuple[str, str]]]


def _dives(found: Sequence[tuple[export.LabelRow, Any]]) -> Fitting:
    clips: dict[str, ListedClip] = {}
    left_out = []
    for row, clip in found:
        name, reason, frames = video_name(row.key), None, (0, clip.frames)
        if row.start is not None or row.end is not None:
            first = round((row.start or 0.0) * clip.fps)
            frames = (first, first + clip.frames)
            if first == 0:
                reason = "it is the beginning of a longer video, which Diving48 would read as all of it"
        if name in clips:
            reason = "another clip of the same video is in the list, and Diving48 holds one of each"
        if reason:
            left_out.append((row.key, reason))
        else:
            label = dive_code(row.label) or row.label
            clips[name] = ListedClip(name, Path(row.source_path), label, row.split, frames=frames)
    return list(clips.values()), left_out


def _elements(found: Sequence[tuple[export.LabelRow, Any]]) -> Fitting:
    clips, left_out = [], []
    for row, _ in found:
        name = video_name(row.key)
        if ELEMENT.fullmatch(name):
            clips.append(ListedClip(name, Path(row.source_path), row.label, row.split))
        else:
            left_out.append((row.key, "its name is not that of a FineGym element, which tells where it lies"))
    return clips, left_out
