"""The two teachers of TimeBalance: networks like f_E, each with a projection for its self-supervision."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from finepseudo_core.config import RoundConfig
from finepseudo_core.encoders.action_encoder import ActionEncoder

Autocast = Callable[[], torch.autocast]


class Teacher(nn.Module):
    """A network like f_E, and the MLP that its contrastive pretraining goes through."""

    def __init__(self, config: RoundConfig, classes: int) -> None:
        super().__init__()
        self.encoder = ActionEncoder(config.action_encoder, classes)
        width, projection = self.encoder.classifier.in_features, config.timebalance.projection
        self.projection = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(inplace=True), nn.Linear(width, projection)
        )

    def projecting(self, autocast: Autocast) -> "Projecting":
        """What its pretraining trains: all but the classifier."""
        return Projecting(self.encoder.backbone, self.projection, autocast)


class Projecting(nn.Module):
    """Moments to projected features.

    Args:
        autocast: gives the context of the precision that the network works in.
    """

    def __init__(self, backbone: nn.Module, projection: nn.Module, autocast: Autocast) -> None:
        super().__init__()
        self.backbone, self.projection, self.autocast = backbone, projection, autocast

    def forward(self, moments: Tensor) -> Tensor:
        """Clips (b, n, A, 3, T, H, W) -> projected features (b, n, A, F)."""
        with self.autocast():
            projected = self.projection(self.backbone(moments.flatten(0, 2)))
        return projected.float().unflatten(0, moments.shape[:3])


class Teachers(nn.Module):
    """`invariant` learns what a video keeps over time, `distinctive` what changes.

    Args:
        classes: number of classes, K.
    """

    def __init__(self, config: RoundConfig, classes: int) -> None:
        super().__init__()
        self.invariant = Teacher(config, classes)
        self.distinctive = Teacher(config, classes)

    @torch.no_grad()
    def logits(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Clips (B, 3, T, H, W) -> logits (B, K) of the invariant and of the distinctive teacher."""
        return self.invariant.encoder(clips).float(), self.distinctive.encoder(clips).float()


def self_similarity(moments: Tensor) -> Tensor:
    """Mean cosine between the features (N, n, D) of different moments of a clip -> (N,), cut to [0, 1]."""
    features = nn.functional.normalize(moments.float(), dim=-1)
    cosines = features @ features.transpose(1, 2)  # (N, n, n)
    count = moments.shape[1]
    between = (cosines.sum((1, 2)) - count) / (count * (count - 1))
    return between.clamp(0, 1)


def stretched(similarities: Tensor) -> Tensor:
    """Similarities (N,) moved and scaled to reach from 0 to 1; 0.5 throughout where all are equal."""
    least, most = similarities.min(), similarities.max()
    if most - least < torch.finfo(similarities.dtype).eps:
        return torch.full_like(similarities, 0.5)
    return (similarities - least) / (most - least)
