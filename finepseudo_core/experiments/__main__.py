"""`python -m finepseudo_core.experiments TABLE ... --data FOLDER ...` prints our tables beside the paper's.

Finished runs are read from their files, and one that was cut off goes on where it was. Rounds that differ
only in something late share decoded frames and first stages. What came out goes to
RESULTS/DATA/table-N-SHARE.json, with a Plotly figure; --validation chooses settings without ever looking at
the test clips. With --processes, seeds run beside each other, on a GPU several on the one.
"""

import argparse
import hashlib
import json
import shlex
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from finepseudo_core.assignments import read_assignments
from finepseudo_core.datasets.dataset import Dataset
from finepseudo_core.datasets.formats.arguments import add_arguments
from finepseudo_core.errors import FinePseudoError
from finepseudo_core.experiments.report import figure, markdown, overview
from finepseudo_core.experiments.sweep import Plan, groups, run_all
from finepseudo_core.experiments.tables import SCALES, TABLES, rows_of


def main() -> int:
    """Run what is missing, print the tables, write figures; 2 where that can't be done as asked."""
    options = _options()
    try:
        _run(options)
    except (FinePseudoError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _run(options: argparse.Namespace) -> None:
    rows = rows_of([TABLES[number] for number in options.table], options.rows)
    plans = {
        (number, data): Plan(
            TABLES[number],
            chosen,
            Dataset(
                data.resolve(),
                options.format,
                options.annotations,
                options.scratch / "cuts",
                options.least_frames,
                options.phases,
            ),
            options.scratch,
            options.results,
            options.hold_out,
            options.validation,
            options.preset,
            options.scale,
            read_assignments(options.set),
        )
        for data in options.data
        for number, chosen in zip(options.table, rows, strict=True)
    }
    todo = list(groups(list(plans.values()), options.shares, options.seeds))
    run_all(todo, options.processes, partial(print, flush=True))
    ending = "".join(f"-{part}" for part in _apart(options)) + ".json"
    for (number, _), plan in plans.items():
        by_share = {share: plan.found(share, options.seeds) for share in options.shares}
        folder = options.results / plan.data.name
        for share, runs in by_share.items():
            text, picture = markdown(plan.table, share, runs), figure(plan.table, runs)
            print(text, flush=True)
            content = {
                "command": _command(options, number, plan, [share], runs),
                "settings": options.set,
                "markdown": text,
                "figure": picture,
                "runs": runs,
            }
            _keep(folder / f"table-{number}-{share:g}{ending}", content)
        if len(by_share) > 1:
            text, shares = overview(plan.table, by_share), "-".join(f"{share:g}" for share in by_share)
            print(text, flush=True)
            command = _command(options, number, plan, options.shares, by_share[options.shares[0]])
            _keep(folder / f"table-{number}-{shares}{ending}", {"command": command, "markdown": text})


def _keep(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _command(
    options: argparse.Namespace, number: str, plan: Plan, shares: Sequence[float], rows: Collection[str]
) -> str:
    """What prints a table of these rows again, wherever its folders lie."""
    data = plan.data
    words = ["python", "-m", "finepseudo_core.experiments", number, "--data", data.folder.name]
    words += ["--seeds", str(options.seeds), "--shares", *(f"{share:g}" for share in shares)]
    words += ["--rows", *rows] if 0 < len(rows) < len(plan.table.rows) else []
    words += ["--format", data.format] if data.format != "csv_folder" else []
    words += ["--least-frames", str(data.least_frames)] if data.least_frames else []
    words += ["--phases", data.phases.name] if data.phases and plan.table.phases else []
    words += ["--hold-out", options.hold_out] if options.hold_out else []
    words += ["--validation"] if options.validation else []
    words += ["--preset", options.preset] if options.preset != "cpu-demo" else []
    words += ["--scale", options.scale] if options.scale != "small" else []
    words += ["--set", *options.set] if options.set else []
    return shlex.join(words)


def _apart(options: argparse.Namespace) -> Iterator[str]:
    """What the file of a table is called after, where it isn't the usual one."""
    if options.hold_out:
        yield f"by-{options.hold_out}"
    if options.preset != "cpu-demo":
        yield options.preset
    elif options.scale != "small":
        yield options.scale
    if options.validation:
        yield "validation"
    if options.set:
        yield hashlib.sha256(" ".join(sorted(options.set)).encode()).hexdigest()[:8]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", nargs="+", choices=TABLES, help="numbers of the paper's tables")
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, help="folders of clips, each with its annotation"
    )
    add_arguments(parser)
    parser.add_argument("--annotations", type=Path, help="the annotation, where it isn't in the folder")
    parser.add_argument("--phases", type=Path, metavar="CSV", help="phases.csv for Table 13, if elsewhere")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds: 0, 1, ...")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.1], help="shares of labelled clips")
    parser.add_argument("--rows", nargs="+", help="some rows of the tables only, by their names")
    parser.add_argument(
        "--hold-out",
        metavar="COLUMN[=VALUE]",
        help="column of the annotation whose groups are tested whole, or the clips to test (split=test)",
    )
    parser.add_argument("--validation", action="store_true", help="test on held-out training clips")
    parser.add_argument("--processes", type=int, default=1, help="seeds that run at a time")
    parser.add_argument("--preset", default="cpu-demo")
    parser.add_argument("--scale", choices=SCALES, default="small", help="what cpu-demo is changed to")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of all rows")
    parser.add_argument("--scratch", type=Path, default=Path("build/experiments"))
    parser.add_argument("--results", type=Path, default=Path("docs/results"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
