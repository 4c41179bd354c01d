"""Labels go out: people's first, then the active round's, and no cell runs as a formula."""

import csv
import io
import json

import pytest

from app.services import export, review
from app.services.export import LabelRow
from db.repositories import clips, rounds
from tests.app.services.test_review import event
from tests.db.rows import add_clips, add_round, publish

FORMULA = "=HYPERLINK(1+1)"


@pytest.fixture
def labelled(studio, ada) -> list[int]:
    """Eight clips with labels of every kind; the third class is called like a formula."""
    with studio.database.write() as session:
        ids = add_clips(
            session, 8, labelled=2, test=1, class_names=("dive", "fäll, half", FORMULA), prefix="-clip"
        )
        row = add_round(session)
        publish(session, row, {
            ids[2]: (3, 0.5, True), ids[3]: (1, 0.75, True), ids[4]: (1, 0.25, False), ids[5]: (2, 0.5, True),
            ids[6]: (2, 0.5, True),
        })  # fmt: skip
        clips.mark_unusable(session, clip_id=ids[6], state="missing", reason="gone")
    log = [event("correct", ids[1], class_id=3), event("accept", ids[2], predicted_class_id=3)]
    review.record(studio, ada, [*log, event("reject", ids[5], round_id=1)])
    return ids


def promote(studio) -> None:
    with studio.database.write() as session:
        rounds.promote(session, round_id=1)


def test_people_s_labels_come_first_and_accepted_proposals_fill_the_rest(studio, labelled):
    promote(studio)
    rows = export.rows(studio)
    assert [(row.key[6:9], row.label, row.source, row.reviewer, row.round) for row in rows] == [
        ("000", "dive", "imported", None, None),
        ("001", FORMULA, "verdict", "ada", None),
        ("002", FORMULA, "verdict", "ada", None),
        ("003", "dive", "pseudo", None, 1),
    ]
    assert (rows[3].confidence, rows[3].alignability, rows[3].decided_at) == (0.875, 0.5, None)
    assert (rows[1].confidence, rows[1].decided_at is not None) == (None, True)
    assert rows[0].source_path == "/videos/-clip 000.mp4"


@pytest.mark.parametrize("promoted", [False, True])
def test_the_counts_are_those_of_the_rows(studio, labelled, promoted):
    if promoted:
        promote(studio)
    sources = [row.source for row in export.rows(studio)]
    assert export.counts(studio) == {source: sources.count(source) for source in set(sources)}


def test_a_round_that_is_not_active_exports_nothing(studio, labelled):
    """Its pseudo-labels may be under review, but nobody has promoted it."""
    assert [row.source for row in export.rows(studio)] == ["imported", "verdict", "verdict"]


def test_no_cell_of_the_csv_is_a_formula_and_the_rest_reads_back(studio, labelled):
    promote(studio)
    content = export.as_csv(studio)
    assert content.startswith(b"key,source_path,start,end,split,label,source,")
    read = list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))
    rows = export.rows(studio)
    assert [line["label"] for line in read] == ["dive", f"'{FORMULA}", f"'{FORMULA}", "dive"]
    assert [line["key"] for line in read] == [f"'{row.key}" for row in rows]
    for cells in read:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells.values())
    assert [float(line["confidence"] or 0) for line in read] == [row.confidence or 0 for row in rows]
    assert read[0]["decided_at"] == read[0]["round"] == ""


def test_json_lines_hold_the_plain_values(studio, labelled):
    promote(studio)
    read = [json.loads(line) for line in export.as_jsonl(studio).decode("utf-8").splitlines()]
    for values, row in zip(read, export.rows(studio), strict=True):
        decided_at = row.decided_at.isoformat() if row.decided_at else None
        assert LabelRow(**values) == LabelRow(**{**vars(row), "decided_at": decided_at})
    assert read[1]["label"] == FORMULA


def test_an_empty_project_exports_a_header(studio):
    assert export.as_csv(studio).count(b"\r\n") == 1
    assert export.as_jsonl(studio) == b""
