"""AIM: a frozen image transformer learns video through small adapters.

Yang et al., "AIM: Adapting Image Models for Efficient Video Action Recognition", ICLR 2023; FinePseudo's
Table 2 uses it on CLIP's ViT-B/16.
"""

from typing import Any

import torch
from torch import Tensor, nn

from finepseudo_core.encoders.vit import ImageTransformer

REDUCTION = 4  # a token is this many times as wide as the inside of an adapter
JOINT_SCALE = 0.5


class AdaptedTransformer(nn.Module):
    """A frozen ViT with temporal, spatial and joint adaptation in every block.

    Only adapters, temporal positions and the final layer norm train: 10.7 M of 96.5 M parameters on
    ViT-B/16. Adapters end in zeros, so that at first every frame's token is that of the frozen ViT. AIM's
    stochastic depth is left out.

    Args:
        trunk: image transformer; it is frozen, all but its last layer norm.
        frames: frames of a clip, T.
    """

    def __init__(self, trunk: ImageTransformer, frames: int) -> None:
        super().__init__()
        self.trunk, self.frames, self.width = trunk, frames, trunk.width
        self.temporal_positions = nn.Parameter(torch.zeros(frames, 1, self.width))
        self.adapters = nn.ModuleList(_BlockAdapters(self.width) for _ in trunk.encoder.layers)
        trunk.requires_grad_(False)
        trunk.encoder.ln.requires_grad_(True)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) -> mean class token (B, D)."""
        batch, _, frames = clips.shape[:3]
        if frames != self.frames:
            raise ValueError(f"a clip has {frames} frames; this network has positions for {self.frames}.")
        tokens = self.trunk.embed(clips.transpose(1, 2).flatten(0, 1))  # (B * T, N, D)
        tokens = (tokens.unflatten(0, (batch, frames)) + self.temporal_positions).flatten(0, 1)
        tokens = self.trunk.ln_pre(tokens)
        for block, adapters in zip(self.trunk.encoder.layers, self.adapters, strict=True):
            tokens = adapters(block, tokens, frames)
        return self.trunk.encoder.ln(tokens[:, 0]).unflatten(0, (batch, frames)).mean(dim=1)


class _BlockAdapters(nn.Module):
    """The three adapters of one block, around the block's own frozen attention and MLP."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.temporal, self.spatial, self.joint = Adapter(width), Adapter(width), Adapter(width)

    def forward(self, block: Any, tokens: Tensor, frames: int) -> Tensor:
        """Tokens (B * T, N, D) -> (B * T, N, D)."""
        over_time = tokens.unflatten(0, (-1, frames)).transpose(1, 2)  # (B, N, T, D)
        attended = _attend(block, over_time.flatten(0, 1)).unflatten(0, over_time.shape[:2])
        tokens = tokens + self.temporal(attended).transpose(1, 2).flatten(0, 1)
        attended = _attend(block, tokens)
        tokens = tokens + attended + self.spatial(attended)
        normed = block.ln_2(tokens)
        return tokens + block.mlp(normed) + JOINT_SCALE * self.joint(normed)


class Adapter(nn.Module):
    """Narrow, GELU, widen by zeros at first; the caller adds the skip where there is one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, width // REDUCTION), nn.Linear(width // REDUCTION, width)
        self.activation = nn.GELU()
        nn.init.trunc_normal_(self.down.weight, std=0.02)
        for parameter in (self.down.bias, *self.up.parameters()):
            nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (..., D) -> (..., D)."""
        return self.up(self.activation(self.down(tokens)))


def _attend(block: Any, tokens: Tensor) -> Tensor:
    """The block's self-attention over the second axis of (S, L, D)."""
    normed = block.ln_1(tokens)
    return block.self_attention(normed, normed, normed, need_weights=False)[0]
