import dataclasses
import json

import pytest

from finepseudo_core.config import PRESETS, RoundConfig, preset
from finepseudo_core.errors import ConfigError


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_survives_json(name):
    config = preset(name)
    assert RoundConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_defaults_are_the_papers_values():
    config = preset("paper")
    assert config.alignment.gamma == 0.001
    assert config.alignment.margin == 0.1
    assert config.pseudo_labels.exemplars == 15
    assert config.pseudo_labels.temperature == 0.1
    assert config.pseudo_labels.threshold == 0.6
    assert (config.pretraining.temperature, config.pretraining.peak, config.pretraining.deviation) == (
        0.1,
        0.99,
        0.2,
    )
    assert (config.self_training.iterations, config.self_training.epochs) == (10, 5)
    assert (config.evaluation.clips, config.evaluation.crops) == (10, 3)


def test_an_unknown_setting_is_named_in_full():
    with pytest.raises(ConfigError, match=r"unknown setting 'pseudo_labels\.thresold'.*threshold"):
        RoundConfig().replace({"pseudo_labels.thresold": 0.5})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pseudo_labels.threshold": 1.5}, "at most 1"),
        ({"alignment.gamma": 0.0}, "above 0"),
        ({"alignment.mining": "easy"}, "choose one of"),
        ({"self_training.iterations": "ten"}, "must be int"),
        ({"self_training.iterations": True}, "must be int"),
        ({"alignment": 3}, "table of settings"),
        ({"alignability_encoder.heads": 7}, "multiple of heads"),
    ],
)
def test_a_value_outside_its_range_says_what_is_allowed(changes, message):
    with pytest.raises(ConfigError, match=message):
        RoundConfig().replace(changes)


def test_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(ConfigError, match="cpu-demo"):
        preset("gpu")


def test_a_stage_of_pretraining_depends_on_the_settings_of_its_objective_alone():
    gitdl, carl = (
        RoundConfig().pretraining,
        RoundConfig().replace({"pretraining.objective": "carl"}).pretraining,
    )
    assert "carl" not in gitdl.in_use()
    assert gitdl.in_use() == RoundConfig().replace({"pretraining.carl.variance": 3.0}).pretraining.in_use()
    assert (
        carl.in_use()
        == RoundConfig()
        .replace({"pretraining.objective": "carl", "pretraining.peak": 0.5})
        .pretraining.in_use()
    )
    assert carl.in_use()["carl"] == {"variance": 10.0, "crop": 1.5, "overlap": 0.2}


def test_numbers_that_may_be_broken_are_taken_whole_or_broken():
    def floats(section, prefix=""):
        for item in dataclasses.fields(section):
            value = getattr(section, item.name)
            if dataclasses.is_dataclass(value):
                yield from floats(value, f"{prefix}{item.name}.")
            elif item.type in ("float", float):
                yield prefix + item.name, value

    found = dict(floats(RoundConfig()))
    assert found["optimizer.warmup_epochs"] == 5
    assert all(isinstance(value, float) for value in found.values()), found
    assert RoundConfig().replace({"optimizer.warmup_epochs": 0.5}).optimizer.warmup_epochs == 0.5
