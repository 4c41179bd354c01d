"""From the statistics that clips are normalised with to those that a pretrained network was trained with."""

import torch
from torch import Tensor, nn

from finepseudo_core.video.transforms import DEVIATION, MEAN

CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
EFFICIENTNET_LITE = ((127 / 255,) * 3, (128 / 255,) * 3)


class Renormalise(nn.Module):
    """Frames normalised as `video.transforms` does, normalised by another mean and deviation instead.

    A frozen network can't learn to undo another scale of its input, so it gets the one it knows.

    Args:
        statistics: mean and deviation of every channel, for values in [0, 1].
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, statistics: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
        super().__init__()
        mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in statistics)
        ours, spread = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, DEVIATION))
        self.register_buffer("scale", spread / deviation, persistent=False)
        self.register_buffer("shift", (ours - mean) / deviation, persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, 3, H, W) -> (N, 3, H, W)."""
        return frames * self.scale + self.shift
