import pytest
import torch
from torch import Tensor

from finepseudo_core.encoders.action_encoder import ActionEncoder
from finepseudo_core.encoders.checkpoint_names import translate
from finepseudo_core.encoders.resnet3d import ResNet3D
from finepseudo_core.encoders.settings import ActionEncoderConfig
from finepseudo_core.errors import CheckpointError


@pytest.fixture(scope="module")
def resnet() -> dict[str, Tensor]:
    """A state whose names are those of every ResNet: conv1, bn1, layer1 to layer4."""
    return ResNet3D(width=2).state_dict()


def _numbered(name: str) -> str:
    """The name in Sequential(*children): conv1 is 0, bn1 is 1, layer1 to layer4 are 4 to 7."""
    first, rest = name.split(".", 1)
    return f"{ {'conv1': 0, 'bn1': 1}.get(first, int(first[-1]) + 3) }.{rest}"


@pytest.mark.parametrize(
    ("convention", "rename", "others"),
    [
        ("the network's own names", "{}", ()),
        ("the network's own names", "module.{}", ()),
        ("the network's own names", "_orig_mod.module.{}", ()),
        ("a ResNet with numbered parts", "{numbered}", ()),
        ("a backbone inside another network", "backbone.{}", ()),
        ("a backbone inside another network", "module.base_encoder.{}", ("module.base_encoder.fc.0.weight",)),
        ("a backbone inside another network", "encoder.{numbered}", ()),
        (
            "BYOL",
            "module.online_network.encoder.{numbered}",
            (
                "module.online_network.projetion.net.0.weight",  # spelt so in a public implementation
                "module.predictor.net.0.weight",
                "module.target_network.encoder.0.weight",
            ),
        ),
        ("BYOL", "encoder.{numbered}", ("projetion.net.0.weight", "projetion.net.1.running_mean")),
        ("BYOL", "online_network.encoder.{}", ("target_network.encoder.conv1.weight",)),
        (
            "BYOL",
            "online_encoder.net.{}",
            (
                "net.conv1.weight",  # the same network as online_encoder.net
                "online_encoder.projector.0.weight",
                "online_predictor.0.weight",
                "target_encoder.net.conv1.weight",
            ),
        ),
    ],
)
def test_a_resnet_is_found_under_the_names_of_others(resnet, convention, rename, others):
    head = rename.format("fc.weight", numbered="fc.weight")
    found = {rename.format(name, numbered=_numbered(name)): value for name, value in resnet.items()}
    found |= {name: torch.zeros(1) for name in (head, *others)}
    translation = translate(found, resnet)
    assert translation.convention == convention
    assert set(translation.left_out) == {head, *others}
    assert set(translation.values) == set(resnet)
    for name, value in resnet.items():
        assert translation.values[name] is value, name
        assert found[translation.sources[name]] is value


@pytest.mark.parametrize("name", ["r3d_18", "r2plus1d_18"])
@pytest.mark.parametrize("wrapper", ["", "module."])
def test_a_tclr_checkpoint_is_the_backbone_of_a_pair(name, wrapper):
    with torch.device("meta"):
        wanted = ActionEncoder(ActionEncoderConfig(name=name), classes=3).backbone.state_dict()
    found = {f"{wrapper}0.{name}": value for name, value in wanted.items()}
    found[f"{wrapper}1.fc1.weight"] = torch.zeros(1)
    translation = translate(found, wanted)
    assert translation.convention == "TCLR"
    assert translation.left_out == (f"{wrapper}1.fc1.weight",)
    assert set(translation.values) == set(wanted)


def test_a_head_that_the_network_wants_is_not_left_out():
    found = {"fc.weight": torch.zeros(2, 2)}
    assert translate(found, {"fc.weight": None}).left_out == ()
    assert translate(found, {}).left_out == ("fc.weight",)


def test_names_without_a_meaning_are_kept_for_the_list_of_what_did_not_fit(resnet):
    found = {**resnet, "queue": torch.zeros(1), "projector.0.weight": torch.zeros(1)}
    translation = translate(found, resnet)
    assert set(translation.values) - set(resnet) == {"queue", "projector.0.weight"}
    assert not translation.left_out


def test_two_names_for_one_parameter_are_refused():
    found = {"backbone.conv1.weight": torch.zeros(1), "encoder.conv1.weight": torch.zeros(1)}
    with pytest.raises(
        CheckpointError,
        match=r"backbone\.conv1\.weight and encoder\.conv1\.weight both stand for conv1\.weight",
    ):
        translate(found, {})
