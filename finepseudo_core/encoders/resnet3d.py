"""3D residual networks beside torchvision's: 3D-ResNet-50, and TCLR's change of the 18-layer ones."""

from typing import Any

from torch import Tensor, nn

DEPTHS = (3, 4, 6, 3)  # blocks of a ResNet-50's four stages


class ResNet3D(nn.Module):
    """3D-ResNet-50: Hara et al., "Can Spatiotemporal 3D CNNs Retrace the History of 2D CNNs", CVPR 2018.

    Parameters are named as in the authors' released checkpoints. Time is halved by the pooling and by
    three stages, so 8 frames end as one.

    Args:
        width: channels of the stem; the result has 32 times as many.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, width, 7, (1, 2, 2), 3, bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool3d(3, 2, 1)
        self.layer1 = _stage(width, width, DEPTHS[0], stride=1)
        self.layer2 = _stage(4 * width, 2 * width, DEPTHS[1], stride=2)
        self.layer3 = _stage(8 * width, 4 * width, DEPTHS[2], stride=2)
        self.layer4 = _stage(16 * width, 8 * width, DEPTHS[3], stride=2)
        self.width = 32 * width
        for part in self.modules():
            if isinstance(part, nn.Conv3d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) -> (B, 32 * width)."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(clips))))
        return self.layer4(self.layer3(self.layer2(self.layer1(maps)))).mean(dim=(2, 3, 4))


class Bottleneck(nn.Module):
    """1x1x1, 3x3x3 and 1x1x1 convolutions around a shortcut; the stride is in the middle one."""

    def __init__(self, inputs: int, inner: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * inner
        self.conv1 = nn.Conv3d(inputs, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(inner)
        self.conv2 = nn.Conv3d(inner, inner, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm3d(inner)
        self.conv3 = nn.Conv3d(inner, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv3d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm3d(outputs)
            )

    def forward(self, maps: Tensor) -> Tensor:
        inner = self.relu(self.bn1(self.conv1(maps)))
        inner = self.relu(self.bn2(self.conv2(inner)))
        return self.relu(self.bn3(self.conv3(inner)) + self.downsample(maps))


def _stage(inputs: int, inner: int, blocks: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        Bottleneck(inputs, inner, stride), *(Bottleneck(4 * inner, inner, 1) for _ in range(blocks - 1))
    )


def keep_time_in_last_stage(network: Any) -> None:
    """Let layer4 of torchvision's r3d_18 or r2plus1d_18 dilate in time instead of halving it.

    So TCLR (Dave et al., CVIU 2022) pretrains r3d_18: no parameter changes its shape, so weights can't tell.
    """
    first = network.layer4[0]
    temporal = [part for part in first.conv1[0].modules() if isinstance(part, nn.Conv3d)][-1]
    temporal.stride = (1, *temporal.stride[1:])
    temporal.dilation, temporal.padding = (2, 1, 1), (2, *temporal.padding[1:])
    first.downsample[0].stride = (1, *first.downsample[0].stride[1:])
