"""Gaussian-weighted temporal distinctiveness (GITDL): frames of one clip must tell their times apart."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from finepseudo_core.alignment.costs import normalise


class TemporalDistinctivenessLoss(nn.Module):
    """Contrast of the frames that a global and a local view of one clip share; near frames count less.

    L = -(1/K) Σ_i log[ h(g_i, l_i) / (h(g_i, l_i) + Σ_{j≠i} w_ij h(g_i, l_j)) ], h(x, y) = e^(cos(x, y) / τ),
    w_ij = 1 - peak · exp(-(t_i - t_j)² / (2 · deviation²)). FinePseudo (Dave et al., ECCV 2024), Eq. 9.

    Args:
        temperature: τ, > 0.
        peak: how much of a negative at the same time is taken off, in [0, 1].
        deviation: standard deviation of the Gaussian in clip time, > 0.
        gaussian: False weighs every negative by one (Table 9).

    Raises:
        ValueError: an argument out of range.
    """

    def __init__(
        self, temperature: float = 0.1, peak: float = 0.99, deviation: float = 0.2, *, gaussian: bool = True
    ) -> None:
        super().__init__()
        if not temperature > 0 or not deviation > 0 or not 0 <= peak <= 1:
            raise ValueError(
                f"temperature {temperature!r} and deviation {deviation!r} must be above zero, "
                f"peak {peak!r} between 0 and 1."
            )
        self.temperature, self.peak, self.deviation, self.gaussian = temperature, peak, deviation, gaussian

    def forward(self, global_frames: Tensor, local_frames: Tensor, times: Tensor, mask: Tensor) -> Tensor:
        """Projected embeddings (B, K, F) of the shared frames in either view -> scalar, the mean over clips.

        Args:
            global_frames: g, from the sparse view.
            local_frames: l, from the dense view; [b, k] is the same frame as in g.
            times: (B, K), place of the frame in the clip, in [0, 1].
            mask: bool (B, K), False beyond the shared frames of a clip. Clips with fewer than two give no
                contrast and are left out; a batch of only such clips gives zero, with a graph.
        """
        with torch.autocast(global_frames.device.type, enabled=False):
            cosines = normalise(global_frames) @ normalise(local_frames).transpose(1, 2)  # (B, K, K)
            logits = cosines / self.temperature + self._log_weights(times.to(cosines))
            logits = logits.masked_fill(~mask[:, None, :], -torch.inf)
            # a row that does not count may be -inf throughout, whose log-softmax is NaN
            logits = torch.where(mask[:, :, None], logits, torch.zeros_like(logits))
            of_frames = functional.log_softmax(logits, dim=2).diagonal(dim1=1, dim2=2)  # (B, K)
            counted = mask & (mask.sum(1, keepdim=True) > 1)
            per_clip = -torch.where(counted, of_frames, torch.zeros_like(of_frames)).sum(1)
            clips = counted.any(1).sum().clamp_min(1)
            return (per_clip / mask.sum(1).clamp_min(1)).sum() / clips

    def _log_weights(self, times: Tensor) -> Tensor:
        """log w_ij (B, K, K), 0 on the diagonal where the positive stands."""
        apart = times[:, :, None] - times[:, None, :]
        if not self.gaussian:
            return torch.zeros_like(apart)
        weights = 1 - self.peak * torch.exp(-(apart**2) / (2 * self.deviation**2))
        here = torch.eye(times.shape[1], dtype=torch.bool, device=times.device)
        least = torch.finfo(weights.dtype).tiny  # peak 1 takes a negative at the same time off altogether
        return torch.where(here, torch.zeros_like(weights), weights.clamp_min(least).log())
