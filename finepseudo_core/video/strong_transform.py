"""The strong view of FixMatch: RandAugment and Cutout on a wide crop, the same for all frames of a clip."""

from dataclasses import dataclass
from importlib import import_module

import numpy as np
import torch
from torch import Tensor

from finepseudo_core.encoders.torchvision_import import torchvision
from finepseudo_core.video.transforms import normalise, resize, to_unit

v2 = import_module(f"{torchvision.__name__}.transforms.v2")
MAGNITUDES = 31  # steps from an operation's weakest form to its strongest
GREY = 0.5


@dataclass(frozen=True)
class StrongTransform:
    """Random crop and resize, then random operations of RandAugment, then a grey square hole.

    RandAugment (Cubuk et al., NeurIPS 2020) as FixMatch uses it: each operation with a strength of its own.

    Args:
        size: height and width of the result in pixels.
        scale: least and largest side of the square crop, as a share of the shorter side.
        operations: how many operations in a row.
        cutout: largest side of the hole, as a share of `size`.
    """

    size: int
    scale: tuple[float, float] = (0.5, 1.0)
    operations: int = 2
    cutout: float = 0.5

    def __call__(self, frames: np.ndarray, generator: np.random.Generator) -> Tensor:
        """Frames uint8 (T, H, W, 3) -> float32 (3, T, size, size)."""
        height, width = frames.shape[1:3]
        side = max(1, round(min(height, width) * generator.uniform(*self.scale)))
        top, left = generator.integers(height - side + 1), generator.integers(width - side + 1)
        clip = resize(to_unit(frames[:, top : top + side, left : left + side]), self.size)
        clip = self._operate((clip * 255).round().to(torch.uint8), generator).float() / 255
        return normalise(self._cut_out(clip, generator))

    def _operate(self, clip: Tensor, generator: np.random.Generator) -> Tensor:
        """Random operations on uint8 (T, 3, H, W); torch's own random state is left as it was."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(generator.integers(2**63)))
            for magnitude in generator.integers(MAGNITUDES, size=self.operations).tolist():
                clip = v2.RandAugment(
                    1, magnitude, MAGNITUDES, v2.InterpolationMode.BILINEAR, fill=round(255 * GREY)
                )(clip)
        return clip

    def _cut_out(self, clip: Tensor, generator: np.random.Generator) -> Tensor:
        side = round(self.size * generator.uniform(0, self.cutout))
        row, column = generator.integers(self.size, size=2) - side // 2
        rows, columns = slice(max(0, row), max(0, row + side)), slice(max(0, column), max(0, column + side))
        clip[:, :, rows, columns] = GREY
        return clip
