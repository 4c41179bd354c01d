"""`python -m finepseudo_core.alignment` compiles every kernel into numba's cache on disk."""

import torch

from finepseudo_core.alignment.dtw_path import dtw_path
from finepseudo_core.alignment.pairwise import pairwise_soft_dtw
from finepseudo_core.alignment.soft_dtw import soft_dtw

GAMMA = 0.001


def compile_kernels() -> None:
    """Run each kernel once, on either precision."""
    for precision in (torch.float32, torch.float64):
        clips = torch.rand(3, 4, 2, dtype=precision, requires_grad=True)
        pairwise_soft_dtw(clips, clips, GAMMA).sum().backward()
        pairwise_soft_dtw(clips, clips.detach().clone(), GAMMA)
        costs = torch.rand(3, 4, 5, dtype=precision, requires_grad=True)
        soft_dtw(costs, GAMMA).sum().backward()
        dtw_path(costs.detach())


if __name__ == "__main__":
    compile_kernels()
