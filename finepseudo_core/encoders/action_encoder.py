"""f_E, the action encoder: a clip in, class logits out."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from finepseudo_core.encoders.aim import AdaptedTransformer
from finepseudo_core.encoders.oriented_energy import OrientedEnergy
from finepseudo_core.encoders.resnet3d import ResNet3D, keep_time_in_last_stage
from finepseudo_core.encoders.settings import ActionEncoderConfig
from finepseudo_core.encoders.torchvision_import import torchvision
from finepseudo_core.encoders.vit import FrameMeanTransformer, ImageTransformer
from finepseudo_core.encoders.weights import load_weights


class ActionEncoder(nn.Module):
    """A video network with a linear classifier (FinePseudo, Sec. 3.1 and Supp. B).

    Everything trains, but for aim_vit_b, whose image transformer is frozen.

    Args:
        config: network, weights and clip shape.
        classes: number of classes, K.
        pretrained: load the config's weights; off where a saved state follows.
    """

    def __init__(self, config: ActionEncoderConfig, classes: int, *, pretrained: bool = True) -> None:
        super().__init__()
        self.backbone, width = _build(config)
        self.loaded = load_weights(_trunk(self.backbone), config.weights) if pretrained else None
        self.classifier = nn.Linear(width, classes)

    def features(self, clips: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) -> pooled features (B, D)."""
        return self.backbone(clips)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) -> logits (B, K)."""
        return self.classifier(self.features(clips))

    def predict_with_spread(self, clips: Tensor, passes: int, dropout: float) -> tuple[Tensor, Tensor]:
        """Class probabilities, and their spread over passes with dropout before the classifier.

        The spread is the uncertainty of UPS (Rizve et al., ICLR 2021): the standard deviation of the
        predicted class's probability over Monte-Carlo dropout passes.

        Returns:
            Probabilities (B, K) without dropout, and spread (B,).
        """
        features = self.features(clips)
        probabilities = self.classifier(features).softmax(dim=1)
        noisy = functional.dropout(features.expand(passes, -1, -1), dropout, training=True)
        spread = self.classifier(noisy).softmax(dim=2).std(dim=0)  # (B, K)
        return probabilities, spread.gather(1, probabilities.argmax(1, keepdim=True)).squeeze(1)


class NarrowR2Plus1D(nn.Module):
    """Oriented energy, then a small R(2+1)D (Tran et al., CVPR 2018), for CPUs.

    Args:
        width: channels of the first stage; each of the three later stages doubles it.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = (width, 2 * width, 4 * width, 8 * width)
        self.energy = OrientedEnergy()
        self.stem = _factorised(self.energy.orientations, width, (1, 2))
        self.stages = nn.Sequential(
            _Residual(width, channels[0], (1, 1)),
            *(
                _Residual(before, after, (2, 2))
                for before, after in zip(channels, channels[1:], strict=False)
            ),
        )
        self.width = channels[-1]

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) -> (B, 8 * width)."""
        energies = self.energy(clips.transpose(1, 2).flatten(0, 1))  # (B * T, orientations, H, W)
        maps = energies.unflatten(0, (len(clips), -1)).transpose(1, 2)
        return self.stages(self.stem(maps)).mean(dim=(2, 3, 4))


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.path = nn.Sequential(_factorised(inputs, outputs, stride), _factorised(outputs, outputs, (1, 1)))
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride != (1, 1):
            step = (stride[0], stride[1], stride[1])
            self.shortcut = nn.Sequential(
                nn.Conv3d(inputs, outputs, 1, stride=step, bias=False), nn.BatchNorm3d(outputs)
            )

    def forward(self, clips: Tensor) -> Tensor:
        return self.path(clips) + self.shortcut(clips)


def _factorised(inputs: int, outputs: int, stride: tuple[int, int]) -> nn.Sequential:
    """A spatial convolution, then a temporal one; `stride` is (in time, in space)."""
    return nn.Sequential(
        nn.Conv3d(
            inputs,
            outputs,
            (1, 3, 3),
            (1, stride[1], stride[1]),
            (0, 1, 1),
            bias=False,
        ),
        nn.BatchNorm3d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv3d(outputs, outputs, (3, 1, 1), (stride[0], 1, 1), (1, 0, 0), bias=False),
        nn.BatchNorm3d(outputs),
        nn.ReLU(inplace=True),
    )


def _build(config: ActionEncoderConfig) -> tuple[nn.Module, int]:
    """The network without classifier, and the width of its features."""
    network: Any  # torchvision's are not annotated
    if config.name in ("r2plus1d_18", "r3d_18"):
        network = getattr(torchvision.models.video, config.name)(weights=None)
        width = network.fc.in_features
        network.fc = nn.Identity()
        if config.dilated:
            keep_time_in_last_stage(network)
        return network, width
    if config.name == "r3d_50":
        network = ResNet3D()
    elif config.name == "vit_b":
        network = FrameMeanTransformer(ImageTransformer(_layout(config, "torchvision"), size=config.size))
    elif config.name == "aim_vit_b":
        network = AdaptedTransformer(
            ImageTransformer(_layout(config, "clip"), size=config.size), config.frames
        )
    else:
        network = NarrowR2Plus1D(config.width)
    return network, network.width


def _layout(config: ActionEncoderConfig, usual: str) -> str:
    return usual if config.vit == "auto" else config.vit


def _trunk(network: nn.Module) -> nn.Module:
    """The part of a network that pretrained weights are for."""
    return network.trunk if isinstance(network, FrameMeanTransformer | AdaptedTransformer) else network


@torch.no_grad()
def carry_classifier(classifier: nn.Linear, weights: Tensor, bias: Tensor, rows: dict[int, int]) -> None:
    """Copy rows of an earlier classifier into this one: `rows` maps new class numbers to old ones."""
    for new, old in rows.items():
        classifier.weight[new] = weights[old]
        classifier.bias[new] = bias[old]
