"""The clips of an experiment: tested ones, labelled ones, and those whose label is to be found."""

import csv
import io
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from finepseudo_core.datasets import label_splits
from finepseudo_core.datasets.dataset import Dataset
from finepseudo_core.datasets.formats import LABELS, csv_folder
from finepseudo_core.datasets.formats.listing import ListedClip, ListedRow
from finepseudo_core.errors import DatasetError
from finepseudo_core.evaluation.open_world import divide_classes, hide_novel
from finepseudo_core.records import ClipRecord
from finepseudo_core.video.progress_line import ProgressLine

TEST_SHARE = 0.2


@dataclass(frozen=True)
class Clips:
    """One division of a dataset."""

    labelled: tuple[ClipRecord, ...]
    unlabelled: tuple[ClipRecord, ...]
    test: tuple[ClipRecord, ...]


def divide(
    data: Dataset, share: float, seed: int, *, hold_out: str | None, validation: bool = False, scratch: Path
) -> Clips:
    """Divide the clips of a dataset that have a class; the others, and missing ones, are told and left out.

    Test clips are the same for every share and seed: whole groups where `hold_out` names a column, a fifth
    of every class else. The label split is written to `scratch` and read again by the next run. Both are
    drawn from all rows of the annotation, so a missing video moves no other clip.

    Args:
        share: share of the training clips of every class that is labelled.
        hold_out: column whose groups (speakers, scenes) are kept for testing as a whole, a fifth of the
            clips; or COLUMN=VALUE, such as split=test, for exactly those clips. Of a CSV any column, of
            another annotation label and split.
        validation: leave the test clips alone, and hold out as many of the others in their place: for
            choosing settings.

    Raises:
        DatasetError: the annotation can't be read, has no such column or value, or classes are too small.
    """
    rows, clips = _listed(data)
    test = _held_out(data, rows, hold_out, 0)
    if validation:
        rows = {key: row for key, row in rows.items() if key not in test}
        test = _held_out(data, rows, None if "=" in (hold_out or "") else hold_out, 1)
    labels = {key: str(row.label) for key, row in rows.items() if key not in test}
    name = "-".join(["labels", *filter(None, [hold_out, "validation" if validation else None]), f"{share:g}"])
    file = scratch / f"{name}-seed{seed}.json"
    if file.exists():
        split = label_splits.read(file, labels)
    else:
        split = label_splits.split(labels, share, seed)
        file.parent.mkdir(parents=True, exist_ok=True)
        label_splits.write(split, file)
    records = {
        key: ClipRecord(key, clips[key].path, truth=row.label) for key, row in rows.items() if key in clips
    }
    chosen = set(split.labelled)
    return Clips(
        tuple(replace(records[key], label=labels[key]) for key in records if key in chosen),
        tuple(records[key] for key in records if key not in chosen and key not in test),
        tuple(records[key] for key in records if key in test),
    )


def without_labels_of_some(clips: Clips, share: float, seed: int) -> Clips:
    """The same clips where a share of the classes, one at least, is novel: nobody has labelled any of it."""
    names = {str(record.label) for record in clips.labelled}
    division = divide_classes(names, max(1, round(share * len(names))), seed)
    labelled, hidden = hide_novel(clips.labelled, division)
    return Clips(labelled, (*clips.unlabelled, *hidden), clips.test)


@lru_cache(maxsize=8)  # every row of a table asks; what is left out is told once
def _listed(data: Dataset) -> tuple[Mapping[str, ListedRow], Mapping[str, ListedClip]]:
    """What the annotation says of clips with a class, and those whose video is there; both by key."""
    found = data.read(ProgressLine("clips cut"))
    for problem in found.problems:
        sys.stderr.write(f"left out: {problem}\n")
    unknown = [clip.key for clip in found.clips if not clip.label]
    if unknown:
        sys.stderr.write(f"left out: {len(unknown)} clips without a class, {unknown[0]} first\n")
    clips = {clip.key: clip for clip in found.clips if clip.label}
    if not clips:
        raise DatasetError(
            f"{data.folder} has no clip whose class is known. Give it a labels.csv with path,label, or say "
            "by --format and --annotations what annotates it."
        )
    return {row.key: row for row in sorted(found.rows, key=lambda row: row.key) if row.label}, clips


def _held_out(
    data: Dataset, clips: Mapping[str, ListedRow], hold_out: str | None, seed: int
) -> frozenset[str]:
    """Keys of the tested clips."""
    column, named, value = (hold_out or "").partition("=")
    if column:
        groups = _column(data, clips, column)
        if named:
            found = frozenset(key for key, group in groups.items() if group == value)
            if not 0 < len(found) < len(groups):
                raise DatasetError(
                    f"{len(found)} of {len(groups)} clips have {column} {value!r}; "
                    "name a value that some have."
                )
            return found
        return label_splits.hold_out(groups, TEST_SHARE, seed)
    labels = {key: str(clip.label) for key, clip in clips.items()}
    scarce = [label for label, count in Counter(labels.values()).items() if count < 4]
    if scarce:
        raise DatasetError(
            f"{', '.join(scarce[:5])} has fewer than four clips; leave the class out, or take the data set's "
            "own test clips with --hold-out split=test."
        )
    return frozenset(label_splits.split(labels, TEST_SHARE, 1000 + seed, least=1).labelled)


def _column(data: Dataset, clips: Mapping[str, ListedRow], column: str) -> dict[str, str]:
    """Key -> what the annotation says of a clip in one of its columns."""
    if column in ("label", "split"):
        return {key: getattr(clip, column) or "" for key, clip in clips.items()}
    if data.format != "csv_folder":
        raise DatasetError(f"{data.format} has no column {column!r}; it has label and split.")
    place = data.annotations or data.folder
    text = (place / LABELS if place.is_dir() else place).read_text(encoding="utf-8-sig")
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    found = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    rows = {csv_folder.key_of(data.folder, row): row for row in found}
    if any(rows.get(key, {}).get(column) is None for key in clips):
        titles = ", ".join(next(iter(rows.values())))
        raise DatasetError(f"the list has no column {column!r}, or not for every clip; it has {titles}.")
    return {key: rows[key][column] for key in clips}
