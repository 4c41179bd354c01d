"""Which parameters train in which stage, and what the optimizer is given."""

import pytest
import torch
from torch import nn

from finepseudo_core.config import OptimizerConfig
from finepseudo_core.encoders.action_encoder import ActionEncoder
from finepseudo_core.encoders.aim import AdaptedTransformer
from finepseudo_core.encoders.alignability_encoder import AlignabilityEncoder
from finepseudo_core.encoders.efficientnet_lite import EfficientNetLite0
from finepseudo_core.encoders.settings import (
    ACTION_ENCODERS,
    IMAGE_ENCODERS,
    ActionEncoderConfig,
    AlignabilityEncoderConfig,
)
from finepseudo_core.encoders.vit import ImageTransformer
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.models import load_models
from finepseudo_core.selftraining.optimizer import build_optimizer
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config

# the parameters of an image encoder that train in pretraining where it starts from weights
LAST_STAGE = {
    "resnet50": ("7.",),
    "resnet18": ("7.",),
    "efficientnet_lite0": (*(f"blocks.{number}." for number in range(11, 16)), "final."),
    "convnet": ("layers.2.",),
}


def _optimized(network: nn.Module) -> set[str]:
    """Names of the parameters that the optimizer of a stage holds."""
    optimizer = build_optimizer(network, OptimizerConfig())
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    return {name for name, parameter in network.named_parameters() if id(parameter) in held}


def _encoder(name: str, weights: str | None) -> AlignabilityEncoder:
    with torch.device("meta"):
        config = AlignabilityEncoderConfig(image_encoder=name, weights=weights, frames=4, size=32)
        return AlignabilityEncoder(config, pretrained=False)


def test_every_image_encoder_is_listed_here():
    assert set(LAST_STAGE) == set(IMAGE_ENCODERS)


@pytest.mark.parametrize("name", IMAGE_ENCODERS)
def test_pretraining_from_chance_trains_all(name):
    encoder = _encoder(name, None)
    assert _optimized(encoder) == {name for name, _ in encoder.named_parameters()}


@pytest.mark.parametrize("name", IMAGE_ENCODERS)
def test_pretraining_from_weights_trains_the_last_stage_and_the_temporal_part(name):
    encoder = _encoder(name, "weights.pt")
    last = tuple(f"image_encoder.{part}" for part in LAST_STAGE[name])
    for parameter in (names := {name for name, _ in encoder.named_parameters()}):
        trains = parameter.startswith(last) or not parameter.startswith("image_encoder.")
        assert (parameter in _optimized(encoder)) == trains, parameter
    assert any(parameter.startswith(last) for parameter in names)


@pytest.mark.parametrize("name", IMAGE_ENCODERS)
@pytest.mark.parametrize("weights", [None, "weights.pt"])
def test_after_pretraining_only_the_temporal_part_trains(name, weights):
    encoder = _encoder(name, weights)
    encoder.freeze_image_encoder()
    assert _optimized(encoder) == {
        name for name, _ in encoder.named_parameters() if not name.startswith("image_encoder.")
    }


@pytest.mark.parametrize("name", IMAGE_ENCODERS)
def test_frozen_batch_norms_stay_in_evaluation_mode(name):
    encoder = _encoder(name, "weights.pt").train()
    parts = encoder.image_encoder.named_modules()
    norms = {place: part for place, part in parts if isinstance(part, nn.BatchNorm2d)}
    assert {place for place, part in norms.items() if part.training} == {
        place for place in norms if place.startswith(LAST_STAGE[name])
    }
    encoder.freeze_image_encoder()
    encoder.train()
    assert not any(part.training for part in norms.values())
    assert encoder.head.training


def test_a_step_moves_the_last_stage_of_a_pretrained_encoder_and_nothing_before_it():
    torch.manual_seed(0)
    network = EfficientNetLite0()
    network.freeze_early()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    for part in (network.stem, network.blocks[:11]):
        part.eval()
    optimizer = build_optimizer(network, OptimizerConfig())
    network(torch.rand(2, 3, 32, 32)).square().mean().backward()
    optimizer.step()
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    last = LAST_STAGE["efficientnet_lite0"]
    assert all(name.startswith(last) for name in moved)
    assert moved >= {name for name in before if name.startswith(last) and "convolution" in name}


@pytest.mark.parametrize("name", [name for name in ACTION_ENCODERS if name != "aim_vit_b"])
def test_every_other_action_encoder_trains_whole(name):
    with torch.device("meta"):
        encoder = ActionEncoder(ActionEncoderConfig(name=name, size=32), classes=3)
    assert _optimized(encoder) == {name for name, _ in encoder.named_parameters()}


def test_aim_gives_the_optimizer_adapters_temporal_positions_last_norm_and_classifier():
    config = ActionEncoderConfig(name="aim_vit_b", size=224, frames=8, weights="clip.pt")
    with torch.device("meta"):
        encoder = ActionEncoder(config, classes=3, pretrained=False)
    wanted = (
        "backbone.adapters.",
        "backbone.temporal_positions",
        "backbone.trunk.encoder.ln.",
        "classifier.",
    )
    held = _optimized(encoder)
    assert held == {name for name, _ in encoder.named_parameters() if name.startswith(wanted)}
    assert sum(1 for name in held if name.startswith("backbone.adapters.")) == 12 * 3 * 4


def test_steps_leave_the_frozen_transformer_of_aim_as_it_was():
    torch.manual_seed(0)
    trunk = ImageTransformer("clip", size=32, layers=2, heads=4, width=32)
    network = AdaptedTransformer(trunk, frames=2).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = build_optimizer(network, OptimizerConfig(weight_decay=0.1))
    for _ in range(2):  # the second reaches what lies before an adapter's zeros
        optimizer.zero_grad()
        network(torch.rand(2, 3, 2, 32, 32)).pow(3).sum().backward()
        optimizer.step()
    for name, value in network.state_dict().items():
        learns = name.startswith(("adapters.", "temporal_positions", "trunk.encoder.ln."))
        assert torch.equal(value, before[name]) != learns, name


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return make_clips(tmp_path_factory.mktemp("clips"), clips=12)


@pytest.mark.parametrize(("epochs", "moved"), [(0, ()), (1, LAST_STAGE["convnet"])])
def test_a_round_moves_what_pretraining_may_and_nothing_of_the_image_encoder_after_it(
    clips, tmp_path, epochs, moved
):
    config, weights = tiny_config(), tmp_path / "convnet.pt"
    torch.manual_seed(0)
    torch.save(AlignabilityEncoder(config.alignability_encoder).image_encoder.state_dict(), weights)
    config = config.replace(
        {
            "alignability_encoder.weights": str(weights),
            "pretraining.epochs": epochs,
            "self_training.alignability_epochs": 1,
            "self_training.action_epochs": 1,
        }
    )
    run(config, clips[0], clips[1], tmp_path / "round")
    models, _, _ = load_models(tmp_path / "round" / "model.pt")
    before, after = torch.load(weights), models.alignability.image_encoder.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed == {name for name in before if name.startswith(moved)}
