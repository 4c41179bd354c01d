"""What came of an open-world run: text, and a Plotly figure in plain values."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from finepseudo_core.evaluation.rejection import Rejection, RejectionCurve

NAMES = {
    "alignability": "alignability, largest S̄",
    "confidence": "confidence of f_E",
    "combined": "mean of p_E and p_A",
}
KEPT = (0.5, 0.8, 0.9, 0.95)
MOST_POINTS = 200


def rejection_values(found: Rejection) -> dict[str, Any]:
    """A score's figures as plain values; of a long curve every so many points are kept, ends included."""
    curve = found.curve
    places = np.unique(np.linspace(0, len(curve.known_kept) - 1, MOST_POINTS).round().astype(int))
    return {
        "auroc": found.auroc,
        "false_positive_rate_at_95": found.false_positive_rate,
        "novel_rejected_at": {f"{share:g}": rejected_at(curve, share) for share in KEPT},
        "known_kept": curve.known_kept[places].tolist(),
        "novel_rejected": curve.novel_rejected[places].tolist(),
    }


def rejected_at(curve: RejectionCurve, share: float) -> float:
    """Largest share of novel clips turned down where at least this share of the known ones is kept."""
    return float(curve.novel_rejected[curve.known_kept >= share - 1e-12].max())


def markdown(report: Mapping[str, Any]) -> str:
    """The report as text, with tables."""
    clips, division = report["clips"], report["division"]
    lines = [
        f"### Open world on {report['data']}: {len(division['known'])} known and {len(division['novel'])} "
        f"novel classes, {report['share']:.0%} of the labels, seed {report['seed']}",
        "",
        f"Unlabelled: {clips['unlabelled_known']} clips of known classes, {clips['unlabelled_novel']} of "
        f"novel ones ({', '.join(division['novel'])}). Labelled: {clips['labelled']}. "
        f"Tested, of known classes only: {clips['test']}.",
        "",
        f"| score | AUROC | FPR at 95 % TPR | {' | '.join(f'known kept {share:.0%}' for share in KEPT)} |",
        f"|---|---|---|{'---|' * len(KEPT)}",
    ]
    for name, title in NAMES.items():
        found = report["rejection"][name]
        cells = [found["auroc"], found["false_positive_rate_at_95"], *found["novel_rejected_at"].values()]
        lines.append(f"| {title} | {' | '.join(f'{value:.3f}' for value in cells)} |")
    lines += [
        "",
        'Under "known kept": the share of novel clips turned down. AUROC with 95 % bootstrap intervals:',
        "",
        f"- alignability minus confidence: {_interval(report['gain'])}",
        f"- alignability minus the mean of both: {_interval(report['gain_over_combined'])}",
        "",
        "| strategy | known accepted | novel accepted | of the novel clips | precision |",
        "|---|---|---|---|---|",
    ]
    for name, found in report["strategies"].items():
        share = found["novel_accepted"] / clips["unlabelled_novel"]
        precision = "none accepted" if found["precision"] is None else f"{found['precision']:.3f}"
        counts = f"{found['known_accepted']} | {found['novel_accepted']}"
        lines.append(f"| {name} | {counts} | {share:.1%} | {precision} |")
    lines += [
        "",
        f"All strategies judge the same last pass, of networks trained with {report['trained_with']} labels; "
        "a novel clip counts as wrong.",
    ]
    top1 = report["metrics"].get("test_top1")
    if top1 is not None:
        lines += ["", f"f_E on the test clips: {top1:.3f} top-1."]
    return "\n".join(lines)


def figure(report: Mapping[str, Any]) -> dict[str, Any]:
    """Rejection curves: novel clips turned down against known clips kept."""
    curves = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"{title}, AUROC {report['rejection'][name]['auroc']:.3f}",
            "x": report["rejection"][name]["known_kept"],
            "y": report["rejection"][name]["novel_rejected"],
        }
        for name, title in NAMES.items()
    ]
    layout = {
        "title": {"text": f"Novel clips turned down, {report['data']}"},
        "xaxis": {"title": {"text": "share of known clips kept"}, "range": [0, 1]},
        "yaxis": {"title": {"text": "share of novel clips turned down"}, "range": [0, 1]},
    }
    return {"data": curves, "layout": layout}


def _interval(found: Mapping[str, float]) -> str:
    return f"{found['estimate']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]"
