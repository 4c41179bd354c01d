"""Networks as safetensors files, and back."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load_file, save
from torch import Tensor, nn

from finepseudo_core.config import RoundConfig
from finepseudo_core.export import manifest
from finepseudo_core.export.manifest import (
    ACTION_WEIGHTS,
    ALIGNABILITY_WEIGHTS,
    FORMAT,
    FORMAT_VERSION,
    ExportError,
)
from finepseudo_core.selftraining.models import Exemplars, Finished, Models, broken_names

_PARTS = {ACTION_WEIGHTS: ("action.",), ALIGNABILITY_WEIGHTS: ("alignability.", "score.")}
_EMBEDDINGS, _CLASSES, _KEYS = "exemplars.embeddings", "exemplars.classes", "exemplar_keys"


def write_weights(finished: Finished, folder: Path) -> None:
    """Write f_E.safetensors, and f_A.safetensors with f_S and the exemplars.

    Tensors are named as in a round's model file, `action.`, `alignability.` and `score.`, besides
    `exemplars.embeddings` (M, T, F) and `exemplars.classes` (M,). The metadata hold format, classes,
    settings and, in f_A's, the keys of the exemplars, as JSON.
    """
    state, exemplars = finished.models.state_dict(), finished.exemplars
    about = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "classes": json.dumps(finished.classes, ensure_ascii=False),
        "config": json.dumps(finished.config.to_dict()),
    }
    _save(_part(state, ACTION_WEIGHTS), folder / ACTION_WEIGHTS, about)
    gallery = {_EMBEDDINGS: exemplars.embeddings, _CLASSES: exemplars.classes}
    keys = {_KEYS: json.dumps(exemplars.keys, ensure_ascii=False)}
    _save(
        {**_part(state, ALIGNABILITY_WEIGHTS), **gallery},
        folder / ALIGNABILITY_WEIGHTS,
        {**about, **keys},
    )


def open_bundle(folder: Path) -> Finished:
    """The networks in evaluation mode, settings, classes and exemplars of an exported model.

    GITDL's projection, which only pretraining needs, is not among them. `prediction.Predictor.from_bundle`
    labels clips with them.

    Raises:
        ExportError: a file is missing, differs from its checksum, or can't be read.
    """
    content = manifest.verified(folder)
    return read_weights(folder, RoundConfig.from_dict(content["config"]), tuple(content["classes"]))


def read_weights(folder: Path, config: RoundConfig, classes: tuple[str, ...]) -> Finished:
    """The networks and exemplars of both files, in evaluation mode; pretraining's projection is not there.

    Raises:
        ExportError: a file can't be read, holds other networks than `config` and `classes` describe, or a
            NaN or an infinity.
    """
    tensors: dict[str, Tensor] = {}
    try:
        for name in _PARTS:
            tensors |= load_file(folder / name)
        with safetensors.safe_open(folder / ALIGNABILITY_WEIGHTS, framework="pt") as file:
            keys = tuple(json.loads(file.metadata()[_KEYS]))
        if broken := broken_names(tensors):
            raise ValueError(f"{', '.join(broken[:3])}: not finite")
        exemplars = Exemplars(tensors.pop(_EMBEDDINGS), tensors.pop(_CLASSES), keys)
        models = Models(config, len(classes), pretrained=False)
        models.projection = nn.Sequential()
        models.load_state_dict(tensors)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        raise ExportError(
            f"the networks in {folder} can't be opened ({str(error).splitlines()[0]}). Export the model anew."
        ) from error
    return Finished(models.eval(), config, classes, exemplars)


def _part(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key: value for key, value in state.items() if key.startswith(_PARTS[name])}


def _save(tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, Any]) -> None:
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    path.write_bytes(save(plain, metadata))  # save_file would leave the file to its owner alone
