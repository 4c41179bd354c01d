"""NT-Xent: the two views of an instance are alike, those of different instances are not."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from finepseudo_core.alignment.costs import normalise


class InstanceDiscriminationLoss(nn.Module):
    """-log[ h(z, z') / Σ_{k≠z} h(z, k) ] with h(x, y) = e^(cos(x, y) / τ), mean over all views z.

    SimCLR (Chen et al., ICML 2020), Eq. 1. What an instance is makes the representation: videos of a batch,
    seen at two times, give one that is invariant to time; the moments of one video, seen in two
    augmentations, give one that is distinctive in time (local-local loss of TCLR, Dave et al., CVIU 2022).

    Args:
        temperature: τ, > 0.

    Raises:
        ValueError: temperature <= 0.
    """

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"temperature is {temperature!r}; it must be above zero.")
        self.temperature = temperature

    def forward(self, views: Tensor) -> Tensor:
        """Embeddings (..., N, 2, F) of N instances in two views -> scalar; leading sizes are contrasts apart.

        Raises:
            ValueError: fewer than two instances, or not two views.
        """
        if views.dim() < 3 or views.shape[-2] != 2 or views.shape[-3] < 2:
            raise ValueError(f"views have shape {tuple(views.shape)}; they must be (..., N >= 2, 2, F).")
        instances = views.shape[-3]
        with torch.autocast(views.device.type, enabled=False):
            z = normalise(views.transpose(-3, -2).reshape(-1, 2 * instances, views.shape[-1]))  # (G, 2N, F)
            logits = z @ z.mT / self.temperature
            itself = torch.eye(2 * instances, dtype=torch.bool, device=z.device)
            logits = logits.masked_fill(itself, -torch.inf)
            partner = torch.arange(2 * instances, device=z.device).roll(instances).expand(len(z), -1)
            return functional.cross_entropy(logits.flatten(0, 1), partner.flatten())
