"""FineDiving (Xu et al., CVPR 2022): dives with their steps, in pickles of dicts by (video, instance).

The coarse one holds `action_type, start_frame, end_frame` (both frames inside the dive), the fine-grained one
`action_type, sub-action_types {id: name}, frames_labels` (an id for each frame), `steps_transit_frames`.
`train_split.pkl` and `test_split.pkl` list the keys. The pickles are read by `restricted_pickle` only.
"""

import io
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from finepseudo_core.datasets.formats.annotation_files import optional_file, write_bytes
from finepseudo_core.datasets.formats.listing import ImportList, ListedClip
from finepseudo_core.datasets.formats.restricted_pickle import read_plain
from finepseudo_core.datasets.formats.videos import Entry, Place, list_clips
from finepseudo_core.errors import DatasetError

COARSE, FINE = "FineDiving_coarse_annotation.pkl", "FineDiving_fine-grained_annotation.pkl"
SPLIT_FILES = {"train": "train_split.pkl", "test": "test_split.pkl"}
Key = tuple[str, int]


class Step(NamedTuple):
    """A phase of a dive, and the frame of the clip, from 0, with which it begins."""

    name: str
    start: int


def read(folder: str | Path, annotations: str | Path | None = None, *, least_frames: int = 0) -> ImportList:
    """The dives of FineDiving; keys are `video/instance`, labels are action types such as "107B".

    Args:
        folder: folder of videos, searched at any depth: `<video>/<instance>.mp4`, `<video>_<instance>.mp4`,
            or whole competitions `<video>.mp4`, out of which the coarse annotation's frames are cut. Dives
            that lie there as folders of pictures are told as problems.
        annotations: folder of the pickles, None for the same folder. The coarse or the fine-grained one must
            be there; without a split file the dives have no split.
        least_frames: clips with fewer frames are problems.

    Raises:
        DatasetError: a pickle is absent, malformed, or asks for more than plain values and arrays.
    """
    root = Path(folder if annotations is None else annotations)
    coarse, fine = _read_dives(root, COARSE), _read_dives(root, FINE)
    if not coarse and not fine:
        raise DatasetError(f"{root} holds no {COARSE} or {FINE} with dives. Put them there.")
    splits = _read_splits(root)
    entries = (
        _entry(place, key, coarse.get(key, {}), fine.get(key, {}), splits.get(key))
        for place, key in enumerate(sorted(coarse.keys() | fine.keys()), start=1)
    )
    return list_clips(folder, entries, least_frames)


def steps(
    annotations: str | Path, *, leave_out: Callable[[str, str], object] | None = None
) -> dict[str, tuple[Step, ...]]:
    """The steps of every dive of the fine-grained annotation, by the clip's key, in order of time.

    A step whose id has no name is called "step <id>".

    Args:
        annotations: folder of the pickles.
        leave_out: called with key and reason of each dive whose steps are malformed; None raises instead.

    Raises:
        DatasetError: the pickle is absent or malformed.
    """
    root = Path(annotations)
    dives = _read_dives(root, FINE)
    if not dives:
        raise DatasetError(f"{root} holds no {FINE} with dives. Put it there.")
    coarse = _read_dives(root, COARSE)
    found = {}
    for key, dive in dives.items():
        try:
            found[_name(key)] = _steps(key, dive, coarse.get(key, {}))
        except DatasetError as error:
            if leave_out is None:
                raise
            leave_out(_name(key), str(error))
    return found


def write(
    clips: Iterable[ListedClip],
    target: str | Path,
    *,
    steps_of: Mapping[str, Sequence[Step]] | None = None,
) -> None:
    """Write both annotations and the two splits, without scores and difficulties, which no list holds.

    Args:
        clips: labelled clips whose keys are `video/instance`.
        target: folder of the pickles.
        steps_of: steps by the clip's key; they need the clip's `frames`.

    Raises:
        DatasetError: a clip has no label, its key is another, or it has steps but no frames.
    """
    coarse: dict[Key, dict[str, Any]] = {}
    fine: dict[Key, dict[str, Any]] = {}
    splits: dict[str, list[Key]] = {split: [] for split in SPLIT_FILES}
    for clip in clips:
        key = _key_of(clip)
        coarse[key] = {"action_type": clip.label}
        if clip.frames is not None:
            coarse[key] |= {"start_frame": clip.frames[0], "end_frame": clip.frames[1] - 1}
        fine[key] = {"action_type": clip.label, **_written_steps(clip, (steps_of or {}).get(clip.key, ()))}
        if clip.split is not None:
            splits[clip.split].append(key)
    contents = {COARSE: coarse, FINE: fine, **{SPLIT_FILES[split]: keys for split, keys in splits.items()}}
    for name, content in contents.items():
        buffer = io.BytesIO()
        pickle.dump(content, buffer, protocol=4)
        write_bytes(Path(target) / name, buffer.getvalue())


def _read_dives(root: Path, name: str) -> dict[Key, Mapping[str, Any]]:
    path = optional_file(root, (name,))
    if path is None:
        return {}
    content = read_plain(path)
    if not isinstance(content, dict):
        raise DatasetError(f"{path} holds no dict of dives. Give the annotation of FineDiving.")
    dives: dict[Key, Mapping[str, Any]] = {}
    for key, dive in content.items():
        if not isinstance(dive, dict) or not isinstance(dive.get("action_type"), str):
            raise DatasetError(f"{path}: dive {key!r} has no `action_type`. Download the file again.")
        dives[_key(path, key)] = dive
    return dives


def _read_splits(root: Path) -> dict[Key, str]:
    splits: dict[Key, str] = {}
    for split, name in SPLIT_FILES.items():
        path = optional_file(root, (name,))
        content = [] if path is None else read_plain(path)
        if not isinstance(content, (list, tuple, set, frozenset)):
            raise DatasetError(f"{path} holds no list of dives. Download it again.")
        splits |= {_key(root / name, key): split for key in content}
    return splits


def _key(path: Path, key: object) -> Key:
    if isinstance(key, (tuple, list)) and len(key) == 2 and isinstance(key[0], str):
        try:
            return key[0], int(key[1])
        except (TypeError, ValueError):
            pass
    raise DatasetError(f"{path}: {key!r} is not a pair of video and instance. Download the file again."[:300])


def _name(key: Key) -> str:
    return f"{key[0]}/{key[1]}"


def _key_of(clip: ListedClip) -> Key:
    video, _, instance = clip.key.rpartition("/")
    if not video or not instance.isdecimal() or not clip.label or clip.split not in (None, *SPLIT_FILES):
        raise DatasetError(
            f"{clip.key} can't be written as FineDiving: it needs a label and a key `video/instance`. "
            "Leave it out."
        )
    return video, int(instance)


def _entry(
    place: int, key: Key, coarse: Mapping[str, Any], fine: Mapping[str, Any], split: str | None
) -> Entry:
    source = COARSE if coarse else FINE
    label = (coarse or fine)["action_type"]
    try:
        frames = _frames(coarse, fine)
    except (TypeError, ValueError):
        return Entry(source, place, _name(key), (), problem="its start and end are no frames; correct them")
    places = [Place(_name(key)), Place(f"{key[0]}_{key[1]}")]
    if "start_frame" in coarse:
        places.append(Place(key[0], frames=frames))
    return Entry(source, place, _name(key), tuple(places), label, split, frames)


def _frames(coarse: Mapping[str, Any], fine: Mapping[str, Any]) -> tuple[int, int] | None:
    """First frame in the competition and the frame behind the last; from 0 where only the labels tell."""
    if "start_frame" in coarse and "end_frame" in coarse:
        return int(coarse["start_frame"]), int(coarse["end_frame"]) + 1
    labels = fine.get("frames_labels")
    return None if labels is None else (0, len(labels))


def _steps(key: Key, dive: Mapping[str, Any], coarse: Mapping[str, Any]) -> tuple[Step, ...]:
    try:
        names = dict(dive.get("sub-action_types") or {})
        if dive.get("frames_labels"):
            labels = [int(label) for label in dive["frames_labels"]]
            starts = [0, *(place for place, (a, b) in enumerate(pairwise(labels), start=1) if a != b)]
            return tuple(Step(str(names.get(labels[at], f"step {labels[at]}")), at) for at in starts)
        first = int(coarse.get("start_frame", 0))
        turns = [int(frame) for frame in dive.get("steps_transit_frames") or ()]
        starts = [0, *(frame - first if frame >= first else frame for frame in turns)]
        ordered = list(names.values())
        return tuple(
            Step(str(ordered[at]) if at < len(ordered) else f"step {at}", start)
            for at, start in enumerate(starts)
        )
    except (TypeError, ValueError) as error:
        raise DatasetError(
            f"{FINE}: the steps of {_name(key)} are malformed ({error}). Correct them."
        ) from error


def _written_steps(clip: ListedClip, found: Sequence[Step]) -> dict[str, Any]:
    if not found:
        return {}
    if clip.frames is None:
        raise DatasetError(f"{clip.key} has steps but no frames; FineDiving needs both. Leave its steps out.")
    names = list(dict.fromkeys(step.name for step in found))
    ends = [step.start for step in found[1:]] + [clip.frames[1] - clip.frames[0]]
    labels = list(_labels(found, ends, names))
    return {
        "sub-action_types": dict(enumerate(names)),
        "frames_labels": np.array(labels),
        "steps_transit_frames": np.array([float(step.start + clip.frames[0]) for step in found[1:]]),
    }


def _labels(found: Sequence[Step], ends: Sequence[int], names: Sequence[str]) -> Iterator[int]:
    for step, end in zip(found, ends, strict=True):
        yield from [names.index(step.name)] * (end - step.start)
