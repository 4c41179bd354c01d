"""`python -m finepseudo_core.experiments TABLE --data FOLDER --seeds N` prints our table beside the paper's.

Finished runs are read from their files, and one that was cut off goes on where it was. Rounds that differ
only in something late share decoded frames and first stages. What came out goes to
RESULTS/DATA/table-N-SHARE.json, with a Plotly figure; --validation chooses settings without ever looking at
the test clips.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from finepseudo_core.config import preset
from finepseudo_core.events import Event, PseudoLabelsProposed, StageStarted
from finepseudo_core.experiments.report import figure, markdown
from finepseudo_core.experiments.runs import Setting, finished, measure
from finepseudo_core.experiments.tables import SETTINGS, TABLES


def main() -> None:
    """Run what is missing, print the tables, write figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=TABLES, help="number of the paper's table")
    parser.add_argument("--data", type=Path, required=True, help="folder with clips and labels.csv")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds: 0, 1, ...")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.1], help="shares of labelled clips")
    parser.add_argument("--rows", nargs="+", help="some rows of the table only, by their names")
    parser.add_argument("--hold-out", help="column of labels.csv whose groups are kept for testing whole")
    parser.add_argument("--validation", action="store_true", help="test on held-out training clips")
    parser.add_argument("--preset", default="cpu-demo")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of all rows")
    parser.add_argument("--scratch", type=Path, default=Path("build/experiments"))
    parser.add_argument("--results", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    data = options.data.resolve()
    own = SETTINGS.get(data.name, SETTINGS[""]) if options.preset == "cpu-demo" else {}
    table = TABLES[options.table]
    chosen = table.chosen(options.rows)
    changes = {**own, **table.common, **dict(_assignment(text) for text in options.set)}
    common = preset(options.preset).replace(changes)
    results = options.results / data.name
    setting = Setting(
        data,
        options.scratch / data.name,
        results / "runs",
        options.hold_out,
        options.validation,
        table.novel,
        table.phases,
    )
    for share in options.shares:
        runs: dict[str, list[dict[str, Any]]] = {row.name: [] for row in table.rows}
        for seed in range(options.seeds):
            for row in table.rows:
                config = common.replace({**row.changes, "seed": seed})
                if row in chosen:
                    print(f"-- {row.name}, {share:.0%}, seed {seed}", flush=True)
                    runs[row.name].append(measure(setting, config, share, _Clock()))
                elif known := finished(setting, config, share):
                    runs[row.name].append(known)
        complete = {name: found for name, found in runs.items() if len(found) == options.seeds}
        text = markdown(table, share, complete)
        print(text, flush=True)
        held_out = f"-by-{options.hold_out}" if options.hold_out else ""
        name = f"table-{options.table}-{share:g}{held_out}{'-validation' if options.validation else ''}"
        content = {"markdown": text, "figure": figure(table, complete), "runs": complete}
        (results / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


class _Clock:
    """Prints each stage with the time since the round began."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    def __call__(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            known = ", known already" if event.done == event.steps else ""
            self._say(f"{event.stage}: {event.steps} steps{known}")
        elif isinstance(event, PseudoLabelsProposed):
            self._say(", ".join(f"{name} {value:.3g}" for name, value in event.metrics.items()))

    def _say(self, text: str) -> None:
        print(f"   {time.monotonic() - self.started:6.0f} s  {text}", flush=True)


def _assignment(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


if __name__ == "__main__":
    main()
