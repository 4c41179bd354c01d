"""Every encoder answers the same as a graph, whatever the batch, also where a picture is of one colour."""

import sys
from pathlib import Path

import onnx
import pytest
import torch
from torch import nn

from finepseudo_core.encoders.action_encoder import ActionEncoder
from finepseudo_core.encoders.aim import AdaptedTransformer
from finepseudo_core.encoders.alignability_encoder import AlignabilityEncoder
from finepseudo_core.encoders.resnet3d import ResNet3D
from finepseudo_core.encoders.settings import ActionEncoderConfig, AlignabilityEncoderConfig
from finepseudo_core.encoders.vit import FrameMeanTransformer, ImageTransformer
from finepseudo_core.export.manifest import ExportError
from finepseudo_core.export.onnx_graph import open_graph, require_packages, write_graph

SMALL_VIT = {"size": 32, "layers": 2, "heads": 2, "width": 32}
FRAMES = 4


def action(name: str, **settings: int) -> nn.Module:
    return ActionEncoder(ActionEncoderConfig(name=name, frames=FRAMES, **settings), 3, pretrained=False)


def adapted() -> nn.Module:
    network = AdaptedTransformer(ImageTransformer("clip", **SMALL_VIT), FRAMES)
    for parameter in (network.temporal_positions, *network.adapters.parameters()):
        nn.init.normal_(parameter, std=0.3)
    return network


def alignability(name: str, **settings: int) -> nn.Module:
    small = {"hidden": 16, "model": 16, "heads": 2, "layers": 2, "feedforward": 16, "embedding": 8}
    config = AlignabilityEncoderConfig(image_encoder=name, frames=FRAMES, **{**small, **settings})
    return AlignabilityEncoder(config, pretrained=False)


NETWORKS = {
    "r2plus1d_narrow": lambda: action("r2plus1d_narrow", width=4),
    "r2plus1d_18": lambda: action("r2plus1d_18"),
    "r3d_18 dilated": lambda: action("r3d_18", dilated=True),
    "r3d_50": lambda: ResNet3D(width=4),
    "vit_b": lambda: FrameMeanTransformer(ImageTransformer("torchvision", **SMALL_VIT)),
    "aim_vit_b": adapted,
    "f_A, convnet": lambda: alignability("convnet", width=4, pool=3),  # maps of 8 x 8: 3 does not divide 8
    "f_A, resnet18": lambda: alignability("resnet18"),
    "f_A, efficientnet_lite0": lambda: alignability("efficientnet_lite0"),
}


def unsettled(network: nn.Module) -> nn.Module:
    """With batch norm statistics as after some training, in evaluation mode."""
    for part in network.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            part.running_mean.normal_(std=0.1)
            part.running_var.uniform_(0.5, 2)
            nn.init.normal_(part.bias, std=0.1)
    return network.eval()


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_a_graph_answers_as_its_network(name, tmp_path):
    torch.manual_seed(0)
    network = unsettled(NETWORKS[name]())
    before = {key: value.clone() for key, value in network.state_dict().items()}
    write_graph(
        network, (3, FRAMES, 32, 32), tmp_path / "f.onnx", output="answers", metadata={"classes": ["a"]}
    )
    run = open_graph(tmp_path / "f.onnx")
    clips = torch.randn(40, 3, FRAMES, 32, 32)  # more frames than OrientedEnergy takes at once
    clips[1] = 0.7
    clips[2, ..., :16] = -1.0
    for part in (clips, clips[:1], clips[1:4]):
        expected = network(part)
        assert expected.isfinite().all()
        torch.testing.assert_close(run(part), expected, atol=1e-5, rtol=1e-5)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert torch.backends.mha.get_fastpath_enabled()


def test_batch_and_classes_stand_in_the_file(tmp_path):
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * FRAMES * 8 * 8, 3))
    write_graph(network, (3, FRAMES, 8, 8), tmp_path / "f.onnx", output="logits", metadata={"classes": ["ä"]})
    graph = onnx.load(tmp_path / "f.onnx")
    onnx.checker.check_model(graph, full_check=True)
    shapes = [
        [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*graph.graph.input, *graph.graph.output)
    ]
    assert shapes == [["batch", 3, FRAMES, 8, 8], ["batch", 3]]
    assert [value.name for value in (*graph.graph.input, *graph.graph.output)] == ["clips", "logits"]
    assert {entry.key: entry.value for entry in graph.metadata_props} == {"classes": '["\\u00e4"]'}


def test_a_network_without_a_graph_is_told(tmp_path):
    class Undecided(nn.Module):
        def forward(self, clips: torch.Tensor) -> torch.Tensor:
            return clips.mean() if clips.sum() > 0 else clips.sum()

    with pytest.raises(ExportError, match="f_E can't be written as ONNX"):
        write_graph(Undecided(), (3, 2, 4, 4), tmp_path / "f_E.onnx", output="logits", metadata={})
    assert not list(Path(tmp_path).iterdir())


def test_missing_packages_are_named_with_the_command_that_installs_them(monkeypatch):
    require_packages()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ExportError, match=r"needs onnxruntime; .*pip install -r requirements-export\.txt"):
        require_packages()
