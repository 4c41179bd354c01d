"""Our alignment kernels against published ones, in turns within one process: `-m benchmarks.alignment`.

Peers come from benchmarks/requirements.txt; a row says which are not installed. Every contender gets the same
inputs, and its distances and gradients are compared with ours in float64. The figures go to
benchmarks/results/alignment.json; `--table` prints them from there as the tables of docs/PERFORMANCE.md.
`--quick` and `--rows` print tables of what they measured and write nothing.
"""

import argparse
import json
import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks import first_call, machine, wavefront_autograd
from benchmarks.alignment_peers import PATH_PEERS, SOFT_PEERS, Align, load, versions
from benchmarks.alignment_tables import tables
from benchmarks.timing import Contender, interleave, summary, use_threads
from finepseudo_core.alignment import (
    AlignabilityScore,
    class_alignability,
    dtw_path,
    pairwise_soft_dtw,
    soft_dtw,
)

RESULTS = Path(__file__).parent / "results" / "alignment.json"
GAMMA = 0.001
TOLERANCE = 1e-3  # a distance further from ours in float64 is of something else
Result = dict[str, Any]


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Args:
        rounds: readings of each contender.
        batch: pairs in the rows on costs.
        frames: T.
        clips: clips on each side in the row from embeddings.
        features: F.
        small, long: (pairs, T) of the further rows on costs.
        checked: pairs whose distances and gradients are compared.
        unlabelled, classes, exemplars: the pseudo-label pass; by default Diving48's.
        passes: how often the pass is run.
        first_calls: fresh processes per contender, after one that warms the cache; 0 reads that one.
        gemm, copied_mb: for the limits of the machine.
    """

    rounds: int = 7
    batch: int = 4096
    frames: int = 32
    clips: int = 64
    features: int = 128
    small: tuple[int, int] = (64, 32)
    long: tuple[int, int] = (256, 128)
    checked: int = 512
    unlabelled: int = 13_500
    classes: int = 48
    exemplars: int = 15
    passes: int = 2
    first_calls: int = 2
    gemm: int = 2048
    copied_mb: int = 256


QUICK = Sizes(
    rounds=2, batch=1024, clips=32, long=(64, 128), checked=64, unlabelled=675, passes=1, first_calls=0,
    gemm=1024, copied_mb=128,
)  # fmt: skip


def forward(sizes: Sizes) -> Result:
    """Soft-DTW of a batch of costs."""
    costs = random_costs(sizes.batch, sizes.frames)
    return _on_costs("Soft-DTW, forward", costs, sizes, backward=False)


def forward_backward(sizes: Sizes) -> Result:
    """Soft-DTW of a batch of costs, and its gradient."""
    costs = random_costs(sizes.batch, sizes.frames)
    return _on_costs("Soft-DTW, forward and backward", costs, sizes, backward=True)


def small(sizes: Sizes) -> Result:
    """A small batch."""
    return _on_costs("Small batch, forward and backward", random_costs(*sizes.small), sizes, backward=True)


def long(sizes: Sizes) -> Result:
    """Long clips."""
    return _on_costs("Long clips, forward and backward", random_costs(*sizes.long), sizes, backward=True)


def pairwise(sizes: Sizes) -> Result:
    """All pairs of two sets of clips, from their embeddings."""
    return _on_embeddings("From embeddings, forward", sizes, backward=False)


def pairwise_backward(sizes: Sizes) -> Result:
    """All pairs of two sets of clips, from their embeddings and back to them."""
    return _on_embeddings("From embeddings, forward and backward", sizes, backward=True)


def path(sizes: Sizes) -> Result:
    """Hard DTW with the path."""
    costs = random_costs(sizes.batch, sizes.frames)
    sequences = torch.rand(sizes.batch, 2, sizes.frames, generator=torch.Generator().manual_seed(0))
    contenders = [
        Contender(_ours(threads), lambda: dtw_path(costs), sizes.batch, threads) for threads in (2, 1)
    ]
    some, absent = costs[: sizes.checked], []
    differences = [_furthest(dtw_path(some).distances, dtw_path(some.double()).distances)] * 2
    for peer in PATH_PEERS:
        modules = load(peer)
        if modules is None:
            absent.append(peer.name)
            continue
        align = peer.build(modules)
        inputs = (sequences if peer.takes == "sequences" else costs)[: peer.pairs or sizes.batch]
        inputs = inputs if peer.takes == "float32" else inputs.double()
        work = partial(align, inputs.numpy())
        contenders.append(Contender(peer.name, work, len(inputs), peer.threads, peer.note))
        checked = inputs[: sizes.checked]
        found = torch.from_numpy(np.asarray(align(checked.numpy()), dtype=np.float64))
        if peer.takes == "sequences":
            checked = (checked[:, 0, :, None] - checked[:, 1, None, :]).square()
        differences.append(_furthest(found, dtw_path(checked.double()).distances))
    title = f"Hard DTW with the path, {sizes.batch} pairs of T = {sizes.frames}"
    return _rates(title, contenders, interleave(contenders, sizes.rounds), differences, absent)


def pseudo_label_pass(sizes: Sizes) -> Result:
    """Every unlabelled clip against every exemplar; what the fastest peer would need is extrapolated."""
    exemplars = sizes.classes * sizes.exemplars
    clips = torch.randn(sizes.unlabelled, sizes.frames, sizes.features)
    gallery = torch.randn(exemplars, sizes.frames, sizes.features)
    classes = torch.arange(exemplars) % sizes.classes
    score = AlignabilityScore()

    def work() -> object:
        return class_alignability(clips, gallery, classes, sizes.classes, score, GAMMA)

    pairs = sizes.unlabelled * exemplars
    contenders = [Contender(_ours(threads), work, pairs, threads) for threads in (2, 1)]
    title = (
        f"Pseudo-label pass, {sizes.unlabelled} clips x {sizes.classes} classes x {sizes.exemplars} "
        f"exemplars, T = {sizes.frames}, F = {sizes.features}"
    )
    class_alignability(clips[:1], gallery, classes, sizes.classes, score, GAMMA)
    readings = interleave(contenders, sizes.passes, warm=False)
    return _rates(title, contenders, readings, [None, None], [])


def gradient(sizes: Sizes) -> Result:
    """How far float32 distances and gradients are from float64, on two kinds of costs."""
    generator = torch.Generator().manual_seed(1)
    shape = (sizes.checked, sizes.frames, sizes.features)
    clips = [functional.normalize(torch.randn(shape, generator=generator), dim=-1) for _ in range(2)]
    kinds = {
        "uniform in [0, 2]": random_costs(sizes.checked, sizes.frames),
        f"1 - cosine of random vectors, F = {sizes.features}": 1 - clips[0] @ clips[1].transpose(1, 2),
    }
    use_threads(2)
    rows: list[Result] = []
    for kind, costs in kinds.items():
        exact, exact_gradient = _our_soft_dtw(costs.double()), _gradient(_our_soft_dtw, costs.double())
        for name, align, wide in _aligners():  # wide: given float64
            if align is None:
                rows.append({"costs": kind, "name": name, "status": "not installed"})
                continue
            given = costs.double() if wide else costs
            found = _gradient(align, given)
            corners = torch.stack([found[:, 0, 0], found[:, -1, -1]])
            rows.append(
                {
                    "costs": kind,
                    "name": name,
                    "status": "measured",
                    "distance": _furthest(_one_by_one(align, given), exact),
                    "gradient": _furthest(found, exact_gradient),
                    "corners": _furthest(corners, torch.ones_like(corners)),
                }
            )
    title = f"Greatest error against float64, T = {sizes.frames}, γ = {GAMMA}, {sizes.checked} pairs"
    return {"kind": "errors", "title": title, "rows": rows}


def first_calls(sizes: Sizes) -> Result:
    """The first call in a fresh process."""
    rows: list[Result] = []
    for name, align, _ in _aligners()[:-1]:
        if align is None:
            rows.append({"name": name, "status": "not installed"})
            continue
        readings = first_call.measure(name, sizes.first_calls)
        rows.append(
            {
                "name": name,
                "status": "measured",
                "import_s": statistics.median(reading["import_s"] for reading in readings),
                "call_s": statistics.median(reading["call_s"] for reading in readings),
                "together_s": statistics.median(
                    reading["import_s"] + reading["call_s"] for reading in readings
                ),
                "again_s": statistics.median(reading["again_s"] for reading in readings),
            }
        )
    pairs, frames, _ = first_call.SHAPE
    title = f"First forward and backward pass in a fresh process, {pairs} pairs of T = {frames}"
    return {"kind": "first calls", "title": title, "rows": rows}


def limits(sizes: Sizes) -> Result:
    """What the machine could do at most, and what that means in pairs per second."""
    measured = machine.limits(3 * sizes.rounds, sizes.gemm, sizes.copied_mb)
    flop = 2 * sizes.frames**2 * sizes.features  # of one pair's costs
    cells = 4 * sizes.frames**2  # bytes of one pair's costs
    bounds = {}
    for threads in ("1", "2"):
        flops, traffic = measured["gemm_gflops"][threads] * 1e9, measured["copy_gb_per_s"][threads] * 1e9
        bounds[threads] = {
            "forward": traffic / cells,
            "forward_backward": traffic / (2 * cells),
            "pairwise": flops / flop,
            "pairwise_backward": flops / (3 * flop),
            "pseudo_label_pass": flops / flop,
        }
    return {
        "kind": "limits",
        "title": "What the machine allows",
        "measured": measured,
        "flop_per_pair": flop,
        "bytes_per_pair": cells,
        "bounds_pairs_per_s": bounds,
    }


def _on_costs(name: str, costs: Tensor, sizes: Sizes, *, backward: bool) -> Result:
    def contender(name: str, align: Align, at_once: int, threads: int, note: str = "") -> Contender:
        portions = costs.split(at_once)

        def work() -> None:
            for portion in portions:
                if backward:
                    align(portion.detach().requires_grad_()).sum().backward()
                else:
                    align(portion)

        return Contender(name, work, len(costs), threads, note)

    some = costs[: min(sizes.checked, 64)]
    exact = _our_soft_dtw(some.double())
    contenders = [contender(_ours(threads), _our_soft_dtw, len(costs), threads) for threads in (2, 1)]
    differences: list[float | None] = [_furthest(_our_soft_dtw(some), exact)] * 2
    absent = []
    for peer in SOFT_PEERS:
        modules = load(peer)
        if modules is None:
            absent.append(peer.name)
            continue
        align = peer.build(modules, GAMMA)
        contenders.append(contender(peer.name, align, peer.at_once, 2, peer.note))
        differences.append(_furthest(_one_by_one(align, some), exact))
    title = f"{name}, {len(costs)} pairs of T = {costs.shape[1]}"
    return _rates(title, contenders, interleave(contenders, sizes.rounds), differences, absent)


def _on_embeddings(name: str, sizes: Sizes, *, backward: bool) -> Result:
    shape = (sizes.clips, sizes.frames, sizes.features)
    first, second = torch.randn(shape), torch.randn(shape)

    def contender(name: str, align: Callable[[Tensor, Tensor], Tensor], threads: int, note: str) -> Contender:
        def work() -> None:
            if backward:
                align(first.detach().requires_grad_(), second.detach().requires_grad_()).sum().backward()
            else:
                align(first, second)

        return Contender(name, work, sizes.clips**2, threads, note)

    few = first[:8], second[:8]
    exact = _our_pairwise(few[0].double(), few[1].double())
    contenders = [contender(_ours(threads), _our_pairwise, threads, "") for threads in (2, 1)]
    differences: list[float | None] = [_furthest(_our_pairwise(*few), exact)] * 2
    absent = []
    for peer in SOFT_PEERS:
        modules = load(peer)
        if modules is None:
            absent.append(peer.name)
            continue
        align = peer.build(modules, GAMMA)
        pairwise_align = partial(_pairwise_of_peer, align, peer.at_once)
        contenders.append(contender(f"product + {peer.name}", pairwise_align, 2, peer.note))
        differences.append(_furthest(_one_by_one(align, all_pairs(*few)), exact.flatten()))
    title = f"{name}, {sizes.clips} x {sizes.clips} clips of T = {sizes.frames}, F = {sizes.features}"
    return _rates(title, contenders, interleave(contenders, sizes.rounds), differences, absent)


def _rates(
    title: str,
    contenders: Sequence[Contender],
    readings: Sequence[Sequence[float]],
    differences: Sequence[float | None],
    absent: Sequence[str],
) -> Result:
    """A row's figures; the first contender is the one that the ratios compare with."""
    rows: list[Result] = []
    for contender, times, difference in zip(contenders, readings, differences, strict=True):
        if difference is not None and not difference <= TOLERANCE:
            raise ValueError(
                f"{title}: {contender.name} is {difference:.3g} off our float64 distances, more than "
                f"{TOLERANCE}; it computes something else."
            )
        figures = summary(times, contender.pairs)
        rows.append(
            {
                "name": contender.name,
                "status": "measured",
                "threads": contender.threads,
                "pairs": contender.pairs,
                **figures,
                "ours_is_faster": rows[0]["pairs_per_s"] / figures["pairs_per_s"] if rows else 1.0,
                "difference": difference,
                "note": contender.note,
            }
        )
    rows += [{"name": name, "status": "not installed"} for name in absent]
    return {"kind": "rates", "title": title, "rows": rows}


def all_pairs(first: Tensor, second: Tensor) -> Tensor:
    """Costs (N M, T1, T2) of every pair of clips (N, T1, F) and (M, T2, F), by one matrix product."""
    first, second = functional.normalize(first, dim=-1), functional.normalize(second, dim=-1)
    cosines = (first.flatten(0, 1) @ second.flatten(0, 1).T).unflatten(0, first.shape[:2])  # (N, T1, M T2)
    return 1 - cosines.unflatten(2, second.shape[:2]).transpose(1, 2).flatten(0, 1)


def _our_soft_dtw(costs: Tensor) -> Tensor:
    return soft_dtw(costs, GAMMA)


def _our_pairwise(first: Tensor, second: Tensor) -> Tensor:
    return pairwise_soft_dtw(first, second, GAMMA)


def _pairwise_of_peer(align: Align, at_once: int, first: Tensor, second: Tensor) -> Tensor:
    return torch.cat([align(portion) for portion in all_pairs(first, second).split(at_once)])


def _aligners() -> list[tuple[str, Align | None, bool]]:
    """Ours, the soft peers (None where not installed), and last one that needs float64."""
    peers = [(peer, load(peer)) for peer in SOFT_PEERS]
    found = [
        (peer.name, None if modules is None else peer.build(modules, GAMMA), False) for peer, modules in peers
    ]
    check = partial(wavefront_autograd.soft_dtw, gamma=GAMMA)
    return [("ours", _our_soft_dtw, False), *found, ("wavefront in torch autograd, float64", check, True)]


def _one_by_one(align: Align, costs: Tensor) -> Tensor:
    """Distances (B,) by one call for each pair: a peer may return the mean of its batch."""
    return torch.cat([align(pair) for pair in costs.split(1)])


def _gradient(align: Align, costs: Tensor) -> Tensor:
    leaf = costs.detach().clone().requires_grad_()
    return torch.autograd.grad(align(leaf).sum(), leaf)[0]


def _furthest(found: Tensor, expected: Tensor) -> float:
    return float((found.detach().double() - expected.double()).abs().max())


def _ours(threads: int) -> str:
    return "ours" if threads == 2 else f"ours, {threads} thread"


ROWS: dict[str, Callable[[Sizes], Result]] = {
    "forward": forward,
    "forward_backward": forward_backward,
    "pairwise": pairwise,
    "pairwise_backward": pairwise_backward,
    "path": path,
    "pseudo_label_pass": pseudo_label_pass,
    "small": small,
    "long": long,
    "gradient": gradient,
    "first_calls": first_calls,
    "limits": limits,
}


def random_costs(pairs: int, frames: int) -> Tensor:
    """Costs (pairs, T, T) uniform in [0, 2], where 1 - cosine lies; the same ones every time."""
    return 2 * torch.rand(pairs, frames, frames, generator=torch.Generator().manual_seed(0))


def measure(sizes: Sizes, names: Sequence[str], notify: Callable[[str], None]) -> Result:
    """The rows of these names, and the machine."""
    results: Result = {
        "machine": machine.description(),
        "peers": versions(),
        "gamma": GAMMA,
        "tolerance": TOLERANCE,
        "sizes": asdict(sizes),
        "rows": {},
    }
    for name in names:
        notify(name)
        torch.manual_seed(0)
        results["rows"][name] = ROWS[name](sizes)
    _extrapolate_pass(results["rows"])
    results["machine"]["load_average_at_the_end"] = round(os.getloadavg()[0], 2)
    return results


def _extrapolate_pass(rows: dict[str, Result]) -> None:
    """What the pass would take at the rate of each peer in the row from embeddings."""
    if "pairwise" not in rows or "pseudo_label_pass" not in rows:
        return
    pairs = rows["pseudo_label_pass"]["rows"][0]["pairs"]
    rows["pseudo_label_pass"]["extrapolated_s"] = {
        row["name"]: pairs / row["pairs_per_s"]
        for row in rows["pairwise"]["rows"]
        if row["status"] == "measured" and not row["name"].startswith("ours")
    }


def main() -> None:
    """Measure, print the tables, keep the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of about a minute")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), help="only these")
    parser.add_argument("--table", action="store_true", help="print the tables of the last full run")
    options = parser.parse_args()
    if options.table:
        if not RESULTS.exists():
            parser.error(
                "nothing was measured yet; run `python -m benchmarks.alignment` without --table first."
            )
        print(tables(json.loads(RESULTS.read_text(encoding="utf-8"))))
        return
    results = measure(QUICK if options.quick else Sizes(), options.rows, lambda name: print(name, flush=True))
    print(tables(results))
    if not options.quick and options.rows == list(ROWS):
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
