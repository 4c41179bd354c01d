import pytest
import torch

from finepseudo_core.encoders.action_encoder import ActionEncoder
from finepseudo_core.encoders.resnet3d import Bottleneck, ResNet3D
from finepseudo_core.encoders.settings import ActionEncoderConfig
from finepseudo_core.encoders.weights import load_weights
from finepseudo_core.errors import ConfigError


def test_it_has_the_size_of_the_published_network():
    with torch.device("meta"):
        network = ResNet3D()
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count + 400 * (2048 + 1) == pytest.approx(47.0e6, rel=0.002)  # with the head for Kinetics-400


def test_eight_frames_end_as_one_of_2048_channels():
    with torch.device("meta"):
        network, clips = ResNet3D(), torch.rand(1, 3, 8, 224, 224)
        shapes = {}
        for name in ("conv1", "layer1", "layer2", "layer3", "layer4"):
            getattr(network, name).register_forward_hook(
                lambda _, __, maps, name=name: shapes.update({name: tuple(maps.shape[1:])})
            )
        assert network(clips).shape == (1, 2048)
    assert shapes == {
        "conv1": (64, 8, 112, 112),
        "layer1": (256, 4, 56, 56),
        "layer2": (512, 2, 28, 28),
        "layer3": (1024, 1, 14, 14),
        "layer4": (2048, 1, 7, 7),
    }


def test_the_authors_checkpoints_fit_with_wrapper_head_and_no_counters(tmp_path):
    source, network = ResNet3D(width=2), ResNet3D(width=2)
    values = {
        f"module.{name}": value for name, value in source.state_dict().items() if "num_batches" not in name
    }
    values |= {"module.fc.weight": torch.rand(400, 64), "module.fc.bias": torch.rand(400)}
    torch.save({"epoch": 200, "arch": "resnet-50", "state_dict": values}, tmp_path / "r3d50.pth")
    loaded = load_weights(network, str(tmp_path / "r3d50.pth"))
    assert loaded.left_out == ("module.fc.weight", "module.fc.bias")
    for name, value in source.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name


def test_a_block_without_change_of_shape_starts_from_its_input():
    block = Bottleneck(8, 2, 1).eval()
    torch.nn.init.zeros_(block.bn3.weight)
    maps = torch.rand(1, 8, 2, 4, 4)
    torch.testing.assert_close(block(maps), maps)


def test_a_small_one_learns():
    network = ResNet3D(width=2)
    network(torch.rand(2, 3, 4, 32, 32)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("name", ["r3d_18", "r2plus1d_18"])
def test_dilation_keeps_time_and_every_shape_of_a_parameter(name):
    frames, shapes, steps = {}, {}, {}
    for dilated in (False, True):
        with torch.device("meta"):
            backbone = ActionEncoder(ActionEncoderConfig(name=name, dilated=dilated), classes=3).backbone
            maps = backbone.stem(torch.rand(1, 3, 16, 64, 64))
            for stage in (backbone.layer1, backbone.layer2, backbone.layer3, backbone.layer4):
                maps = stage(maps)
        frames[dilated] = maps.shape[2:]
        steps[dilated] = {part.dilation for part in backbone.modules() if isinstance(part, torch.nn.Conv3d)}
        shapes[dilated] = {name: value.shape for name, value in backbone.state_dict().items()}
    assert frames == {False: (2, 4, 4), True: (4, 4, 4)}
    assert shapes[False] == shapes[True]
    assert steps == {False: {(1, 1, 1)}, True: {(1, 1, 1), (2, 1, 1)}}


def test_dilation_of_another_network_is_refused():
    with pytest.raises(ConfigError, match="dilated does nothing to r3d_50; set it to false"):
        ActionEncoderConfig(name="r3d_50", dilated=True)
