"""Batch norm over the whole batch where several processes share it."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from finepseudo_core.selftraining import distributed


def see_whole_batch(networks: nn.Module, device: torch.device) -> nn.Module:
    """The same networks, whose batch norms in training mode take mean and variance over all processes.

    Names, parameters and what evaluation mode does stay. On a GPU this is torch's SyncBatchNorm, which does
    not run on a CPU.
    """
    if distributed.world_size() == 1:
        return networks
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(networks)
    for parent in list(networks.modules()):
        for name, part in parent.named_children():
            if isinstance(part, _BatchNorm) and not isinstance(part, WholeBatchNorm):
                setattr(parent, name, WholeBatchNorm.of(part))
    return networks


class WholeBatchNorm(_BatchNorm):
    """Batch norm of any dimension over the batch of all processes, on a CPU."""

    @classmethod
    def of(cls, part: _BatchNorm) -> "WholeBatchNorm":
        """Stands in for a batch norm, with its parameters and running estimates."""
        if not (part.affine and part.track_running_stats) or part.momentum is None:
            raise TypeError(f"{part} can't be shared: it has no weights, running estimates or momentum.")
        other = cls(part.num_features, part.eps, part.momentum, device=part.weight.device)
        other._parameters, other._buffers = part._parameters, part._buffers
        return other.train(part.training)

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    def forward(self, input: Tensor) -> Tensor:
        """Values (B, C, ...) -> the same shape."""
        if not self.training:
            return super().forward(input)
        values, mean, variance, count = _WholeBatchNorm.apply(input, self.weight, self.bias, self.eps)
        with torch.no_grad():
            self.get_buffer("num_batches_tracked").add_(1)
            unbiased = variance * (count / (count - 1))
            for name, found in (("running_mean", mean), ("running_var", unbiased)):
                kept = self.get_buffer(name)
                kept.lerp_(found.to(kept), self.momentum or 0.0)
        return values


class _WholeBatchNorm(torch.autograd.Function):
    """torch's own kernels for one process, around what the processes tell one another."""

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        unused = torch.zeros_like(weight), torch.ones_like(weight), 0.0
        means, squares = torch.batch_norm_update_stats(values, *unused)
        own = torch.cat([means, squares, means.new_tensor([values.numel() // values.shape[1]])]).double()
        found = [torch.empty_like(own) for _ in range(distributed.world_size())]
        dist.all_gather(found, own)
        means, squares, counts = torch.stack(found).split([len(weight), len(weight), 1], dim=1)
        count = counts.sum()
        # deviations add up from each share's own mean, so nothing cancels (Chan et al., 1979)
        mean = (means * counts).sum(0) / count
        variance = ((squares + (means - mean).square()) * counts).sum(0) / count
        mean, variance = mean.to(weight), variance.to(weight)
        ctx.save_for_backward(values, weight, mean, variance, count)
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, variance, count)
        return functional.batch_norm(values, mean, variance, weight, bias, eps=eps), mean, variance, count

    @staticmethod
    def backward(ctx: Any, incoming: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        values, weight, mean, variance, count = ctx.saved_tensors
        as_if_fixed = values, weight, mean, variance, None, None, False, ctx.eps, [True] * 3
        of_values, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(incoming, *as_if_fixed)
        slope, shift = (distributed.total(torch.stack([of_weight, of_bias])) / count).to(weight)
        # through mean and variance: the same straight line in the values of a channel for every value
        inverse = (variance + ctx.eps).rsqrt()
        tilt = -weight * inverse.square() * slope
        line = tilt, -weight * inverse * shift - tilt * mean
        fixed = torch.zeros_like(mean), torch.ones_like(mean)
        return of_values + functional.batch_norm(values, *fixed, *line, eps=0.0), of_weight, of_bias, None
