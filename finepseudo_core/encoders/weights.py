"""Pretrained weights: by torchvision name, from a local file, or none; what does not fit is listed."""

import logging
import pickle
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from finepseudo_core.encoders.checkpoint_names import CONTAINERS, REPEATED, translate
from finepseudo_core.encoders.torchvision_import import torchvision
from finepseudo_core.errors import CheckpointError

logger = logging.getLogger(__name__)
SHOWN = 8  # names listed in a message
ADVICE = "Choose the network that these weights are for, other weights, or none."
_DAMAGE = (  # what the two readers raise for files with changed or missing bytes
    *(OSError, EOFError, RuntimeError, ValueError, LookupError, TypeError, AssertionError),
    *(struct.error, zipfile.BadZipFile, safetensors.SafetensorError),
)


@dataclass(frozen=True)
class LoadedWeights:
    """What was loaded.

    Args:
        source: torchvision name or path.
        convention: what the names in it were recognised as.
        left_out: names in it that were not loaded: classification heads, projections, a text tower.
    """

    source: str
    convention: str
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        without = f", without {_listed(self.left_out)}" if self.left_out else ""
        return f"weights from {self.source}, named as {self.convention}{without}"


def load_weights(network: nn.Module, source: str | None) -> LoadedWeights | None:
    """Load pretrained weights into a network without head; `checkpoint_names` says which names are known.

    Args:
        network: network to fill, on the CPU.
        source: torchvision name such as "R2Plus1D_18_Weights.KINETICS400_V1", a .safetensors file, a file
            that `torch.load(weights_only=True)` reads, or None for none.

    Raises:
        CheckpointError: the name is unknown, the file unreadable or unsafe, or a parameter is missing, has
            another shape, has no place in the network, or holds NaN or infinite numbers; the message lists
            which.
    """
    if source is None:
        return None
    wanted = network.state_dict()
    translation = translate(_read(source), wanted)
    values = dict(translation.values)
    for name, value in wanted.items():
        if name.endswith(".num_batches_tracked"):  # a counter that files of old versions lack
            values.setdefault(name, value)
    missing = [name for name in wanted if name not in values]
    misfits = [
        f"{name} is {tuple(values[name].shape)} and needs {tuple(value.shape)}"
        for name, value in wanted.items()
        if name in values and values[name].shape != value.shape
    ]
    unused = [translation.sources.get(name, name) for name in values if name not in wanted]
    complaints = [
        f"{word} {_listed(names)}"
        for word, names in (("missing:", missing), ("other shape:", misfits), ("no place for:", unused))
        if names
    ]
    if complaints:
        raise CheckpointError(
            f"{source}, read as {translation.convention}, does not fit {type(network).__name__}: "
            f"{'; '.join(complaints)}. {getattr(network, 'advice', ADVICE)}"
        )
    _check_finite(source, values, translation.sources)
    network.load_state_dict(values)
    loaded = LoadedWeights(source, translation.convention, translation.left_out)
    logger.info("%s: %s", type(network).__name__, loaded)
    return loaded


def _read(source: str) -> dict[str, Tensor]:
    path = Path(source)
    if path.is_file():
        return _tensors(source, _open(path))
    try:
        weights = torchvision.models.get_weight(source)
    except ValueError as error:
        raise CheckpointError(
            f"weights {source!r} are neither a file here nor a torchvision weights name; "
            "give a path, a name such as ResNet50_Weights.IMAGENET1K_V2, or none."
        ) from error
    try:
        return weights.get_state_dict(check_hash=True)
    except (OSError, RuntimeError) as error:
        raise CheckpointError(
            f"{source} can't be fetched from {weights.url} ({error}); fetch it elsewhere and give the file."
        ) from error


def _open(path: Path) -> Any:
    """The content of a file, without running anything in it."""
    if _is_torchscript(path):
        raise CheckpointError(
            f"{path} is a TorchScript program, as OpenAI publishes CLIP. Where you trust it, save it "
            f'anew by `torch.save(torch.jit.load("{path.name}", map_location="cpu").state_dict(), '
            '"weights.pt")` and give that file.'
        )
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} is no file of weights, or holds more than tensors and plain values, so that opening it "
            "could run foreign code. Where you trust it, open it elsewhere and save its state_dict alone by "
            '`torch.save(content["state_dict"], "weights.pt")`.'
        ) from error
    except _DAMAGE as error:
        raise CheckpointError(
            f"{path} can't be read as weights ({error}); fetch it again, or give another file."
        ) from error


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except _DAMAGE:  # no archive, as before torch 1.6, or a damaged one, which the reader reports
        return False


def _tensors(source: str, content: Any) -> dict[str, Tensor]:
    """The named tensors of a checkpoint: the file itself, or what one container in it holds."""
    if isinstance(content, Mapping):
        inside = [name for name in CONTAINERS if isinstance(content.get(name), Mapping)]
        inside = [name for name in inside if REPEATED.get(name) not in inside]
        if len(inside) > 1:
            raise CheckpointError(
                f"{source} holds several networks, {' and '.join(inside)}; save the one you mean by itself."
            )
        found = content[inside[0]] if inside else content
        if found and all(isinstance(key, str) and isinstance(part, Tensor) for key, part in found.items()):
            return dict(found)
    raise CheckpointError(
        f"{source} holds no named tensors, neither at its top nor under {', '.join(CONTAINERS)}; "
        "save the network's state_dict and give that file."
    )


def _check_finite(source: str, values: Mapping[str, Tensor], sources: Mapping[str, str]) -> None:
    broken = [
        sources.get(name, name)
        for name, value in values.items()
        if value.is_floating_point() and not value.isfinite().all()
    ]
    if broken:
        raise CheckpointError(
            f"{source} holds NaN or infinite numbers in {_listed(broken)}; it is damaged, or its training "
            "diverged. Give other weights, or none."
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(sorted(names)[:SHOWN]) + more
