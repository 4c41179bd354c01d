"""A table of the paper beside our own: text, figures, and whether the claim holds."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from finepseudo_core.experiments.runs import COVERAGE
from finepseudo_core.experiments.tables import Table

Run = Mapping[str, Any]
Runs = Mapping[str, Sequence[Run]]  # row -> runs, the seeds in one order
COLUMNS = {  # name in the table: metric of a run, and what it is multiplied by
    "f_E": ("test_top1", 100),
    "f_A": ("test_top1_alignability", 100),
    "both": ("test_top1_both", 100),
    "accepted": ("accepted", 1),
    "precision": ("precision", 100),
    "unlabelled, f_E": ("accuracy_action", 100),
    "unlabelled, f_A": ("accuracy_alignability", 100),
    "verification AP": ("verification_ap", 100),
    "novel accepted": ("novel_accepted", 100),
    "AUROC confidence": ("auroc_confidence", 100),
    "AUROC alignability": ("auroc_alignability", 100),
    "AUROC combined": ("auroc_combined", 100),
    "phase": ("f_A_phase_accuracy_1", 100),
    "progress": ("f_A_phase_progression", 100),
    "tau": ("f_A_kendalls_tau", 100),
    "phase, clock": ("clock_phase_accuracy_1", 100),
    "progress, clock": ("clock_phase_progression", 100),
    "tau, clock": ("clock_kendalls_tau", 100),
}
NOT_COMPARED = ("accepted",)
OVERVIEW = ("f_E", "both", "precision", "verification AP", "phase")  # what is shown for share beside share


def values(runs: Sequence[Run], column: str) -> np.ndarray:
    """A column of the table for every run: float (seeds,), NaN where it could not be computed."""
    name, scale = COLUMNS[column]
    return np.array([scale * run["metrics"].get(name, float("nan")) for run in runs])


def sign_flip_test(differences: np.ndarray) -> float:
    """Exact paired permutation test: share of all sign changes whose mean is at least as far from zero.

    With n pairs it can't be smaller than 2^(1 - n): three seeds never give less than 0.25.
    """
    found = abs(differences.mean())
    signs = np.array(list(product((1, -1), repeat=len(differences))))
    return float((np.abs((signs * differences).mean(1)) >= found - 1e-12).mean())


def markdown(table: Table, share: float, runs: Runs) -> str:
    """Mean and standard deviation over the seeds for every row, and the paired test of the claim."""
    seeds = len(next(iter(runs.values()), ()))
    lines = [
        f"### {table.title}, {share:.0%} of the labels, {seeds} seeds",
        "",
        f"| | {table.source} | {' | '.join(table.columns)} |",
        f"|---|---|{'---|' * len(table.columns)}",
    ]
    for row in (row for row in table.rows if row.name in runs):
        cells = [_cell(values(runs[row.name], column)) for column in table.columns]
        paper = "" if row.paper is None else f"{row.paper:.2f}"
        lines.append(f"| {row.name} | {paper} | {' | '.join(cells)} |")
    better, worse = table.claim
    if better in runs and worse in runs:
        pairs = [(runs[better], runs[worse])]
        lines += ["", f"{better} minus {worse}, paired by seed (exact sign-flip test):", ""]
        lines += _compared(pairs, table.columns)
        if "precision" in table.columns:
            lines += ["", "Of the surest unlabelled clips, right at last, by how many of them:", ""]
            lines += _coverage({name: runs[name] for name in (better, worse)})
    return "\n".join(lines)


def overview(table: Table, by_share: Mapping[float, Runs]) -> str:
    """The rows share beside share, and the claim's paired test over all seeds and shares.

    Shares of a seed have clips, labels and pretraining in common, so the test flips all of a seed at once.
    """
    shares = list(by_share)
    columns = [column for column in OVERVIEW if column in table.columns]
    heads = [f"{column}, {share:.0%}" for column in columns for share in shares]
    lines = [f"### {table.title}, share beside share", "", f"| | {' | '.join(heads)} |"]
    lines += [f"|---|{'---|' * len(heads)}"]
    known = [row.name for row in table.rows if all(row.name in runs for runs in by_share.values())]
    for name in known:
        cells = [_cell(values(by_share[share][name], column)) for column in columns for share in shares]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    better, worse = table.claim
    if better in known and worse in known:
        pairs = [(runs[better], runs[worse]) for runs in by_share.values()]
        lines += ["", f"{better} minus {worse}, paired by seed and share (exact sign-flip test by seed):", ""]
        lines += _compared(pairs, table.columns)
    return "\n".join(lines)


def _compared(pairs: Sequence[tuple[Sequence[Run], Sequence[Run]]], columns: Sequence[str]) -> list[str]:
    """A line for every column that all runs have; `pairs` are (runs, other runs), the seeds in one order."""
    lines = []
    for ours, others in pairs:
        if [run["config"]["seed"] for run in ours] != [run["config"]["seed"] for run in others]:
            raise ValueError("runs of different seeds can't be paired; give both in one order of seeds.")
    for column in (column for column in columns if column not in NOT_COMPARED):
        differences = np.array([values(ours, column) - values(others, column) for ours, others in pairs])
        if np.isfinite(differences).all():  # (shares, seeds)
            lines.append(
                f"- {column}: {differences.mean():+.1f} points (from {differences.min():+.1f} to "
                f"{differences.max():+.1f}), p = {sign_flip_test(differences.mean(0)):.2g}"
            )
    return lines


def _coverage(runs: Runs) -> list[str]:
    """Accuracy at equal counts, by f_E, by f_A and by both: what a threshold anywhere would have accepted."""
    heads = [f"{share:.0%}" for share in COVERAGE]
    lines = [f"| | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    for name, found in runs.items():
        for judge in ("f_E", "f_A", "both"):
            curve = 100 * np.array([run["coverage"][judge] for run in found])  # (seeds, shares)
            cells = " | ".join(_cell(column) for column in curve.T)
            lines.append(f"| {name}, by {judge} | {cells} |")
    return lines


def figure(table: Table, runs: Runs) -> dict[str, Any]:
    """The first three columns as a Plotly figure in plain values: bars with the deviation over seeds, and
    the paper."""
    rows = [row for row in table.rows if row.name in runs]
    names = [row.name for row in rows]
    bars = [
        {
            "type": "bar",
            "name": column,
            "x": names,
            "y": [float(values(runs[name], column).mean()) for name in names],
            "error_y": {"type": "data", "array": [_deviation(values(runs[name], column)) for name in names]},
        }
        for column in table.columns[:3]
    ]
    paper = {
        "type": "scatter",
        "mode": "markers",
        "name": table.source,
        "x": names,
        "y": [row.paper for row in rows],
    }
    layout = {
        "title": {"text": table.title},
        "barmode": "group",
        "yaxis": {"title": {"text": "%"}},
    }
    return {"data": [*bars, paper], "layout": layout}


def _cell(found: np.ndarray) -> str:
    known = found[np.isfinite(found)]
    if not len(known):
        return ""
    some = "" if len(known) == len(found) else f" ({len(known)} of {len(found)} seeds)"
    if len(known) == 1:
        return f"{known[0]:.1f}{some}"
    return f"{known.mean():.1f} ± {_deviation(known):.1f}{some}"


def _deviation(found: np.ndarray) -> float:
    """Standard deviation of a sample; 0 of a single value."""
    return float(found.std(ddof=1)) if len(found) > 1 else 0.0
