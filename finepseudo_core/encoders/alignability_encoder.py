"""f_A, the alignability encoder: frame embeddings from a video transformer network (VTN)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from finepseudo_core.alignment.costs import normalise
from finepseudo_core.encoders.dropout import Dropout, TransformerLayer
from finepseudo_core.encoders.efficientnet_lite import EfficientNetLite0
from finepseudo_core.encoders.oriented_energy import OrientedEnergy
from finepseudo_core.encoders.settings import AlignabilityEncoderConfig
from finepseudo_core.encoders.torchvision_import import torchvision
from finepseudo_core.encoders.weights import LoadedWeights, load_weights


class AlignabilityEncoder(nn.Module):
    """Image encoder per frame, then a transformer over the frames.

    The layout is that of CARL (Chen et al., CVPR 2022), which FinePseudo follows (Supp. B): max-pooled
    image features, two dropout-linear-BN-ReLU layers, a linear layer, sine positions, pre-norm
    transformer layers, a linear layer to F, L2-normalised. Where the image encoder starts from weights, only
    its last stage trains, as in CARL; after `freeze_image_encoder` nothing of it does.

    Args:
        config: image encoder, weights, and the sizes of the temporal part.
        pretrained: load the config's weights; off where a saved state follows.
    """

    def __init__(self, config: AlignabilityEncoderConfig, *, pretrained: bool = True) -> None:
        super().__init__()
        self.frames = config.frames
        self.image_encoder, width, self.loaded = _build_image_encoder(config, pretrained)
        self.pool = config.pool
        self.head = nn.Sequential(
            *_dense(width * config.pool**2, config.hidden, config.dropout),
            *_dense(config.hidden, config.hidden, config.dropout),
            nn.Linear(config.hidden, config.model),
        )
        self.layers = nn.ModuleList(
            TransformerLayer(config.model, config.heads, config.feedforward, config.dropout)
            for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.model)
        self.output = nn.Linear(config.model, config.embedding)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) -> L2-normalised frame embeddings (B, T, F)."""
        return self.embed(self.image_features(clips))

    def image_features(self, clips: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) -> max-pooled features of every frame (B, T, C * pool²)."""
        batch, _, frames = clips.shape[:3]
        maps = self.image_encoder(clips.transpose(1, 2).flatten(0, 1))  # (B * T, C, h, w)
        return functional.adaptive_max_pool2d(maps, self.pool).reshape(batch, frames, -1)

    def embed(self, features: Tensor) -> Tensor:
        """Image features (B, T, C) -> L2-normalised frame embeddings (B, T, F)."""
        return self.relate(self.describe(features))

    def describe(self, features: Tensor) -> Tensor:
        """Image features (B, T, C) -> every frame by itself (B, T, D); only batch norm sees the others."""
        return self.head(features.flatten(0, 1)).unflatten(0, features.shape[:2])

    def relate(self, hidden: Tensor) -> Tensor:
        """Described frames (B, T, D) -> embeddings (B, T, F), float32 or wider; no clip looks at another."""
        hidden = hidden + sine_positions(hidden.shape[1], hidden.shape[2], self.frames).to(hidden)
        for layer in self.layers:
            hidden = layer(hidden)
        return normalise(self.output(self.norm(hidden)))

    def freeze_image_encoder(self) -> None:
        """Stop training the image encoder: no gradient, and batch norm stays in evaluation mode."""
        self.image_encoder.requires_grad_(False)
        self.image_encoder.eval()

    def train(self, mode: bool = True) -> "AlignabilityEncoder":
        """Switch to training mode; frozen parts stay in evaluation mode."""
        super().train(mode)
        frozen = not any(weight.requires_grad for weight in self.image_encoder.parameters())
        for part in self.image_encoder.modules():
            parameters = list(part.parameters(recurse=False))
            if frozen or (parameters and not parameters[0].requires_grad):
                part.eval()
        return self


class ConvNet(nn.Module):
    """Oriented energy and three small convolutions, for frames of about 48 to 64 pixels on a CPU.

    Args:
        width: channels of the first convolution; the result has 4 * width.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.energy = OrientedEnergy()
        channels = (self.energy.orientations, width, 2 * width, 4 * width)
        strides = (2, 2, 1)
        self.width = channels[-1]
        self.layers = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(before, after, 3, stride, 1, bias=False),
                    nn.BatchNorm2d(after),
                    nn.ReLU(inplace=True),
                )
                for before, after, stride in zip(channels, channels[1:], strides, strict=False)
            )
        )

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, 3, H, W) -> maps (N, 4 * width, H / 4, W / 4)."""
        return self.layers(self.energy(frames))


def sine_positions(frames: int, width: int, trained_frames: int) -> Tensor:
    """Sine and cosine positions (frames, width), rescaled so that any length spans [0, trained_frames)."""
    position = torch.arange(frames, dtype=torch.float32)[:, None] * (trained_frames / frames)
    rates = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-math.log(10_000.0) / width))
    return torch.stack([(position * rates).sin(), (position * rates).cos()], dim=-1).flatten(1)[:, :width]


def _dense(inputs: int, outputs: int, dropout: float) -> tuple[nn.Module, ...]:
    return Dropout(dropout), nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True)


def _build_image_encoder(
    config: AlignabilityEncoderConfig, pretrained: bool
) -> tuple[nn.Module, int, LoadedWeights | None]:
    """The image encoder without head, the channels of its maps, and what was loaded into it."""
    source, starts = config.weights if pretrained else None, config.weights is not None
    if config.image_encoder == "convnet":
        small = ConvNet(config.width)
        small.layers[:-1].requires_grad_(not starts)
        return small, small.width, load_weights(small, source)
    if config.image_encoder == "efficientnet_lite0":
        lite = EfficientNetLite0()
        if starts:
            lite.freeze_early()
        return lite, lite.width, load_weights(lite, source)
    network = getattr(torchvision.models, config.image_encoder)(weights=None)
    width = network.fc.in_features
    network.fc = nn.Identity()
    loaded = load_weights(network, source)
    stages = nn.Sequential(
        network.conv1,
        network.bn1,
        network.relu,
        network.maxpool,
        network.layer1,
        network.layer2,
        network.layer3,
        network.layer4,
    )
    stages[:-1].requires_grad_(not starts)
    return stages, width, loaded
