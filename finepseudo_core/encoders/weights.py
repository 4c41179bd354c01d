"""Pretrained weights: by torchvision name, from a local file, or none."""

from pathlib import Path

import torch
from torch import nn

from finepseudo_core.encoders.torchvision_import import torchvision
from finepseudo_core.errors import CheckpointError


def load_weights(network: nn.Module, source: str | None) -> None:
    """Load pretrained weights into a torchvision network, classification head left out.

    Args:
        network: network whose parameters are named as in the source.
        source: torchvision name such as "R2Plus1D_18_Weights.KINETICS400_V1", a file that
            `torch.load(weights_only=True)` reads, or None for none.

    Raises:
        CheckpointError: the name is unknown, the file unreadable, or a parameter is missing or has
            another shape; the message lists which.
    """
    if source is None:
        return
    found = _read(source)
    wanted = {name: value.shape for name, value in network.state_dict().items()}
    fitting = {name: value for name, value in found.items() if wanted.get(name) == value.shape}
    missing = sorted(set(wanted) - set(fitting))
    if missing:
        shown = ", ".join(missing[:8]) + (f" and {len(missing) - 8} more" if len(missing) > 8 else "")
        raise CheckpointError(f"{source} does not fit {type(network).__name__}: no fitting {shown}.")
    network.load_state_dict(fitting)


def _read(source: str) -> dict[str, torch.Tensor]:
    if Path(source).is_file():
        values = torch.load(source, map_location="cpu", weights_only=True)
        return values.get("state_dict", values)
    try:
        return torchvision.models.get_weight(source).get_state_dict(check_hash=True)
    except ValueError as error:
        raise CheckpointError(
            f"weights {source!r} are neither a file here nor a torchvision weights name; "
            "give a path, a name such as ResNet50_Weights.IMAGENET1K_V2, or none."
        ) from error
