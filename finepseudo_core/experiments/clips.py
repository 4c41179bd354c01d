"""The clips of an experiment: tested ones, labelled ones, and those whose label is to be found."""

import csv
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from finepseudo_core.datasets import label_splits
from finepseudo_core.errors import DatasetError
from finepseudo_core.evaluation.open_world import divide_classes, hide_novel
from finepseudo_core.records import ClipRecord

TEST_SHARE = 0.2


@dataclass(frozen=True)
class Clips:
    """One division of a dataset."""

    labelled: tuple[ClipRecord, ...]
    unlabelled: tuple[ClipRecord, ...]
    test: tuple[ClipRecord, ...]


def divide(
    folder: Path, share: float, seed: int, *, hold_out: str | None, validation: bool = False, scratch: Path
) -> Clips:
    """Divide the clips of a folder with a labels.csv: `path,label` and, to hold out groups, a further column.

    Test clips are the same for every share and seed: whole groups where `hold_out` names a column, a fifth
    of every class else. The label split is written to `scratch` and read again by the next run.

    Args:
        share: share of the training clips of every class that is labelled.
        hold_out: column whose groups (speakers, scenes) are kept for testing as a whole, a fifth of the
            clips; or COLUMN=VALUE, such as split=test, for exactly those clips.
        validation: leave the test clips alone, and hold out as many of the others in their place: for
            choosing settings.
    """
    rows = _rows(folder)
    test = _held_out(rows, hold_out, 0)
    if validation:
        rows = {key: row for key, row in rows.items() if key not in test}
        test = _held_out(rows, None if "=" in (hold_out or "") else hold_out, 1)
    labels = {key: row["label"] for key, row in rows.items() if key not in test}
    name = "-".join(["labels", *filter(None, [hold_out, "validation" if validation else None]), f"{share:g}"])
    file = scratch / f"{name}-seed{seed}.json"
    if file.exists():
        split = label_splits.read(file, labels)
    else:
        split = label_splits.split(labels, share, seed)
        file.parent.mkdir(parents=True, exist_ok=True)
        label_splits.write(split, file)
    records = {key: ClipRecord(key, folder / key, truth=row["label"]) for key, row in rows.items()}
    chosen = set(split.labelled)
    return Clips(
        tuple(replace(records[key], label=labels[key]) for key in labels if key in chosen),
        tuple(records[key] for key in labels if key not in chosen),
        tuple(records[key] for key in rows if key in test),
    )


def without_labels_of_some(clips: Clips, share: float, seed: int) -> Clips:
    """The same clips where a share of the classes, one at least, is novel: nobody has labelled any of it."""
    names = {str(record.label) for record in clips.labelled}
    division = divide_classes(names, max(1, round(share * len(names))), seed)
    labelled, hidden = hide_novel(clips.labelled, division)
    return Clips(labelled, (*clips.unlabelled, *hidden), clips.test)


def _rows(folder: Path) -> dict[str, dict[str, str]]:
    try:
        with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
            rows = {row["path"]: row for row in csv.DictReader(file)}
    except (OSError, KeyError) as error:
        raise DatasetError(f"{folder} has no labels.csv with columns path and label ({error}).") from error
    return dict(sorted(rows.items()))


def _held_out(rows: dict[str, dict[str, str]], hold_out: str | None, seed: int) -> frozenset[str]:
    column, named, value = (hold_out or "").partition("=")
    if column:
        if any(column not in row for row in rows.values()):
            raise DatasetError(
                f"labels.csv has no column {column!r}; it has {', '.join(next(iter(rows.values())))}."
            )
        if named:
            found = frozenset(key for key, row in rows.items() if row[column] == value)
            if not 0 < len(found) < len(rows):
                raise DatasetError(
                    f"{len(found)} of {len(rows)} clips have {column} {value!r}; name a value that some have."
                )
            return found
        return label_splits.hold_out({key: row[column] for key, row in rows.items()}, TEST_SHARE, seed)
    labels = {key: row["label"] for key, row in rows.items()}
    scarce = [label for label, count in Counter(labels.values()).items() if count < 4]
    if scarce:
        raise DatasetError(f"{', '.join(scarce[:5])} has fewer than four clips; leave the class out.")
    return frozenset(label_splits.split(labels, TEST_SHARE, 1000 + seed, least=1).labelled)
