"""The networks of a round together: f_E, f_A, f_S and GITDL's projection; saved and loaded as one file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from finepseudo_core.alignment.alignability import AlignabilityScore
from finepseudo_core.baselines.teachers import Teachers
from finepseudo_core.config import RoundConfig
from finepseudo_core.encoders.action_encoder import ActionEncoder, carry_classifier
from finepseudo_core.encoders.alignability_encoder import AlignabilityEncoder
from finepseudo_core.errors import CheckpointError
from finepseudo_core.selftraining import checkpoint


class Models(nn.Module):
    """f_E as `action`, f_A as `alignability`, f_S as `score`, and GITDL's `projection`.

    TimeBalance adds `teachers`, None elsewhere, which take part in checkpoints but end with their round.

    Args:
        classes: number of classes, K.
        pretrained: load the encoders' weights, and build the teachers; off where a saved state follows.
    """

    def __init__(self, config: RoundConfig, classes: int, *, pretrained: bool = True) -> None:
        super().__init__()
        self.config = config
        embedding, width = config.alignability_encoder.embedding, config.pretraining.projection
        self.action = ActionEncoder(config.action_encoder, classes, pretrained=pretrained)
        self.alignability = AlignabilityEncoder(config.alignability_encoder, pretrained=pretrained)
        self.score = AlignabilityScore(
            hidden=config.alignment.score_hidden,
            monotone=config.alignment.monotone,
            learnt=config.alignment.learnt_score,
            standardise=config.alignment.standardise_distance,
            per_frame=config.alignment.normalise_score,
        )
        self.projection = nn.Sequential(
            nn.Linear(embedding, width), nn.BatchNorm1d(width), nn.ReLU(inplace=True), nn.Linear(width, width)
        )
        wanted = config.method == "timebalance" and pretrained
        self.teachers = Teachers(config, classes) if wanted else None
        if config.channels_last:
            put_channels_last(self)

    def lasting_state(self) -> dict[str, Tensor]:
        """State by name of the networks that later rounds and predictions use."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("teachers.")}


def put_channels_last(networks: nn.Module) -> None:
    """Lay the weights of convolutions out channels-last; their results follow, without copies between."""
    layouts = {4: torch.channels_last, 5: torch.channels_last_3d}
    for weight in networks.parameters():
        if weight.dim() in layouts:
            weight.data = weight.data.contiguous(memory_format=layouts[weight.dim()])


class Exemplars(NamedTuple):
    """The gallery of a round: frame embeddings (M, T, F), class numbers int64 (M,) and keys of its clips."""

    embeddings: Tensor
    classes: Tensor
    keys: tuple[str, ...]


class Finished(NamedTuple):
    """What a finished round's model file holds."""

    models: Models
    config: RoundConfig
    classes: tuple[str, ...]
    exemplars: Exemplars


def save_models(
    models: Models,
    config: RoundConfig,
    classes: Sequence[str],
    path: Path,
    exemplars: Exemplars | None = None,
) -> str:
    """Write networks, config, class names and exemplars; returns the sha256 that `load_models` checks."""
    content: dict[str, Any] = {
        "config": config.to_dict(),
        "classes": list(classes),
        "networks": models.cpu().lasting_state(),
    }
    if exemplars is not None:
        kept = exemplars.embeddings.cpu(), exemplars.classes.cpu().long(), list(exemplars.keys)
        content["exemplars"] = dict(zip(Exemplars._fields, kept, strict=True))
    return checkpoint.save(content, path)


def load_models(path: Path, *, sha256: str | None = None) -> tuple[Models, RoundConfig, tuple[str, ...]]:
    """Networks in evaluation mode, config and class names of a finished round.

    Raises:
        CheckpointError: the file is absent or damaged, or its networks hold a NaN or an infinity.
    """
    return _networks(checkpoint.load(path, sha256=sha256), path)


def load_finished(path: Path, *, sha256: str | None = None) -> Finished:
    """Networks, config, class names and exemplars of a finished round, for labelling new clips.

    Raises:
        CheckpointError: the file is absent or damaged, was written before exemplars were kept in it, or
            holds a NaN or an infinity.
    """
    content = checkpoint.load(path, sha256=sha256)
    if "exemplars" not in content:
        raise CheckpointError(f"{path} holds no exemplars: an older version wrote it. Train a round anew.")
    kept = content["exemplars"]
    if broken_names({"exemplars": kept["embeddings"]}):
        raise _not_finite(path, ["exemplars"])
    networks = _networks(content, path)
    return Finished(*networks, Exemplars(kept["embeddings"], kept["classes"], tuple(kept["keys"])))


def broken_names(values: Mapping[str, Tensor]) -> list[str]:
    """Names of the tensors that hold a NaN or an infinity."""
    return [name for name, value in values.items() if not bool(value.isfinite().all())]


def _not_finite(path: Path, names: Sequence[str]) -> CheckpointError:
    return CheckpointError(
        f"{path} holds values that are not finite ({', '.join(names[:3])}): its training diverged. "
        "Use another round."
    )


def _networks(content: dict[str, Any], path: Path) -> tuple[Models, RoundConfig, tuple[str, ...]]:
    if broken := broken_names(content["networks"]):
        raise _not_finite(path, broken)
    config, classes = RoundConfig.from_dict(content["config"]), tuple(content["classes"])
    models = Models(config, len(classes), pretrained=False)
    models.load_state_dict(content["networks"])
    return models.eval(), config, classes


LAYOUT = {  # what makes two encoders another network even where every shape agrees
    "action_encoder": ("name", "width", "dilated", "vit"),
    "alignability_encoder": ("image_encoder", "pool", "layers", "heads"),
}


def _check_layout(config: RoundConfig, earlier: RoundConfig, path: Path) -> None:
    for section, names in LAYOUT.items():
        for name in names:
            now, then = (getattr(getattr(part, section), name) for part in (config, earlier))
            if now != then:
                raise CheckpointError(
                    f"{path} was trained with {section}.{name} {then!r}, not {now!r}; "
                    "keep the encoders of the round before, or start without its model."
                )


def carry_over(models: Models, classes: Sequence[str | None], path: Path) -> None:
    """Start from an earlier round's networks; classes it did not know start from scratch.

    Args:
        classes: what the earlier round called each class of these models; None for one it did not know.

    Raises:
        CheckpointError: the earlier round used other encoders, or its networks hold a NaN or an infinity.
    """
    content = checkpoint.load(path)
    earlier, old_classes = content["networks"], content["classes"]
    if broken := broken_names(earlier):
        raise _not_finite(path, broken)
    _check_layout(models.config, RoundConfig.from_dict(content["config"]), path)
    weights, bias = earlier.pop("action.classifier.weight"), earlier.pop("action.classifier.bias")
    own = models.lasting_state()
    differing = [name for name, value in earlier.items() if name not in own or own[name].shape != value.shape]
    if differing or set(own) - set(earlier) != {"action.classifier.weight", "action.classifier.bias"}:
        raise CheckpointError(
            f"{path} holds other encoders than this configuration asks for"
            f" ({', '.join(differing[:3]) or 'parts are missing'}); "
            "keep the encoders of the round before, or start without its model."
        )
    models.load_state_dict(earlier, strict=False)
    rows = {number: old_classes.index(name) for number, name in enumerate(classes) if name in old_classes}
    carry_classifier(models.action.classifier, weights, bias, rows)
