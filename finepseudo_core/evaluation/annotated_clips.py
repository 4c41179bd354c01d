"""The clips of a folder whose phases are known, and why the others can't be measured on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finepseudo_core.datasets import label_splits
from finepseudo_core.datasets.dataset import Dataset
from finepseudo_core.datasets.formats.listing import ListedClip
from finepseudo_core.datasets.phase_annotations import (
    LeaveOut,
    PhaseAnnotation,
    from_finediving,
    read_csv,
)
from finepseudo_core.errors import DatasetError
from finepseudo_core.video.progress_line import ProgressLine

PHASES = "phases.csv"
HELD_OUT_SHARE = 0.2


@dataclass(frozen=True)
class AnnotatedClips:
    """Clips with phases.

    Args:
        clips: the clips, each a whole video, by key.
        phases: annotations, at least of these clips.
        left_out: why other clips are not among them, by key.
    """

    clips: tuple[ListedClip, ...]
    phases: dict[str, PhaseAnnotation]
    left_out: dict[str, str]


def read_annotated(data: Dataset) -> AnnotatedClips:
    """The clips of a dataset with their phases.

    Those are what `data.phases` says, or what the annotation itself tells: the steps of FineDiving, or the
    `phases.csv` beside a `labels.csv`.

    Raises:
        DatasetError: the list or the phases can't be read, or the annotation tells none.
        ValueError: there is no such format or part.
    """
    listed = data.read(ProgressLine("clips cut"))
    left_out: dict[str, str] = {}
    found = _phases(data, listed.clips, left_out.setdefault)
    for clip in listed.clips:
        if clip.key not in found:
            left_out.setdefault(clip.key, "it has no phases; annotate it")
    left_out |= {problem.key: problem.reason for problem in listed.problems}
    usable = sorted((clip for clip in listed.clips if clip.key in found), key=lambda clip: clip.key)
    return AnnotatedClips(tuple(usable), found, left_out)


def held_out(clips: Sequence[ListedClip], seed: int) -> frozenset[str]:
    """Keys of the clips to measure on: those of the split "test", else a fifth of all by the seed."""
    test = frozenset(clip.key for clip in clips if clip.split == "test")
    return test or label_splits.hold_out({clip.key: clip.key for clip in clips}, HELD_OUT_SHARE, seed)


def check_annotated(found: AnnotatedClips, folder: Path, seed: int = 0) -> None:
    """Phases can be measured on these clips; said before anything is learnt for it.

    Raises:
        DatasetError: too few clips have phases, or they show one phase only.
    """
    if not found.clips:
        reasons = "; ".join(sorted(set(found.left_out.values()))[:3])
        raise DatasetError(f"{folder} has no clip to measure on ({reasons or 'it holds none'}).")
    tested = held_out(found.clips, seed) if len(found.clips) > 1 else ()
    if len(tested) < 2 or len(tested) == len(found.clips):
        raise DatasetError(
            f"{len(found.clips)} clips of {folder} have phases, {len(tested)} of them held out; phases need "
            "one to learn from and two held out at least. Annotate more clips, or hold out others."
        )
    if len({name for clip in found.clips for name in found.phases[clip.key].sequence}) < 2:
        raise DatasetError(f"the clips of {folder} show one phase only; annotate clips with two or more.")


def _phases(data: Dataset, clips: Sequence[ListedClip], leave_out: LeaveOut) -> dict[str, PhaseAnnotation]:
    place = data.annotations or data.folder
    if data.phases is not None:
        return read_csv(data.phases, leave_out=leave_out)
    if data.format == "finediving":
        return from_finediving(place, clips, leave_out=leave_out)
    if data.format == "csv_folder":
        return read_csv((place if place.is_dir() else place.parent) / PHASES, leave_out=leave_out)
    raise DatasetError(
        f"the annotation {data.format} tells no phases. Give them by --phases, as a CSV "
        "path,phase,start_frame,end_frame whose paths are the clips' keys."
    )
