"""The networks of a round together: f_E, f_A, f_S and GITDL's projection; saved and loaded as one file."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from finepseudo_core.alignment.alignability import AlignabilityScore
from finepseudo_core.config import RoundConfig
from finepseudo_core.encoders.action_encoder import ActionEncoder, carry_classifier
from finepseudo_core.encoders.alignability_encoder import AlignabilityEncoder
from finepseudo_core.errors import CheckpointError
from finepseudo_core.selftraining import checkpoint


class Models(nn.Module):
    """f_E as `action`, f_A as `alignability`, f_S as `score`, and GITDL's `projection`.

    Args:
        classes: number of classes, K.
        pretrained: load the encoders' weights; off where a saved state follows.
    """

    def __init__(self, config: RoundConfig, classes: int, *, pretrained: bool = True) -> None:
        super().__init__()
        embedding, width = config.alignability_encoder.embedding, config.pretraining.projection
        self.action = ActionEncoder(config.action_encoder, classes, pretrained=pretrained)
        self.alignability = AlignabilityEncoder(config.alignability_encoder, pretrained=pretrained)
        self.score = AlignabilityScore(
            hidden=config.alignment.score_hidden,
            monotone=config.alignment.monotone,
            learnt=config.alignment.learnt_score,
            standardise=config.alignment.standardise_distance,
        )
        self.projection = nn.Sequential(
            nn.Linear(embedding, width), nn.BatchNorm1d(width), nn.ReLU(inplace=True), nn.Linear(width, width)
        )


def save_models(models: Models, config: RoundConfig, classes: Sequence[str], path: Path) -> str:
    """Write the networks, the config and the class names; returns the sha256 that `load_models` checks."""
    content = {"config": config.to_dict(), "classes": list(classes), "networks": models.cpu().state_dict()}
    return checkpoint.save(content, path)


def load_models(path: Path, *, sha256: str | None = None) -> tuple[Models, RoundConfig, tuple[str, ...]]:
    """Networks in evaluation mode, config and class names of a finished round.

    Raises:
        CheckpointError: the file is absent or damaged.
    """
    content = checkpoint.load(path, sha256=sha256)
    config, classes = RoundConfig.from_dict(content["config"]), tuple(content["classes"])
    models = Models(config, len(classes), pretrained=False)
    models.load_state_dict(content["networks"])
    return models.eval(), config, classes


def carry_over(models: Models, classes: Sequence[str], path: Path) -> None:
    """Start from an earlier round's networks; classes it did not know start from scratch.

    Raises:
        CheckpointError: the earlier round used other encoders.
    """
    content = checkpoint.load(path)
    earlier, old_classes = content["networks"], content["classes"]
    weights, bias = earlier.pop("action.classifier.weight"), earlier.pop("action.classifier.bias")
    own = models.state_dict()
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
