"""`python -m finepseudo_core.experiments.page` puts the tables of docs/results into docs/RESULTS.md.

A line `<!-- lips/table-6-0.1 -->` is followed by the table of docs/results/lips/table-6-0.1.json, and
`<!-- lips/table-6-0.1 claim -->` or `... coverage -->` by those parts of what the experiment printed. So no
figure of a table is ever typed, and a test tells where the page is older than the runs.
"""

import argparse
import json
import re
from pathlib import Path

from finepseudo_core.errors import DatasetError

PAGE, RESULTS = Path("docs/RESULTS.md"), Path("docs/results")
MARK = re.compile(
    r"^<!-- (?P<file>\S+/table-\S+)(?P<part> claim| coverage)? -->\n(?:[|-] ?.*\n)*", re.MULTILINE
)
BLOCK = re.compile(r"(?:^[|-] ?.*\n)+", re.MULTILINE)  # a table, or a list


def filled(page: str, results: Path) -> str:
    """The page with every marked table as the results have it.

    Raises:
        DatasetError: there is no such file of results, or it has no such part.
    """

    def found(mark: re.Match[str]) -> str:
        file, part = results / f"{mark['file']}.json", (mark["part"] or "").strip()
        if not file.is_file():
            raise DatasetError(f"{file} is marked on the page, but isn't there; run its experiment.")
        printed = json.loads(file.read_text(encoding="utf-8"))["markdown"]
        blocks = BLOCK.findall(f"{printed}\n")
        tables = [block for block in blocks if block.startswith("|")]
        chosen = {"": tables[:1], "coverage": tables[1:], "claim": [b for b in blocks if b not in tables]}[
            part
        ]
        if not chosen:
            raise DatasetError(f"{file} has no part {part!r}; take the mark off the page.")
        return mark[0].split("\n", 1)[0] + "\n" + chosen[0]

    return MARK.sub(found, page)


def main() -> None:
    """Fill the page in place."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    text = options.page.read_text(encoding="utf-8")
    options.page.write_text(filled(text, options.results), encoding="utf-8")


if __name__ == "__main__":
    main()
