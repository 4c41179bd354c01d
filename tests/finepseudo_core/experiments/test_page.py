"""The page of results shows what the runs found, and nothing that was typed."""

import json
from pathlib import Path

import pytest

from finepseudo_core.errors import DatasetError
from finepseudo_core.experiments.page import filled

ROOT = Path(__file__).parents[3]
PRINTED = """### Table 6: strategies, 10% of the labels, 3 seeds

| | f_E |
|---|---|
| PL | 1.0 |

collaborative minus PL:

- f_E: +7.2 points
- both: +1.0 points

Of the surest clips:

| | 5% |
|---|---|
| PL, by f_E | 9.0 |"""


@pytest.fixture
def results(tmp_path) -> Path:
    (tmp_path / "lips").mkdir()
    (tmp_path / "lips" / "table-6-0.1.json").write_text(json.dumps({"markdown": PRINTED}))
    return tmp_path


def test_every_part_is_put_under_its_mark(results):
    page = """Text.

<!-- lips/table-6-0.1 -->
| old | table |
|---|---|

<!-- lips/table-6-0.1 claim -->
- both: +9.9 points

<!-- lips/table-6-0.1 coverage -->

| another | table |
|---|---|
"""
    whole = filled(page, results)
    assert (
        whole
        == """Text.

<!-- lips/table-6-0.1 -->
| | f_E |
|---|---|
| PL | 1.0 |

<!-- lips/table-6-0.1 claim -->
- f_E: +7.2 points
- both: +1.0 points

<!-- lips/table-6-0.1 coverage -->
| | 5% |
|---|---|
| PL, by f_E | 9.0 |

| another | table |
|---|---|
"""
    )
    assert filled(whole, results) == whole


def test_a_mark_without_results_is_told(results):
    with pytest.raises(DatasetError, match=r"table-7-0\.1\.json is marked on the page"):
        filled("<!-- lips/table-7-0.1 -->\n", results)
    (results / "lips" / "table-8-0.1.json").write_text(json.dumps({"markdown": "| a |\n|---|"}))
    with pytest.raises(DatasetError, match="no part 'claim'"):
        filled("<!-- lips/table-8-0.1 claim -->\n", results)


def test_the_page_is_as_new_as_the_results():
    page = (ROOT / "docs" / "RESULTS.md").read_text(encoding="utf-8")
    assert page.count("<!-- ") >= 10
    assert filled(page, ROOT / "docs" / "results") == page, "run python -m finepseudo_core.experiments.page"
