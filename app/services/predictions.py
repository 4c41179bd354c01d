"""Predictions for new clips: the model that makes them, and the files they are written to."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import artifacts
from app.services.export import guarded
from app.services.studio import Studio, StudioError
from db.repositories import rounds
from finepseudo_core.records import Prediction

COLUMNS = ("path", "label", "confidence", "alignability", "best", "nearest", "problem")


@dataclass(frozen=True)
class ModelFile:
    """The model of a finished round and its checksum."""

    path: Path
    sha256: str


def model_file(studio: Studio, number: int | None = None) -> ModelFile:
    """The model of the round of that number; of the active round by default.

    Raises:
        StudioError: there is no such round, or it has not finished.
    """
    with studio.database.read() as session:
        if number is None:
            row = rounds.active(session)
        else:
            row = next((found[0] for found in rounds.listing(session) if found[0].number == number), None)
        if row is None or row.model_path is None or row.model_sha256 is None:
            which = "No round is active" if number is None else f"There is no finished round {number}"
            raise StudioError(f"{which}; train one first, on the Rounds page or with `python -m app round`.")
        return ModelFile(artifacts.inside(studio.settings, row.model_path), row.model_sha256)


def as_csv(predictions: Iterable[Prediction], root: Path) -> bytes:
    """UTF-8 CSV with a header, paths relative to `root`; an empty label means "none of these".

    `nearest` lists the most alignable exemplars as `class: clip (alignability)`. Cells that a spreadsheet
    would run as a formula are prefixed.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for prediction in predictions:
        row = _plain(prediction, root)
        near = (
            f"{match['label']}: {match['clip']} ({match['alignability']:.3f})" for match in row["nearest"]
        )
        row["nearest"] = "; ".join(near)
        writer.writerow([guarded(row[name]) for name in COLUMNS])
    return text.getvalue().encode()


def as_jsonl(predictions: Iterable[Prediction], root: Path) -> bytes:
    """One JSON object a line, UTF-8, with the probability of every class; absent values are null.

    Raises:
        ValueError: a value is NaN or infinite, for which JSON has no word.
    """
    rows = (_plain(prediction, root) for prediction in predictions)
    lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def _plain(prediction: Prediction, root: Path) -> dict[str, Any]:
    read = prediction.problem is None
    return {
        "path": prediction.path.relative_to(root).as_posix(),
        "label": prediction.label,
        "confidence": round(prediction.confidence, 4) if read else None,
        "alignability": None if prediction.alignability is None else round(prediction.alignability, 4),
        "best": prediction.best,
        "nearest": [
            {"clip": match.key, "label": match.label, "alignability": round(match.alignability, 4)}
            for match in prediction.nearest
        ],
        "probabilities": {name: round(value, 4) for name, value in prediction.probabilities.items()},
        "problem": prediction.problem,
    }
