"""Predictions as CSV and JSON lines."""

import csv
import io
import json
from pathlib import Path

import pytest

from app.services import predictions
from finepseudo_core.records import ExemplarMatch, Prediction

ROOT = Path("/clips")
FOUND = [
    Prediction(
        ROOT / "a/one.mp4", best="=SUM(A1)", confidence=0.91234, alignability=0.8, label="=SUM(A1)",
        probabilities={"=SUM(A1)": 0.91234, "tuck": 0.08766},
        nearest=(ExemplarMatch("k1", "=SUM(A1)", 0.95), ExemplarMatch("k2", "tuck", 0.5)),
    ),
    Prediction(ROOT / "two.mp4", best="tuck", confidence=0.4, probabilities={"tuck": 0.4}),
    Prediction(ROOT / "+three.mp4", problem="it is empty"),
]  # fmt: skip


def test_a_row_for_every_clip_and_no_formulae():
    rows = list(csv.DictReader(io.StringIO(predictions.as_csv(FOUND, ROOT).decode(), newline="")))
    assert [row["path"] for row in rows] == ["a/one.mp4", "two.mp4", "'+three.mp4"]
    assert [row["label"] for row in rows] == ["'=SUM(A1)", "", ""]
    assert [row["confidence"] for row in rows] == ["0.9123", "0.4", ""]
    assert rows[0]["nearest"] == "'=SUM(A1): k1 (0.950); tuck: k2 (0.500)"
    assert rows[2]["problem"] == "it is empty"


def test_json_lines_hold_every_probability():
    rows = [json.loads(line) for line in predictions.as_jsonl(FOUND, ROOT).decode().splitlines()]
    assert rows[0]["probabilities"] == {"=SUM(A1)": 0.9123, "tuck": 0.0877}
    assert rows[0]["nearest"][0] == {"clip": "k1", "label": "=SUM(A1)", "alignability": 0.95}
    assert rows[1]["label"] is None
    assert rows[1]["best"] == "tuck"
    assert rows[2]["confidence"] is None


def test_a_model_without_evidence_of_alignment_leaves_it_empty():
    alone = [Prediction(ROOT / "one.mp4", best="tuck", confidence=0.9, probabilities={"tuck": 0.9})]
    (row,) = csv.DictReader(io.StringIO(predictions.as_csv(alone, ROOT).decode(), newline=""))
    assert (row["alignability"], row["nearest"], row["confidence"]) == ("", "", "0.9")
    line = json.loads(predictions.as_jsonl(alone, ROOT))
    assert (line["alignability"], line["nearest"]) == (None, [])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_lines_never_hold_what_json_has_no_word_for(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        predictions.as_jsonl([Prediction(ROOT / "one.mp4", best="tuck", confidence=value)], ROOT)
