"""Frame-to-frame costs between two embedded clips."""

import torch
from torch import Tensor
from torch.nn import functional

from finepseudo_core.alignment.device import full_precision


def cosine_costs(first: Tensor, second: Tensor) -> Tensor:
    """C_ij = 1 - cos(u_i, v_j), in [0, 2].

    Args:
        first: frame embeddings (..., T1, F).
        second: frame embeddings (..., T2, F); leading sizes broadcast.

    Returns:
        Costs (..., T1, T2), float32 or wider. A zero embedding has cost 1 with everything.
    """
    with full_precision(first):
        first, second = normalise(first), normalise(second)
        return 1 - first @ second.transpose(-1, -2)


def normalise(embeddings: Tensor) -> Tensor:
    """Embeddings (..., F) at length one, in float32 or wider: bfloat16 puts the gradient off by 0.65."""
    if embeddings.dtype not in (torch.float32, torch.float64):
        embeddings = embeddings.float()
    return functional.normalize(embeddings, dim=-1)
