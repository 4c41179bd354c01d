"""Soft-DTW on devices other than the CPU: Triton kernels where they fit, plain torch everywhere else.

The three functions are those of `wavefront`. Both routes work in full float32 whatever the caller allows:
under TF32 or autocast the costs, hence the gradient at the paper's γ, would be off in the first digit.
"""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType

import torch
from torch import Tensor

from finepseudo_core.alignment import wavefront


def align(costs: Tensor, lengths: Tensor, gamma: float, wanted: bool) -> tuple[Tensor, Tensor]:
    """Values (B,) and, where wanted, the gradient dD/dC (B, T1, T2) of costs (B, T1, T2)."""
    kernels = _kernels(costs)
    with full_precision(costs):
        return (kernels or wavefront).align(costs, lengths, gamma, wanted)


def pairwise_values(first: Tensor, second: Tensor, gamma: float) -> Tensor:
    """Distances (N, M) of normalised embeddings (N, T1, F) and (M, T2, F), in blocks."""
    kernels = _pairwise_kernels(first, second, gamma)
    with full_precision(first):
        return kernels.pairwise_values(first, second, gamma)


def pairwise_gradients(
    first: Tensor, second: Tensor, gamma: float, incoming: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients with respect to both sets of embeddings, for gradients `incoming` (N, M) of the distances."""
    kernels = _pairwise_kernels(first, second, gamma)
    with full_precision(first):
        return kernels.pairwise_gradients(first, second, gamma, incoming)


@contextmanager
def full_precision(tensor: Tensor) -> Iterator[None]:
    """Autocast and TF32 off, and the tensor's GPU the current one, for a while."""
    with torch.autocast(tensor.device.type, enabled=False):
        if tensor.is_cuda:
            with torch.cuda.device(tensor.device), without_tf32():
                yield
        else:
            yield


@contextmanager
def without_tf32() -> Iterator[None]:
    """Matrix products on the GPU in full float32, by whichever of torch's two switches is in use."""
    matmul = torch.backends.cuda.matmul
    chosen = matmul.fp32_precision
    try:
        older = torch.get_float32_matmul_precision()
    except RuntimeError:  # the newer switch was used, which locks the older one
        older = None
    try:
        if older is not None:
            torch.set_float32_matmul_precision("highest")
        matmul.fp32_precision = "ieee"
        yield
    finally:
        if older is not None:
            torch.set_float32_matmul_precision(older)
        matmul.fp32_precision = chosen


def _pairwise_kernels(first: Tensor, second: Tensor, gamma: float) -> ModuleType:
    kernels = _kernels(first)
    return kernels if kernels and kernels.suits(gamma, first.shape[1], second.shape[1]) else wavefront


def _kernels(tensor: Tensor) -> ModuleType | None:
    return _triton() if tensor.is_cuda and tensor.dtype == torch.float32 else None


@cache
def _triton() -> ModuleType | None:
    """The Triton kernels; None where triton is not installed."""
    if importlib.util.find_spec("triton") is None:
        return None
    from finepseudo_core.alignment import kernels_triton

    return kernels_triton
