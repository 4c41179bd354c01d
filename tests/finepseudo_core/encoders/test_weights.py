import contextlib
import io
import pickle
import tempfile
import warnings
from pathlib import Path
from urllib.error import URLError

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from finepseudo_core.config import RoundConfig, preset
from finepseudo_core.encoders.alignability_encoder import AlignabilityEncoder
from finepseudo_core.encoders.resnet3d import ResNet3D
from finepseudo_core.encoders.torchvision_import import torchvision
from finepseudo_core.encoders.weights import load_weights
from finepseudo_core.errors import CheckpointError
from finepseudo_core.selftraining.models import Models, load_models, save_models


class _Anything:
    pass


def test_every_kind_of_misfit_is_listed(tmp_path):
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 3))
    shapes = {"0.weight": (2, 2), "1.weight": (4, 2), "1.bias": (3,), "odd": (1,)}
    torch.save({name: torch.zeros(shape) for name, shape in shapes.items()}, tmp_path / "weights.pt")
    with pytest.raises(CheckpointError) as raised:
        load_weights(network, str(tmp_path / "weights.pt"))
    message = str(raised.value)
    assert "does not fit Sequential" in message
    assert "missing: 0.bias" in message
    assert "other shape: 1.weight is (4, 2) and needs (3, 2)" in message
    assert "no place for: odd" in message


def test_a_misfit_changes_nothing(tmp_path):
    network = nn.Linear(2, 2)
    before = network.weight.clone()
    torch.save({"weight": torch.full((2, 2), 9.0)}, tmp_path / "weights.pt")
    with pytest.raises(CheckpointError, match="missing: bias"):
        load_weights(network, str(tmp_path / "weights.pt"))
    assert torch.equal(network.weight, before)


@pytest.mark.parametrize("container", [None, "state_dict", "bb_state_dict", "model", "online_backbone"])
def test_weights_are_found_inside_a_training_checkpoint(tmp_path, container):
    source, network = nn.Linear(2, 2), nn.Linear(2, 2)
    values = dict(source.state_dict())
    torch.save(values if container is None else {container: values, "epoch": 3}, tmp_path / "weights.pt")
    load_weights(network, str(tmp_path / "weights.pt"))
    assert torch.equal(network.weight, source.weight)


class _ByolNetwork(nn.Module):
    """A network of sthalles/PyTorch-BYOL, its spelling included."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(*list(torchvision.models.resnet18().children())[:-1])
        self.projetion = nn.Sequential()
        layers = nn.Linear(512, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Linear(8, 4)
        self.projetion.add_module("net", nn.Sequential(*layers))


@pytest.fixture(scope="module")
def online() -> _ByolNetwork:
    """What such a trainer has learnt."""
    return _ByolNetwork()


@pytest.mark.parametrize("absent", ["", "encoder_state_dict", "online_network_state_dict"])
def test_the_file_that_a_byol_trainer_writes_is_read(tmp_path, online, absent):
    optimizer = torch.optim.SGD(online.parameters(), lr=0.03, momentum=0.9)
    content = {
        "online_network_state_dict": online.state_dict(),
        "encoder_state_dict": online.encoder.state_dict(),
        "target_network_state_dict": {"encoder.0.weight": torch.zeros(64, 3, 7, 7)},  # and so on
        "optimizer_state_dict": optimizer.state_dict(),
    }
    content.pop(absent, None)
    torch.save(content, tmp_path / "model.pth")
    network = torchvision.models.resnet18()
    network.fc = nn.Identity()
    loaded = load_weights(network, str(tmp_path / "model.pth"))
    found, expected = network.state_dict().values(), online.encoder.state_dict().values()
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))
    whole = absent != "online_network_state_dict"
    assert loaded.convention == ("BYOL" if whole else "a ResNet with numbered parts")
    assert all(name.startswith("projetion.") for name in loaded.left_out)
    assert bool(loaded.left_out) == whole


def test_safetensors_are_read(tmp_path):
    source, network = nn.Linear(2, 2), nn.Linear(2, 2)
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(source.state_dict() | {"fc.weight": torch.zeros(1)}, path)
    loaded = load_weights(network, str(path))
    assert torch.equal(network.bias, source.bias)
    assert str(loaded) == f"weights from {path}, named as the network's own names, without fc.weight"


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused_by_the_name_in_the_file(tmp_path, broken):
    values = {f"module.{name}": value for name, value in ResNet3D(width=2).state_dict().items()}
    values["module.layer2.0.bn1.weight"][1] = broken
    torch.save(values, tmp_path / "weights.pt")
    with pytest.raises(CheckpointError, match=r"NaN or infinite numbers in module\.layer2\.0\.bn1\.weight;"):
        load_weights(ResNet3D(width=2), str(tmp_path / "weights.pt"))


def test_a_file_that_could_run_code_is_refused(tmp_path):
    for name, write in (("new.pt", torch.save), ("old.pkl", _pickle)):
        write({"state_dict": {"weight": torch.zeros(2, 2)}, "trainer": _Anything()}, tmp_path / name)
        with pytest.raises(CheckpointError, match="opening it could run foreign code"):
            load_weights(nn.Linear(2, 2), str(tmp_path / name))


def _pickle(content, path):
    path.write_bytes(pickle.dumps(content, protocol=2))


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_torchscript_program_is_refused_with_the_way_out(tmp_path):
    torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "ViT-B-16.pt"))
    with pytest.raises(CheckpointError, match=r"TorchScript program.*torch\.jit\.load\(\"ViT-B-16\.pt\""):
        load_weights(nn.Linear(2, 2), str(tmp_path / "ViT-B-16.pt"))


@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_an_error_of_its_own(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"{name} (can't be read as weights|is no file of weights)"):
        load_weights(nn.Linear(2, 2), str(tmp_path / name))


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["zip", "legacy", "safetensors"]), st.data())
def test_changed_bytes_are_a_checkpoint_error_or_load(kind, data):
    if kind == "safetensors":
        content = bytearray(safetensors.torch.save(nn.Linear(2, 2).state_dict()))
    else:
        buffer = io.BytesIO()
        torch.save(nn.Linear(2, 2).state_dict(), buffer, _use_new_zipfile_serialization=kind == "zip")
        content = bytearray(buffer.getvalue())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of pickles of another protocol
        path = Path(folder, "weights.safetensors" if kind == "safetensors" else "weights.pt")
        path.write_bytes(content)
        with contextlib.suppress(CheckpointError):
            load_weights(nn.Linear(2, 2), str(path))


@pytest.mark.parametrize("content", [{"epoch": 3}, {}, {1: torch.zeros(1)}, torch.zeros(1)])
def test_a_file_without_named_tensors_says_so(tmp_path, content):
    torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(CheckpointError, match="holds no named tensors"):
        load_weights(nn.Linear(2, 2), str(tmp_path / "weights.pt"))


def test_an_unknown_weights_name_says_what_is_possible():
    with pytest.raises(CheckpointError, match="neither a file here nor a torchvision weights name"):
        load_weights(nn.Linear(2, 2), "Nonsense_Weights.V1")


def test_a_name_that_can_not_be_fetched_is_an_error_of_its_own(monkeypatch):
    def unreachable(*_, **__):
        raise URLError("no route")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: "/nowhere/at/all")
    monkeypatch.setattr("os.makedirs", lambda *_, **__: None)
    with pytest.raises(CheckpointError, match=r"can't be fetched from https://.*fetch it elsewhere"):
        load_weights(nn.Linear(2, 2), "ResNet18_Weights.IMAGENET1K_V1")


def test_a_file_of_several_networks_is_not_guessed_at(tmp_path):
    values = nn.Linear(2, 2).state_dict()
    torch.save({"model": values, "state_dict": values}, tmp_path / "weights.pt")
    with pytest.raises(CheckpointError, match="holds several networks, state_dict and model"):
        load_weights(nn.Linear(2, 2), str(tmp_path / "weights.pt"))


def test_none_loads_nothing():
    assert load_weights(nn.Linear(2, 2), None) is None


def test_a_saved_round_opens_where_its_first_weights_are_gone(tmp_path):
    config = preset("cpu-demo")
    weights = tmp_path / "convnet.pt"
    torch.save(AlignabilityEncoder(config.alignability_encoder).image_encoder.state_dict(), weights)
    config = config.replace({"alignability_encoder.weights": str(weights)})
    models = Models(config, 2)
    assert "own names" in str(models.alignability.loaded)
    save_models(models, config, ("a", "b"), tmp_path / "model.pt")
    weights.unlink()
    opened, config_then, _ = load_models(tmp_path / "model.pt")
    assert config_then == config
    assert isinstance(config_then, RoundConfig)
    for name, value in models.state_dict().items():
        assert torch.equal(opened.state_dict()[name], value), name
