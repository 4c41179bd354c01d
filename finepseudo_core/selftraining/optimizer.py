"""Adam, and the step that every stage takes: backward, clip, learn."""

from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from finepseudo_core.config import OptimizerConfig
from finepseudo_core.selftraining.schedule import learning_rate


def build_optimizer(learning: nn.Module, config: OptimizerConfig) -> Optimizer:
    """Adam with default betas over the parameters that are not frozen."""
    parameters = [parameter for parameter in learning.parameters() if parameter.requires_grad]
    return Adam(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)


def take_step(
    loss: Tensor,
    optimizer: Optimizer,
    learning: nn.Module,
    config: OptimizerConfig,
    step: int,
    steps: int,
    steps_per_epoch: int,
) -> None:
    """Backward, clip where asked, and one step of Adam at this step's learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config, step, steps, steps_per_epoch)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if config.clip_norm:
        nn.utils.clip_grad_norm_(learning.parameters(), config.clip_norm)
    optimizer.step()
