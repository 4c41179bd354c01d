"""PennAction (Zhang et al., ICCV 2013): 2,326 clips of 15 sports actions, each as a folder of pictures.

`labels/0001.mat` holds `action`, `pose` (the viewpoint), `nframes`, `train` (1 for train, -1 for test), the
joints `x`, `y`, `visibility` (nframes, 13); the frames are `frames/0001/000001.jpg` and on.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from finepseudo_core.datasets.formats.listing import ImportList, ListedClip
from finepseudo_core.datasets.formats.mat_file import read_mat, write_mat
from finepseudo_core.datasets.formats.videos import Entry, Place, list_clips
from finepseudo_core.errors import DatasetError


class Joints(NamedTuple):
    """Thirteen joints in pixels: x, y and visibility, each (T, 13), and the viewpoint, such as "left"."""

    x: np.ndarray
    y: np.ndarray
    visibility: np.ndarray
    viewpoint: str


def read(folder: str | Path, annotations: str | Path | None = None, *, least_frames: int = 0) -> ImportList:
    """The clips of PennAction; keys are their numbers, "0001" and on, labels their actions.

    Args:
        folder: folder of videos `0001.mp4`, searched at any depth. Clips that lie there as folders of
            pictures, as the dataset comes, are told as problems: `frame_folders` turns them into videos.
        annotations: folder of the `.mat` files, or the one that holds `labels/`; None for the same folder.
        least_frames: clips with fewer frames, by the label or in the video, are problems.

    Raises:
        DatasetError: there are no labels, or one is malformed.
    """
    root = Path(folder if annotations is None else annotations)
    return list_clips(folder, _entries(root), least_frames)


def joints(label: str | Path) -> Joints:
    """The joints of one clip's label file.

    Raises:
        DatasetError: it is malformed.
    """
    content = read_mat(label)
    arrays = [content.get(name) for name in ("x", "y", "visibility")]
    viewpoint = content.get("pose", "")
    x, y, visibility = (array if isinstance(array, np.ndarray) else None for array in arrays)
    if x is None or y is None or visibility is None or not isinstance(viewpoint, str):
        raise DatasetError(f"{label} lacks x, y or visibility. Download it again.")
    return Joints(x, y, visibility, viewpoint)


def write(
    clips: Iterable[ListedClip], target: str | Path, *, joints_of: Mapping[str, Joints] | None = None
) -> None:
    """Write `labels/<key>.mat` for every clip into a folder.

    Args:
        clips: labelled clips with a split and `frames`.
        target: folder that gets `labels`.
        joints_of: joints by the clip's key, left out where there are none.

    Raises:
        DatasetError: a clip has no label, split or frames, or its key is no file name.
    """
    for clip in clips:
        if not clip.label or clip.split is None or clip.frames is None or Path(clip.key).name != clip.key:
            raise DatasetError(
                f"{clip.key} can't be written as PennAction: it needs a label, a split, frames, a plain key "
                f"(has {clip.label}, {clip.split}, {clip.frames}). Leave it out."
            )
        variables: dict[str, np.ndarray | float | str] = {
            "action": clip.label,
            "train": 1.0 if clip.split == "train" else -1.0,
            "nframes": float(clip.frames[1] - clip.frames[0]),
        }
        found = (joints_of or {}).get(clip.key)
        if found is not None:
            variables |= {"pose": found.viewpoint, "x": found.x, "y": found.y, "visibility": found.visibility}
        write_mat(Path(target) / "labels" / f"{clip.key}.mat", variables)


def _entries(root: Path) -> Iterator[Entry]:
    labels = root / "labels" if (root / "labels").is_dir() else root
    files = sorted(path for path in labels.glob("*.mat") if path.is_file())
    if not files:
        raise DatasetError(f"{labels} holds no .mat files. Give the folder that holds PennAction's `labels`.")
    for number, path in enumerate(files, start=1):
        yield _entry(number, path)


def _entry(number: int, path: Path) -> Entry:
    content = read_mat(path)
    action, frames, train = content.get("action"), _number(content, "nframes"), _number(content, "train")
    if not isinstance(action, str) or not action or frames is None:
        raise DatasetError(
            f"{path} lacks `action` or `nframes` (found: {', '.join(content)}). Download it again."
        )
    split = None if train is None else "train" if train > 0 else "test"
    return Entry(path.name, number, path.stem, (Place(path.stem),), action, split, (0, int(frames)))


def _number(content: Mapping[str, np.ndarray | str], name: str) -> float | None:
    value = content.get(name)
    return float(value.flat[0]) if isinstance(value, np.ndarray) and value.size == 1 else None
