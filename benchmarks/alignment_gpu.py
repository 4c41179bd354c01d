"""The alignment kernels on a GPU: are they right, how fast, and how near the machine's limits.

`python -m benchmarks.alignment_gpu` compares with the torch wavefront in float64, then times costs and
embeddings at T = 32 beside the wavefront in float32 and those peers that are installed (pysdtw, ddtw), then
runs a pseudo-label pass of the size of Kinetics-400's. Takes minutes, some of them for compiling. The figures
go to benchmarks/results/alignment_gpu.json, section by section; `--quick` is a rehearsal with few pairs.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from finepseudo_core.alignment import device, wavefront

RESULTS = Path(__file__).parent / "results" / "alignment_gpu.json"
FRAMES, FEATURES, GAMMA = 32, 128, 0.001
CELLS = FRAMES * FRAMES
REPEATS = 5
TOLERANCE = 1e-3  # in the distance and its gradient, both about 1 and more
PER_CLOCK = 16  # special functions of a multiprocessor per clock, compute capability 7.0 to 9.0
Row = dict[str, Any]
CONTENDERS = (("Triton", device), ("torch wavefront", wavefront))


def kernels() -> Any:
    """The Triton kernels, imported no earlier than they are needed."""
    return import_module("finepseudo_core.alignment.kernels_triton")


def embeddings(clips: int, frames: int = FRAMES) -> Tensor:
    return normalize(torch.randn(clips, frames, FEATURES, device="cuda"), dim=-1)


def random_costs(pairs: int) -> Tensor:
    """Costs (pairs, T, T) as random embeddings give them, without the memory that these would need."""
    costs = torch.randn(pairs, FRAMES, FRAMES, device="cuda")
    return costs.mul_(-1 / math.sqrt(FEATURES)).add_(1)


def full_lengths(costs: Tensor) -> Tensor:
    return torch.tensor([costs.shape[1:]], device=costs.device).expand(len(costs), 2)


def check(pairs: int = 2000) -> Row:
    """Largest errors against the wavefront in float64; raises where one is beyond the tolerance."""
    errors: Row = {}
    for gamma in (1e-4, 1e-3, 1.0):
        costs = 1 - embeddings(pairs) @ embeddings(pairs).transpose(1, 2)
        lengths = torch.randint(1, FRAMES + 1, (len(costs), 2), device="cuda")
        lengths[: pairs // 2] = FRAMES
        values, gradient = device.align(costs, lengths, gamma, True)
        expected, flow = wavefront.align(costs.double(), lengths, gamma, True)
        errors[f"value, gamma {gamma:g}"] = float((values - expected).abs().max())
        errors[f"gradient, gamma {gamma:g}"] = float((gradient - flow).abs().max())
    for frames in (1, 5, 33, 64, 70):  # one strip and several, columns left over or not
        first, second = embeddings(7, frames), embeddings(130)
        incoming = torch.randn(7, 130, device="cuda") / 130
        wide = (first.double(), second.double())
        values = device.pairwise_values(first, second, 0.1)
        expected = wavefront.pairwise_values(*wide, 0.1)
        found = device.pairwise_gradients(first, second, 0.1, incoming)
        flows = wavefront.pairwise_gradients(*wide, 0.1, incoming.double())
        errors[f"value, embeddings of {frames} frames"] = float((values - expected).abs().max())
        errors[f"gradient, embeddings of {frames} frames"] = max(
            float((here - there).abs().max()) for here, there in zip(found, flows, strict=True)
        )
    for name, error in errors.items():
        print(f"  {name}: {error:.1e}")
        if not error < TOLERANCE:
            raise SystemExit(f"{name} is off by {error:.1e}, more than {TOLERANCE:g}; nothing was timed.")
    return errors


def seconds(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median seconds of a call on the GPU's own clock, after one call that compiles and allocates."""
    call()
    readings = []
    for _ in range(repeats):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        call()
        end.record()
        end.synchronize()
        readings.append(begin.elapsed_time(end) / 1000)
    return statistics.median(readings)


def limits() -> Row:
    """What the machine can do: copies and float32 products measured, special functions counted."""
    properties = torch.cuda.get_device_properties(0)
    free = torch.cuda.mem_get_info()[0]
    source = torch.rand(min(1 << 30, free // 16), device="cuda")
    copy = 2 * source.nbytes / seconds(partial(torch.empty_like(source).copy_, source))
    del source
    first, second = torch.rand(8192, 8192, device="cuda"), torch.rand(8192, 8192, device="cuda")
    with device.without_tf32():
        product = 2 * 8192**3 / seconds(lambda: first @ second)
    clock = _clock()
    return {
        "copy_bytes_per_s": copy,
        "float32_flop_per_s": product,
        "multiprocessors": properties.multi_processor_count,
        "highest_clock_hz": clock,
        "special_functions_per_s": properties.multi_processor_count * PER_CLOCK * clock,
    }


def bounds(limit: Row) -> Row:
    """Pairs per second that each limit alone allows, by kind of work."""
    copy, flop, special = (
        limit[name] for name in ("copy_bytes_per_s", "float32_flop_per_s", "special_functions_per_s")
    )
    product = 2 * FEATURES * CELLS
    return {
        # tiles read; with the gradient: two weights written and read, the flow written; exp2, reciprocal
        "tiles, forward": {"memory": copy / (4 * CELLS), "special functions": special / CELLS},
        "tiles, forward+backward": {
            "memory": copy / (24 * CELLS),
            "special functions": special / (2 * CELLS),
        },
        # laid out in tiles first: read and written once more, the gradient too
        "costs, forward": {"memory": copy / (12 * CELLS), "special functions": special / CELLS},
        "costs, forward+backward": {
            "memory": copy / (40 * CELLS),
            "special functions": special / (2 * CELLS),
        },
        # one product writes the tiles; two more read the flow
        "embeddings, forward": {"memory": copy / (8 * CELLS), "float32 products": flop / product},
        "embeddings, backward": {"memory": copy / (36 * CELLS), "float32 products": flop / (3 * product)},
    }


def timed(kind: str, who: str, pairs: int, call: Callable[[], object], repeats: int = REPEATS) -> Row:
    """One row of the table; what does not fit or fails says so instead of a rate."""
    row: Row = {"kind": kind, "who": who, "pairs": pairs}
    try:
        began = time.perf_counter()
        call()
        torch.cuda.synchronize()
        row["first_call_s"] = time.perf_counter() - began
        row["seconds"] = seconds(call, repeats)
        row["pairs_per_s"] = pairs / row["seconds"]
        shown = f"{row['pairs_per_s'] / 1e6:12.3f} M pairs/s"
    except Exception as error:  # noqa: BLE001  out of memory, or whatever ails a peer: the next row counts
        row["failed"] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        shown = row["failed"]
    torch.cuda.empty_cache()
    print(f"  {kind:26} {who:34} {pairs:>13,} {shown}", flush=True)
    return row


def from_costs(sizes: list[int], slow: int) -> list[Row]:
    """Rows on costs (B, T, T), by our kernels and, up to `slow` pairs, the wavefront."""
    rows = []
    for pairs in sizes:
        needed, free = 8 * pairs * CELLS + 4 * kernels().MOST_BYTES, torch.cuda.mem_get_info()[0]
        if needed > free:
            print(f"  costs of {pairs:,} pairs and their gradient need {needed / 1e9:.0f} GB; left out.")
            continue
        costs = random_costs(pairs)
        lengths = full_lengths(costs)
        for name, module in CONTENDERS[: 2 if pairs <= slow else 1]:
            for kind, wanted in (("costs, forward", False), ("costs, forward+backward", True)):
                rows.append(timed(kind, name, pairs, partial(module.align, costs, lengths, GAMMA, wanted)))
        del costs, lengths
    return rows


def from_tiles(pairs: int) -> list[Row]:
    """Rows on tiles as the kernels want them: the recursion alone, by pairs per tile."""
    rows = []
    for lanes in (32, 64, 128):
        tiles = torch.empty(pairs // lanes, FRAMES, 1, FRAMES, lanes, device="cuda").uniform_(-0.5, 0.5)
        values = tiles.new_empty(len(tiles), lanes)
        launch = partial(kernels()._launch, tiles, values, torch.ones_like(values), None, GAMMA)
        launch = partial(launch, kernels().LARGEST)
        rows.append(timed("tiles, forward", f"Triton, {lanes} lanes", values.numel(), partial(launch, False)))
        # the gradient overwrites the tiles with numbers in [0, 1]: as negated cosines, costs in [1, 2]
        row = timed(
            "tiles, forward+backward", f"Triton, {lanes} lanes", values.numel(), partial(launch, True)
        )
        rows.append(row)
    return rows


def from_embeddings(sizes: list[int], slow: int) -> list[Row]:
    """Rows on N x M clips, by our kernels and, up to `slow` pairs, the wavefront.

    The backward pass works the costs and weights out again, so a training step takes the sum of both rows.
    """
    rows = []
    for wish in sizes:
        clips = math.isqrt(wish)
        for name, module in CONTENDERS[: 2 if wish <= slow else 1]:
            rows += _both_passes(name, module, clips, 3 if wish > 10**7 else REPEATS)
    return rows


def by_block(pairs: int) -> list[Row]:
    """Rows from embeddings with other pairs per tile and bytes per block than the kernels' own."""
    rows = []
    usual = kernels().LANES, kernels().MOST_BYTES
    for lanes, most in ((32, 1 << 30), (64, 1 << 28), (64, 1 << 32), (128, 1 << 30)):
        kernels().LANES, kernels().MOST_BYTES = lanes, most
        name = f"Triton, {lanes} lanes, {most >> 20} MB"
        rows += _both_passes(name, device, math.isqrt(pairs), REPEATS)
    kernels().LANES, kernels().MOST_BYTES = usual
    return rows


def _both_passes(name: str, module: ModuleType, clips: int, repeats: int) -> list[Row]:
    first, second = embeddings(clips), embeddings(clips)
    incoming = torch.randn(clips, clips, device="cuda")
    forward = partial(module.pairwise_values, first, second, GAMMA)
    backward = partial(module.pairwise_gradients, first, second, GAMMA, incoming)
    return [
        timed("embeddings, forward", name, clips**2, forward, repeats),
        timed("embeddings, backward", name, clips**2, backward, repeats),
    ]


def by_peers(pairs: int) -> list[Row]:
    """Rows of published CUDA soft-DTWs on costs; what is not installed or does not run is noted."""
    rows = []
    for name, build in (("pysdtw", _pysdtw), ("ddtw, cuda_cpp", _ddtw)):
        try:
            align = build()
        except Exception as error:  # noqa: BLE001  whatever ails a peer, ours are still measured
            print(f"  {name} is not measured: {type(error).__name__}: {error}")
            rows.append({"kind": "costs", "who": name, "failed": f"{type(error).__name__}: {error}"})
            continue
        for count in (pairs // 16, pairs):
            costs = random_costs(count).requires_grad_()
            rows.append(timed("costs, forward", name, count, partial(align, costs.detach())))
            rows.append(timed("costs, forward+backward", name, count, partial(_differentiate, align, costs)))
    return rows


def _pysdtw() -> Callable[[Tensor], Tensor]:
    loss = import_module("pysdtw").SoftDTW(GAMMA, dist_func=lambda costs, _: costs, use_cuda=True)
    return lambda costs: loss(costs, costs).sum()


def _ddtw() -> Callable[[Tensor], Tensor]:
    arguments = {"normalization": "none", "backend": "cuda_cpp", "cuda_device": "cuda:0"}
    loss = import_module("ddtw").SDTW(gamma=GAMMA, **arguments)
    return lambda costs: loss(C=costs).sum()


def _differentiate(align: Callable[[Tensor], Tensor], costs: Tensor) -> Tensor:
    return torch.autograd.grad(align(costs), costs)[0]


def pseudo_label_pass(unlabelled: int, exemplars: int) -> Row:
    """Every unlabelled clip against every exemplar, distances only; once, by the wall clock."""
    clips, gallery = embeddings(unlabelled), embeddings(exemplars)
    device.pairwise_values(clips[:100], gallery, GAMMA)
    torch.cuda.synchronize()
    began = time.perf_counter()
    total = torch.zeros((), device="cuda", dtype=torch.float64)
    for part in clips.split(20_000):
        total += device.pairwise_values(part, gallery, GAMMA).mean(dtype=torch.float64)
    mean = float(total) / math.ceil(unlabelled / 20_000)
    passed = time.perf_counter() - began
    pairs = unlabelled * exemplars
    print(
        f"  {pairs:,} pairs in {passed:.1f} s: {pairs / passed / 1e6:.0f} M pairs/s; mean distance {mean:.4f}"
    )
    return {
        "unlabelled": unlabelled,
        "exemplars": exemplars,
        "seconds": passed,
        "pairs_per_s": pairs / passed,
    }


def machine() -> Row:
    properties = torch.cuda.get_device_properties(0)
    versions = {"torch": torch.__version__, "cuda": torch.version.cuda}
    for package in ("triton", "pysdtw", "ddtw"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "gpu": properties.name,
        "memory_gb": properties.total_memory / 1e9,
        "capability": f"{properties.major}.{properties.minor}",
        "driver": _ask_driver("driver_version"),
        "versions": versions,
        "frames": FRAMES,
        "features": FEATURES,
        "gamma": GAMMA,
    }


def _clock() -> float:
    """Highest clock of the multiprocessors in Hz; NaN where the driver does not say."""
    answer = _ask_driver("clocks.max.sm").split()
    return float(answer[0]) * 1e6 if answer and answer[0].isdigit() else math.nan


def _ask_driver(field: str) -> str:
    command = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader", "--id=0"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few pairs: a rehearsal")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the figures go")
    chosen = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit(
            f"No CUDA device for torch {torch.__version__}. This benchmark needs an NVIDIA GPU, torch built "
            "for CUDA (on Linux the plain wheel of PyPI) and triton, which comes with it."
        )
    if device._triton() is None:
        sys.exit("triton can't be imported; pip install the version that `pip show torch` requires.")
    torch.manual_seed(0)
    quick = chosen.quick
    found: Row = {"machine": machine()}

    def section(name: str, measure: Callable[[], Any]) -> Any:
        print(f"{name}:", flush=True)
        found[name] = measure()
        chosen.output.parent.mkdir(parents=True, exist_ok=True)
        chosen.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return found[name]

    print(json.dumps(found["machine"], indent=1))
    section("largest errors", check)
    limit = section("limits", limits)
    print(json.dumps(limit, indent=1))
    bound = section("bounds in pairs per second", lambda: bounds(limit))
    for kind, by in bound.items():
        print(f"  {kind:26}", ", ".join(f"{name} {rate / 1e6:.0f} M" for name, rate in by.items()))
    sizes = [10**4, 10**5] if quick else [10**5, 10**6, 10**7, 10**8]
    slow = sizes[1]
    section("embeddings", lambda: from_embeddings(sizes, slow))
    section("costs", lambda: from_costs(sizes[:3], slow))
    section("tiles", lambda: from_tiles(1 << (14 if quick else 19)))
    section("blocks", lambda: by_block(sizes[-2]))
    section("peers", lambda: by_peers(4096))
    section(
        "pseudo-label pass of Kinetics-400's size",
        lambda: pseudo_label_pass(2400 if quick else 240_000, 600 if quick else 6000),
    )
    print(f"written to {chosen.output}")


if __name__ == "__main__":
    main()
