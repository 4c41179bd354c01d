"""ViT-B/16, for single frames: torchvision's, in the layout of its ImageNet weights or of CLIP's."""

from functools import partial

import torch
from torch import Tensor, nn

from finepseudo_core.encoders.normalisation import CLIP, Renormalise
from finepseudo_core.encoders.torchvision_import import torchvision

PATCH = 16


class ImageTransformer(torchvision.models.VisionTransformer):
    """ViT (Dosovitskiy et al., ICLR 2021) without head; the defaults are ViT-B/16, 85.8 M parameters.

    Args:
        layout: "torchvision"; "clip" as OpenAI's CLIP (Radford et al., ICML 2021): its normalisation of
            frames, a layer norm before the blocks, QuickGELU; or "clip_gelu", the same with GELU, as most
            of OpenCLIP's weights. CLIP's patch convolution has no bias: here it has one, loaded as zeros.
        size: height and width of a frame in pixels, a multiple of 16.
        layers, heads, width: blocks, attention heads, and width of a token.
    """

    advice = "Set action_encoder.vit to the layout of these weights, or choose other weights, or none."

    def __init__(
        self,
        layout: str = "torchvision",
        *,
        size: int = 224,
        layers: int = 12,
        heads: int = 12,
        width: int = 768,
    ) -> None:
        clip = layout != "torchvision"
        norm = partial(nn.LayerNorm, eps=1e-5 if clip else 1e-6)
        super().__init__(size, PATCH, layers, heads, width, 4 * width, num_classes=1, norm_layer=norm)
        self.heads = nn.Identity()
        self.width = width
        self.normalise = Renormalise(CLIP) if clip else nn.Identity()
        self.ln_pre = norm(width) if clip else nn.Identity()
        if layout == "clip":
            for block in self.encoder.layers:
                block.mlp[1] = QuickGELU()

    def embed(self, frames: Tensor) -> Tensor:
        """Frames (N, 3, H, W) -> class token and patches with their positions (N, 1 + P, D)."""
        patches = self.conv_proj(self.normalise(frames)).flatten(2).transpose(1, 2)  # (N, P, D)
        tokens = torch.cat([self.class_token.expand(len(patches), -1, -1), patches], dim=1)
        return tokens + self.encoder.pos_embedding

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, 3, H, W) -> class tokens (N, D)."""
        return self.encoder.ln(self.encoder.layers(self.ln_pre(self.embed(frames))))[:, 0]


class FrameMeanTransformer(nn.Module):
    """Every frame through a ViT by itself, then the mean over time (FinePseudo, Table 10)."""

    def __init__(self, trunk: ImageTransformer) -> None:
        super().__init__()
        self.trunk, self.width = trunk, trunk.width

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) -> (B, D)."""
        tokens = self.trunk(clips.transpose(1, 2).flatten(0, 1))  # (B * T, D)
        return tokens.unflatten(0, (len(clips), -1)).mean(dim=1)


class QuickGELU(nn.Module):
    """x sigmoid(1.702 x), the approximation of GELU that OpenAI's CLIP was trained with."""

    def forward(self, values: Tensor) -> Tensor:
        """Any shape -> the same shape."""
        return values * torch.sigmoid(1.702 * values)
