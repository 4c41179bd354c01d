"""What steps took is found again by a round of the same kind, and by no other."""

import pytest

from app import settings
from app.worker import paces
from finepseudo_core.config import preset
from finepseudo_core.selftraining.schedule import PlannedStage

STAGES = (PlannedStage("action", 4), PlannedStage("proposal", 2), PlannedStage("features", 0))


@pytest.fixture
def place(tmp_path):
    return settings.load(tmp_path)


def test_a_round_of_the_same_kind_recalls_them_whatever_its_length(place):
    config = preset("cpu-demo")
    paces.remember(place, config, {"action": 0.5, "proposal": 2.0})
    longer = config.replace({"self_training.epochs": 50, "optimizer.learning_rate": 0.1})
    assert paces.recall(place, longer, STAGES) == {"action": 0.5, "proposal": 2.0}


@pytest.mark.parametrize("change", [{"action_encoder.size": 64}, {"self_training.batch_size": 8}])
def test_another_kind_of_round_recalls_nothing(place, change):
    paces.remember(place, preset("cpu-demo"), {"action": 0.5, "proposal": 2.0})
    assert paces.recall(place, preset("cpu-demo").replace(change), STAGES) is None


def test_a_stage_never_gone_through_is_not_guessed(place):
    paces.remember(place, preset("cpu-demo"), {"action": 0.5})
    assert paces.recall(place, preset("cpu-demo"), STAGES) is None


def test_the_newest_counts_and_what_it_does_not_know_stays(place):
    paces.remember(place, preset("cpu-demo"), {"action": 0.5, "pretraining": 3.0})
    paces.remember(place, preset("cpu-demo"), {"action": 0.25, "proposal": 2.0})
    found = paces.recall(place, preset("cpu-demo"), STAGES)
    assert found == {"action": 0.25, "pretraining": 3.0, "proposal": 2.0}


def test_a_damaged_file_is_a_guess_less_and_is_replaced(place):
    paces.remember(place, preset("cpu-demo"), {"action": 0.5, "proposal": 2.0})
    (place.artifacts / "paces.json").write_text("{")
    assert paces.recall(place, preset("cpu-demo"), STAGES) is None
    paces.remember(place, preset("cpu-demo"), {"action": 0.5, "proposal": 2.0})
    assert paces.recall(place, preset("cpu-demo"), STAGES)


def test_only_the_latest_kinds_are_kept(place):
    for size in range(32, 32 + paces.KEPT + 1):
        config = preset("cpu-demo").replace({"action_encoder.size": size})
        paces.remember(place, config, {"action": 1.0, "proposal": 1.0})
    first, last = (preset("cpu-demo").replace({"action_encoder.size": s}) for s in (32, 32 + paces.KEPT))
    assert paces.recall(place, first, STAGES) is None
    assert paces.recall(place, last, STAGES)
