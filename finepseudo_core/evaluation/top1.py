"""Test protocol: several clips and crops per video, softmax averaged (FinePseudo, Supp. B)."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from finepseudo_core.datasets.clip_dataset import WholeClips


@torch.no_grad()
def averaged_probabilities(
    encoder: nn.Module,
    clips: WholeClips,
    chosen: Sequence[int],
    device: torch.device,
    read: Iterable[Tensor] | None = None,
) -> Tensor:
    """Class probabilities of f_E for whole videos: the mean softmax over all their views.

    Args:
        encoder: f_E in evaluation mode.
        clips: every view of every video, (views, 3, T, H, W) each.
        chosen: numbers of the videos wanted.
        read: their views, where they are prepared elsewhere; by default each is read when its turn comes.

    Returns:
        (N, K) probabilities.

    Raises:
        ValueError: a video with another number of views than the protocol asks for.
    """
    averaged = []
    for number, views in zip(chosen, (clips[n] for n in chosen) if read is None else read, strict=False):
        if len(views) != clips.views * clips.transform.crops:
            raise ValueError(f"video {number} has {len(views)} views; the test takes all of them or none.")
        averaged.append(encoder(views.to(device)).softmax(dim=1).mean(dim=0))
    return torch.stack(averaged)
