"""Phases of clips: where each begins, as a `phases.csv` (the synthetic dives') or FineDiving tells it."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from finepseudo_core.datasets.formats import finediving
from finepseudo_core.datasets.formats.annotation_files import read_text
from finepseudo_core.datasets.formats.listing import ListedClip
from finepseudo_core.errors import DatasetError

COLUMNS = ("path", "phase", "start_frame", "end_frame")
NO_PHASE = ""
LeaveOut = Callable[[str, str], object] | None  # is told key and reason of a clip; None raises instead


@dataclass(frozen=True)
class PhaseAnnotation:
    """The phases of one clip, one after the other.

    Args:
        key: the clip's key.
        names: names in order of time; one may come back, and "" is a stretch without a phase.
        starts: frame of the clip, from 0, with which each begins; the first begins with frame 0.
        frames: number of frames of the clip; the last phase lasts until then.

    Raises:
        DatasetError: there is no phase, or the starts don't ascend from 0 and stay below `frames`.
    """

    key: str
    names: tuple[str, ...]
    starts: tuple[int, ...]
    frames: int

    def __post_init__(self) -> None:
        if not self.sequence:
            raise DatasetError(f"{self.key} has no phases. Annotate it, or leave it out.")
        edges = [*self.starts, self.frames]
        if (
            len(self.names) != len(self.starts)
            or self.starts[0] != 0
            or any(a >= b for a, b in pairwise(edges))
        ):
            raise DatasetError(
                f"{self.key}: phases {self.names} begin at {self.starts} of {self.frames} frames; "
                "the first must begin at 0 and each later than the one before. Correct them."
            )

    @property
    def sequence(self) -> tuple[str, ...]:
        """Names of the phases in order, without stretches that have none."""
        return tuple(name for name in self.names if name != NO_PHASE)

    @property
    def key_events(self) -> tuple[int, ...]:
        """Frames with which a phase begins, the first phase's aside: the transitions of TCC and CARL."""
        begun = [at for name, at in zip(self.names, self.starts, strict=True) if name != NO_PHASE]
        return tuple(begun[1:])

    def labels(self, times: np.ndarray, phases: Sequence[str]) -> np.ndarray:
        """Phase of each frame as its place among `phases`: int (T,), -1 for none of them.

        Args:
            times: frame numbers (T,).
            phases: names, each once.

        Raises:
            ValueError: a frame lies outside the clip.
        """
        if len(times) and not (np.min(times) >= 0 and np.max(times) < self.frames):
            raise ValueError(f"{self.key} has frames 0 to {self.frames - 1}; {np.asarray(times)} were asked.")
        number = {name: place for place, name in enumerate(phases)}
        own = np.array([number.get(name, -1) for name in self.names])
        return own[np.searchsorted(self.starts, times, side="right") - 1]


def read_csv(path: str | Path, *, leave_out: LeaveOut = None) -> dict[str, PhaseAnnotation]:
    """Phases by the clip's key from a CSV `path,phase,start_frame,end_frame`, the end exclusive.

    The rows of a clip may stand in any order. Frames between two rows have no phase; the last row ends with
    the clip, so a row without a phase name is needed where the last phase does not.

    Args:
        path: the CSV; its column `path` holds keys, which in a folder or CSV are paths.
        leave_out: called with key and reason of each clip whose rows make no sense; None raises instead.

    Raises:
        DatasetError: the file can't be read or lacks a column, a frame is no whole number, or phases overlap.
    """
    path = Path(path)
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), restval="")
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise DatasetError(f"{path} has no column {', '.join(missing)}. It needs {','.join(COLUMNS)}.")
    rows: dict[str, list[tuple[int, Mapping[str, str]]]] = {}
    for row in reader:
        rows.setdefault(row["path"].strip(), []).append((reader.line_num, row))
    return _collect(rows, lambda key: _from_rows(path, key, rows[key]), leave_out)


def from_finediving(
    annotations: str | Path, clips: Iterable[ListedClip], *, leave_out: LeaveOut = None
) -> dict[str, PhaseAnnotation]:
    """The steps of FineDiving as phases, for those of the clips that have steps.

    Args:
        annotations: folder of the pickles.
        clips: the dives, as `finediving.read` lists them; their `frames` give the lengths.
        leave_out: called with key and reason of each dive whose steps make no sense; None raises instead.

    Raises:
        DatasetError: the pickle is absent or malformed, or a dive's steps don't fit into its frames.
    """
    return from_steps(finediving.steps(annotations, leave_out=leave_out), clips, leave_out=leave_out)


def from_steps(
    steps: Mapping[str, Sequence[finediving.Step]],
    clips: Iterable[ListedClip],
    *,
    leave_out: LeaveOut = None,
) -> dict[str, PhaseAnnotation]:
    """Steps by the clip's key, and the clips' lengths, as phases; see `from_finediving`."""
    lengths = {
        clip.key: clip.frames[1] - clip.frames[0]
        for clip in clips
        if clip.frames is not None and steps.get(clip.key)
    }

    def phases(key: str) -> PhaseAnnotation:
        names, starts = zip(*steps[key], strict=True)
        return PhaseAnnotation(key, names, starts, lengths[key])

    return _collect(lengths, phases, leave_out)


def _collect(
    keys: Iterable[str], phases: Callable[[str], PhaseAnnotation], leave_out: LeaveOut
) -> dict[str, PhaseAnnotation]:
    """The phases of every clip that has sound ones; of the others the first raises, or all are told."""
    found = {}
    for key in keys:
        try:
            found[key] = phases(key)
        except DatasetError as error:
            if leave_out is None:
                raise
            leave_out(key, str(error))
    return found


def _from_rows(path: Path, key: str, rows: Iterable[tuple[int, Mapping[str, str]]]) -> PhaseAnnotation:
    stretches = []
    for line, row in rows:
        try:
            stretches.append((int(row["start_frame"]), int(row["end_frame"]), row["phase"].strip()))
        except (TypeError, ValueError) as error:
            raise DatasetError(
                f"{path} line {line}: start {row['start_frame']!r} and end {row['end_frame']!r} "
                "must be whole numbers of frames. Correct them."
            ) from error
    return _from_stretches(path, key, sorted(stretches))


def _from_stretches(path: Path, key: str, rows: Sequence[tuple[int, int, str]]) -> PhaseAnnotation:
    names, starts, behind = [], [], 0
    for start, end, name in rows:
        if not behind <= start < end:
            raise DatasetError(
                f"{path}: {name!r} of {key} lasts from frame {start} to {end}, the phase before it to "
                f"{behind}. Phases must be at least a frame long and not overlap."
            )
        if start > behind:
            names.append(NO_PHASE)
            starts.append(behind)
        names.append(name)
        starts.append(start)
        behind = end
    return PhaseAnnotation(key, tuple(names), tuple(starts), behind)
