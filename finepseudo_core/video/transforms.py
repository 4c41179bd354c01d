"""From decoded frames to network input: one preset for training, one for evaluation."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

MEAN = (0.485, 0.456, 0.406)  # ImageNet's, per channel in RGB
DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class TrainingTransform:
    """Random crop, resize and colour jitter, the same for all frames of a clip.

    Args:
        size: height and width of the result in pixels.
        scale: least and largest side of the square crop, as a share of the shorter side.
        jitter: largest relative change of brightness and contrast.
        grey: probability of dropping the colour.
    """

    size: int
    scale: tuple[float, float] = (0.75, 1.0)
    jitter: float = 0.3
    grey: float = 0.1

    def __call__(self, frames: np.ndarray, generator: np.random.Generator) -> Tensor:
        """Frames uint8 (T, H, W, 3) -> float32 (3, T, size, size)."""
        height, width = frames.shape[1:3]
        side = max(1, round(min(height, width) * generator.uniform(*self.scale)))
        top, left = generator.integers(height - side + 1), generator.integers(width - side + 1)
        clip = to_unit(frames[:, top : top + side, left : left + side])
        clip = resize(clip, self.size)
        contrast, brightness = generator.uniform(1 - self.jitter, 1 + self.jitter, size=2)
        clip = ((clip - 0.5) * contrast + 0.5) * brightness
        if generator.random() < self.grey:
            clip = clip.mean(dim=1, keepdim=True).expand_as(clip)
        return normalise(clip.clamp(0, 1))


@dataclass(frozen=True)
class EvaluationTransform:
    """Resize without randomness; crops along the longer side.

    Args:
        size: height and width of the result in pixels.
        crops: 1 for the centre, 3 for start, centre and end of the longer side.
    """

    size: int
    crops: int = 1

    def __call__(self, frames: np.ndarray) -> Tensor:
        """Frames uint8 (T, H, W, 3) -> float32 (crops, 3, T, size, size)."""
        height, width = frames.shape[1:3]
        side = min(height, width)
        views = []
        for place in (0.5,) if self.crops == 1 else (0.0, 0.5, 1.0):
            top, left = round(place * (height - side)), round(place * (width - side))
            clip = to_unit(frames[:, top : top + side, left : left + side])
            views.append(normalise(resize(clip, self.size)))
        return torch.stack(views)


def to_unit(frames: np.ndarray) -> Tensor:
    """Frames uint8 (T, H, W, 3) -> float32 (T, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float().div_(255)


def resize(clip: Tensor, size: int) -> Tensor:
    """Clip (T, 3, H, W) -> (T, 3, size, size), bilinear."""
    if clip.shape[-2:] == (size, size):
        return clip
    shrinks = size < min(clip.shape[-2:])
    return functional.interpolate(clip, (size, size), mode="bilinear", antialias=shrinks)


def normalise(clip: Tensor) -> Tensor:
    """Clip (T, 3, H, W) in [0, 1] -> (3, T, H, W) by ImageNet's mean and deviation."""
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, DEVIATION))
    return ((clip - mean) / deviation).transpose(0, 1).contiguous()
