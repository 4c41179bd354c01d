"""The figures of `benchmarks.alignment` as markdown."""

from collections.abc import Iterable, Sequence
from typing import Any

Result = dict[str, Any]


def tables(results: Result) -> str:
    """Markdown: the machine, then a table for each row measured."""
    machine = results["machine"]
    versions = ", ".join(
        f"{name} {version}" for name, version in {**machine["versions"], **results["peers"]}.items()
    )
    changed = " with uncommitted changes" if machine["uncommitted_changes"] else ""
    settings = " ".join(f"{name}={value}" for name, value in machine["environment"].items()) or "none"
    head = (
        f"`python -m benchmarks.alignment`, {machine['date'][:10]}, commit "
        f"{machine['commit'][:12] or '?'}{changed}. {machine['cpu']}, {machine['cores']} cores; load average "
        f"{machine['load_average']} before, {machine['load_average_at_the_end']} after. "
        f"Python {machine['python']}, {versions}. Settings of the environment: {settings}.\n\n"
        f"γ = {results['gamma']}. Contenders take turns; median of {results['sizes']['rounds']} readings "
        f'({results["sizes"]["passes"]} of the pass), least and most in brackets. "off" is the greatest '
        f"difference of a distance from ours in float64; {results['tolerance']} is allowed."
    )
    return "\n\n".join([head, *(_SECTIONS[row["kind"]](row) for row in results["rows"].values())])


def _rates(result: Result) -> str:
    rows = []
    for row in result["rows"]:
        if row["status"] != "measured":
            rows.append((row["name"], "", row["status"], "", "", "", ""))
            continue
        spread = f"{_rate(row['pairs_per_s'])} ({_rate(row['least'])} to {_rate(row['most'])})"
        off = "" if row["difference"] is None else f"{row['difference']:.1e}"
        ratio = f"{row['ours_is_faster']:.3g}"
        rows.append(
            (row["name"], str(row["threads"]), spread, f"{row['seconds']:.3g}", ratio, off, row["note"])
        )
    for name, seconds in result.get("extrapolated_s", {}).items():
        ratio = f"{seconds / result['rows'][0]['seconds']:.3g}"
        rows.append(
            (name, "2", "", f"{seconds:.3g}", ratio, "", "extrapolated from its rate from embeddings")
        )
    heads = ("", "threads", "pairs/s", "seconds a call", "ours is faster by", "off", "")
    return _section(result["title"], heads, rows)


def _errors(result: Result) -> str:
    rows = [
        (row["costs"], row["name"], *(f"{row[kind]:.1e}" for kind in ("distance", "gradient", "corners")))
        if row["status"] == "measured"
        else (row["costs"], row["name"], row["status"], "", "")
        for row in result["rows"]
    ]
    heads = ("costs", "", "distance", "gradient", "gradient at (1, 1) and (T, T), which is 1")
    return _section(result["title"], heads, rows)


def _first_calls(result: Result) -> str:
    kinds = ("import_s", "call_s", "together_s", "again_s")
    rows = [
        (row["name"], *(f"{row[kind]:.3g}" for kind in kinds))
        if row["status"] == "measured"
        else (row["name"], row["status"], "", "", "")
        for row in result["rows"]
    ]
    heads = ("seconds", "imports", "first call", "together", "second call")
    return _section(result["title"], heads, rows)


def _limits(result: Result) -> str:
    measured, bounds = result["measured"], result["bounds_pairs_per_s"]
    threads = list(bounds)
    rows = [
        ("float32 matrix product, GFLOP/s", *(f"{measured['gemm_gflops'][count]:.0f}" for count in threads)),
        ("copy, GB/s read + written", *(f"{measured['copy_gb_per_s'][count]:.1f}" for count in threads)),
    ]
    meaning = {
        "forward": "forward: every cost is read once",
        "forward_backward": "forward and backward: costs are read, gradients written once",
        "pairwise": "from embeddings, forward, and the pseudo-label pass: one product",
        "pairwise_backward": "from embeddings, forward and backward: three products",
    }
    rows += [
        (f"most pairs/s, {text}", *(_rate(bounds[count][name]) for count in threads))
        for name, text in meaning.items()
    ]
    heads = ("", *(f"{count} thread{'s' if count != '1' else ''}" for count in threads))
    note = (
        f"A pair's costs take {result['flop_per_pair']} floating-point operations to make and "
        f"{result['bytes_per_pair']} bytes to hold. A bound counts that alone, as if the recursion were free."
    )
    return f"{_section(result['title'], heads, rows)}\n\n{note}"


def _rate(pairs_per_s: float) -> str:
    """Three figures: 7.51 M, 594 k."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if pairs_per_s >= size:
            return f"{pairs_per_s / size:.3g} {unit}"
    return f"{pairs_per_s:.3g}"


def _section(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]
    return "\n".join((f"### {title}", "", *lines))


_SECTIONS = {"rates": _rates, "errors": _errors, "first calls": _first_calls, "limits": _limits}
