"""The published packages that the alignment kernels are measured against, each behind one small function.

All are optional: `load` says "not installed" where one is missing. Each is used in its fastest honest way:
the batch call where it has one, in portions of the size that suits it best, and its own threads.
"""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module, metadata
from types import ModuleType
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from benchmarks import wavefront_autograd

Align = Callable[[Tensor], Tensor]
ONE_BY_ONE = 1024


@dataclass(frozen=True)
class SoftPeer:
    """A soft-DTW that torch can differentiate.

    Args:
        name: as the table shows it.
        modules: what must be importable.
        build: from the imported modules and γ to a function, costs (B, T1, T2) -> distances (B,).
        at_once: pairs per call with which it is fastest.
        note: how it was used.
    """

    name: str
    modules: tuple[str, ...]
    build: Callable[[list[ModuleType], float], Align]
    at_once: int
    note: str = ""


@dataclass(frozen=True)
class PathPeer:
    """A hard DTW that returns the path.

    Args:
        name: as the table shows it.
        modules: what must be importable.
        build: from the imported modules to a function that aligns a batch and returns the distances (B,).
        takes: costs (B, T, T) in "float32" or "float64", or "sequences" (B, 2, T) of numbers in float64.
        pairs: how many it gets, 0 for as many as everyone; one by one, the number makes no difference.
        threads: that it can use.
        note: how it was used.
    """

    name: str
    modules: tuple[str, ...]
    build: Callable[[list[ModuleType]], Callable[[np.ndarray], np.ndarray]]
    takes: Literal["float32", "float64", "sequences"]
    pairs: int = ONE_BY_ONE
    threads: int = 1
    note: str = "pair by pair; has no batch"


def load(peer: SoftPeer | PathPeer) -> list[ModuleType] | None:
    """The peer's modules, or None where one of them is not installed."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # dtw-python asks to be cited
            return [import_module(module) for module in peer.modules]
    except ImportError:
        return None


def versions() -> dict[str, str]:
    """Installed versions of the peers' packages."""
    found = {}
    for package in ("pysdtw", "tslearn", "ddtw", "librosa", "dtaidistance", "dtw-python"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _pysdtw(modules: list[ModuleType], gamma: float) -> Align:
    loss = modules[0].SoftDTW(gamma, dist_func=lambda costs, _: costs, use_cuda=False)
    return lambda costs: loss(costs, costs)


def _tslearn(modules: list[ModuleType], gamma: float) -> Align:
    def own(costs: Tensor, _: Tensor) -> Tensor:
        return costs if costs.is_leaf else costs.clone()  # it writes into them

    loss = modules[0].SoftDTWLossPyTorch(gamma, dist_func=own)
    return lambda costs: loss(costs, costs)


def _ddtw(modules: list[ModuleType], gamma: float) -> Align:
    loss = modules[0].SDTW(gamma=gamma, normalization="none", backend="cpu_numba")
    return lambda costs: loss(C=costs).expand(len(costs))  # it returns the mean of the batch


SOFT_PEERS = (
    SoftPeer(
        "pysdtw", ("pysdtw",), _pysdtw, 256, "256 pairs a call: with more it is slower, by its (B, B) gather"
    ),
    SoftPeer("tslearn SoftDTWLossPyTorch", ("tslearn.metrics",), _tslearn, 512),
    SoftPeer("ddtw SDTW, numba", ("ddtw",), _ddtw, 256, "returns the mean of a batch; 256 pairs a call"),
    SoftPeer(
        "wavefront in torch autograd",
        (),
        lambda _, gamma: lambda costs: wavefront_autograd.soft_dtw(costs, gamma),
        4096,
        "benchmarks/wavefront_autograd.py",
    ),
)


def _librosa(modules: list[ModuleType]) -> Callable[[np.ndarray], np.ndarray]:
    dtw = modules[0].sequence.dtw
    return lambda costs: np.array([dtw(C=pair, backtrack=True)[0][-1, -1] for pair in costs])


def _dtaidistance(modules: list[ModuleType]) -> Callable[[np.ndarray], np.ndarray]:
    align = modules[0].warping_path_fast
    return lambda sequences: np.array(
        [align(first, second, include_distance=True)[1] ** 2 for first, second in sequences]
    )


def _dtw_python(modules: list[ModuleType]) -> Callable[[np.ndarray], np.ndarray]:
    dtw = modules[0].dtw
    return lambda costs: np.array([dtw(pair, step_pattern="symmetric1").distance for pair in costs])


def _tslearn_path(modules: list[ModuleType]) -> Callable[[np.ndarray], np.ndarray]:
    align = modules[0].dtw_path_from_metric
    return lambda costs: np.array([align(pair, metric="precomputed")[1] for pair in costs])


def _ddtw_path(modules: list[ModuleType]) -> Callable[[np.ndarray], np.ndarray]:
    loss = modules[0].DTW(normalization="none", backend="cpu_numba")

    def align(costs: np.ndarray) -> np.ndarray:
        pairs = torch.from_numpy(costs).requires_grad_()
        (on_path,) = torch.autograd.grad(loss(C=pairs).mul(len(pairs)), pairs)
        return (pairs.detach() * on_path).sum((1, 2)).numpy()

    return align


PATH_PEERS = (
    PathPeer("librosa.sequence.dtw", ("librosa",), _librosa, "float32"),
    PathPeer(
        "dtaidistance warping_path_fast",
        ("dtaidistance.dtw",),
        _dtaidistance,
        "sequences",
        note="pair by pair; takes no costs, so sequences of T numbers",
    ),
    PathPeer("dtw-python", ("dtw",), _dtw_python, "float64"),
    PathPeer("tslearn dtw_path_from_metric", ("tslearn.metrics",), _tslearn_path, "float64"),
    PathPeer(
        "ddtw DTW, numba", ("ddtw",), _ddtw_path, "float32", 0, 2, "one batch; the path is its gradient"
    ),
)
