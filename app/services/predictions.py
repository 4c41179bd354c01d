"""Predictions for new clips as files."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.services.export import guarded
from finepseudo_core.records import Prediction

COLUMNS = ("path", "label", "confidence", "alignability", "best", "nearest", "problem")


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
    """One JSON object a line, UTF-8, with the probability of every class; absent values are null."""
    lines = (json.dumps(_plain(prediction, root), ensure_ascii=False) for prediction in predictions)
    return "".join(f"{line}\n" for line in lines).encode()


def _plain(prediction: Prediction, root: Path) -> dict[str, Any]:
    read = prediction.problem is None
    return {
        "path": prediction.path.relative_to(root).as_posix(),
        "label": prediction.label,
        "confidence": round(prediction.confidence, 4) if read else None,
        "alignability": round(prediction.alignability, 4) if read else None,
        "best": prediction.best,
        "nearest": [
            {"clip": match.key, "label": match.label, "alignability": round(match.alignability, 4)}
            for match in prediction.nearest
        ],
        "probabilities": {name: round(value, 4) for name, value in prediction.probabilities.items()},
        "problem": prediction.problem,
    }
