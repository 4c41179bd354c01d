"""A fixed first layer for small networks trained from scratch: where edges run, and in which direction.

Learning to look past colour and light takes far more clips than a small labelled set holds, so the networks
for CPUs start from gradient energy by orientation, as in HOG (Dalal and Triggs, CVPR 2005).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

FRAMES_AT_ONCE = 64  # what comes between fits a CPU's cache
SOFTENING = 0.1  # gradient, in normalised grey levels, below which contrast is not raised


class OrientedEnergy(nn.Module):
    """Gradient magnitude, split by orientation and divided by the contrast around it.

    Args:
        orientations: number of orientations over half a turn, K.
        around: side of the square whose mean energy is the contrast, odd, in pixels.
    """

    kernels: Tensor
    directions: Tensor

    def __init__(self, orientations: int = 8, around: int = 9) -> None:
        super().__init__()
        self.orientations, self.around = orientations, around
        across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
        angles = torch.arange(orientations) * (math.pi / orientations)
        self.register_buffer("kernels", torch.stack([across, across.T])[:, None], persistent=False)
        self.register_buffer(
            "directions", torch.stack([angles.cos(), angles.sin()], 1)[:, :, None, None], persistent=False
        )

    @torch.no_grad()
    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, 3, H, W) -> energies (N, K, H, W), about 0 to 2. Nothing here learns."""
        return torch.cat([self._energies(part) for part in frames.split(FRAMES_AT_ONCE)])

    def _energies(self, frames: Tensor) -> Tensor:
        grey = frames.mean(dim=1, keepdim=True)
        padded = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
        gradient = _wide(functional.conv2d(padded, self.kernels))  # (N, 2, H, W)
        magnitude = gradient.square().sum(1, keepdim=True).add(1e-8).sqrt()  # (N, 1, H, W)
        along = (
            _wide(functional.conv2d(gradient / magnitude, self.directions)).square().square()
        )  # cos⁴ of the angle
        share = along / along.sum(1, keepdim=True).clamp_min(1e-8)
        contrast = _blur(_blur(magnitude, (1, self.around)), (self.around, 1))
        return (magnitude / (contrast + SOFTENING)).sqrt() * share


def _wide(values: Tensor) -> Tensor:
    """In float32 at least: float16 rounds to 0 what is divided by."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _blur(maps: Tensor, window: tuple[int, int]) -> Tensor:
    """Mean over a window (height, width) around every pixel, zeros beyond the border."""
    return functional.avg_pool2d(maps, window, 1, (window[0] // 2, window[1] // 2))
