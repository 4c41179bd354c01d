"""What steps took in earlier rounds of a project: the first guess of how long the next one takes."""

import json
from collections.abc import Mapping, Sequence

from app import artifacts
from app.settings import Settings
from finepseudo_core.config import RoundConfig
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.schedule import PlannedStage

KEPT = 20  # kinds of rounds
DECISIVE = (
    "method",
    "action_encoder",
    "alignability_encoder",
    "alignment",
    "evaluation",
    "precision",
    "accumulate",
    "compile",
    "loader_workers",
)


def recall(
    settings: Settings, config: RoundConfig, stages: Sequence[PlannedStage]
) -> Mapping[str, float] | None:
    """First word of a stage's name -> seconds per step, of the last round of this kind.

    None where no such round has gone through all these stages.
    """
    found = _read(settings).get(_kind_of_round(config), {})
    kinds = {stage.stage.partition(" ")[0] for stage in stages if stage.steps}
    return found if kinds <= found.keys() else None


def remember(settings: Settings, config: RoundConfig, seconds: Mapping[str, float]) -> None:
    """Keep what the steps of a round took."""
    known, kind = _read(settings), _kind_of_round(config)
    latest = {**known.pop(kind, {}), **seconds}
    kept = dict([*known.items(), (kind, latest)][-KEPT:])
    with artifacts.writing(settings.artifacts / "paces.json") as path:
        path.write_text(json.dumps(kept), encoding="utf-8")


def _read(settings: Settings) -> dict[str, dict[str, float]]:
    try:
        return json.loads((settings.artifacts / "paces.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}  # a guess less


def _kind_of_round(config: RoundConfig) -> str:
    """Whatever a step's time depends on."""
    values, training = config.to_dict(), config.self_training
    place = distributed.device(config.device).type, distributed.world_size(), distributed.threads()
    batch = training.batch_size, training.clips_per_class, config.pretraining.batch_size
    return json.dumps([place, batch, {name: values[name] for name in DECISIVE}])
