"""EfficientNet-Lite0: EfficientNet-B0 without squeeze-and-excitation, with ReLU6, for small devices.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the Lite
family was published by its authors in 2020. Weights by file: see `checkpoint_names`.
"""

from torch import Tensor, nn
from torch.nn import functional

from finepseudo_core.encoders.normalisation import EFFICIENTNET_LITE, Renormalise

# repeats, kernel, stride of the first, expansion, channels
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
LAST_RESOLUTION = 11  # the first block at 1/32 of the frame, where a ResNet's layer4 begins
STEM, FINAL = 32, 1280


class EfficientNetLite0(nn.Module):
    """Stem, 16 inverted residual blocks and a final 1x1 convolution: no head, 3.4 M parameters.

    Stochastic depth and dropout of the original training are left out: most of it stays frozen here.
    """

    width = FINAL

    def __init__(self) -> None:
        super().__init__()
        self.normalise = Renormalise(EFFICIENTNET_LITE)
        self.stem = _Unit(3, STEM, 3, stride=2)
        blocks, channels = [], STEM
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for place in range(repeats):
                blocks.append(
                    InvertedResidual(channels, outputs, kernel, stride if place == 0 else 1, expansion)
                )
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.final = _Unit(channels, FINAL, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, 3, H, W) -> maps (N, 1280, H / 32, W / 32), sides rounded up."""
        return self.final(self.blocks(self.stem(self.normalise(frames))))

    def freeze_early(self) -> None:
        """Stop training all but the blocks at the last resolution and the final convolution."""
        self.stem.requires_grad_(False)
        self.blocks[:LAST_RESOLUTION].requires_grad_(False)


class InvertedResidual(nn.Module):
    """Widen by 1x1, filter every channel by itself, narrow by 1x1 without activation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.widen = _Unit(inputs, wide, 1) if expansion > 1 else nn.Identity()
        self.filter = _Unit(wide, wide, kernel, stride, groups=wide)
        self.narrow = _Unit(wide, outputs, 1, activate=False)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, maps: Tensor) -> Tensor:
        narrow = self.narrow(self.filter(self.widen(maps)))
        return maps + narrow if self.adds else narrow


class _Unit(nn.Module):
    """Convolution padded as TensorFlow's SAME, batch norm, ReLU6."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        *,
        groups: int = 1,
        activate: bool = True,
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)
        self.activate = activate
        nn.init.kaiming_normal_(self.convolution.weight, mode="fan_out")

    def forward(self, maps: Tensor) -> Tensor:
        kernel, stride = self.convolution.kernel_size[0], self.convolution.stride[0]
        if kernel > 1:
            maps = functional.pad(
                maps, [*_same(maps.shape[-1], kernel, stride), *_same(maps.shape[-2], kernel, stride)]
            )
        maps = self.norm(self.convolution(maps))
        return functional.relu6(maps) if self.activate else maps


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Padding before and after so that ceil(size / stride) results remain; the odd one goes behind."""
    padding = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return padding // 2, padding - padding // 2
