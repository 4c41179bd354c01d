import re
from pathlib import Path

import pytest
import torch
from torch import nn

from finepseudo_core.encoders.action_encoder import ActionEncoder
from finepseudo_core.encoders.alignability_encoder import AlignabilityEncoder, sine_positions
from finepseudo_core.encoders.dropout import Dropout
from finepseudo_core.encoders.settings import (
    ACTION_ENCODERS,
    IMAGE_ENCODERS,
    ActionEncoderConfig,
    AlignabilityEncoderConfig,
)

PAGE = Path(__file__).resolve().parents[3] / "docs" / "ENCODERS.md"
COUNTED = {  # name -> millions without head, and of those that train where the page says so
    name: tuple(float(number) for number in re.findall(r"\d+\.\d", cell))
    for name, cell in re.findall(
        r"^\| `(\w+)` \| (\d[^|]*) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
}


def _parameters(network: torch.nn.Module, *, learning: bool = False) -> float:
    """Millions of parameters."""
    counted = (part for part in network.parameters() if part.requires_grad or not learning)
    return sum(parameter.numel() for parameter in counted) / 1e6


SETTINGS = {  # millions of parameters without head
    "r2plus1d_18": (31.30, {"size": 112, "frames": 16}),
    "r3d_18": (33.17, {"size": 224, "frames": 8}),
    "r3d_50": (46.20, {"size": 224, "frames": 8}),
    "vit_b": (85.80, {"size": 224, "frames": 8}),
    "aim_vit_b": (96.46, {"size": 224, "frames": 8, "weights": "clip.pt"}),
    "r2plus1d_narrow": (0.441, {"size": 48, "frames": 12}),
}


def test_every_action_encoder_is_listed_here():
    assert set(SETTINGS) == set(ACTION_ENCODERS)


@pytest.mark.parametrize("name", SETTINGS)
def test_action_encoders_have_the_known_size_and_shape(name):
    millions, settings = SETTINGS[name]
    config = ActionEncoderConfig(name=name, **settings)
    with torch.device("meta"):
        encoder = ActionEncoder(config, classes=7, pretrained=False).eval()
        assert _parameters(encoder.backbone) == pytest.approx(millions, rel=1e-3)
        clips = torch.rand(2, 3, config.frames, config.size, config.size)
        assert encoder(clips).shape == (2, 7)
        probabilities, spread = encoder.predict_with_spread(clips, passes=4, dropout=0.3)
    assert (probabilities.shape, spread.shape) == ((2, 7), (2,))


def test_the_page_counts_every_encoder():
    assert list(COUNTED) == [*ACTION_ENCODERS, *IMAGE_ENCODERS]


@pytest.mark.parametrize("name", COUNTED)
def test_encoders_have_as_many_parameters_as_the_page_says(name):
    with torch.device("meta"):
        if name in IMAGE_ENCODERS:
            config = AlignabilityEncoderConfig(image_encoder=name)
            network = AlignabilityEncoder(config).image_encoder
        else:
            chosen = ActionEncoderConfig(name=name, size=224, weights="clip.pt")
            network = ActionEncoder(chosen, classes=7, pretrained=False).backbone
    millions, *learning = COUNTED[name]
    assert round(_parameters(network), 1) == millions
    if learning:
        assert [round(_parameters(network, learning=True), 1)] == learning


def test_the_default_vtn_is_carls():
    """Layer by layer, with the paper's sizes (Supp. B); a changed default or order shows here."""
    with torch.device("meta"):
        encoder = AlignabilityEncoder(AlignabilityEncoderConfig())
        clips = torch.rand(2, 3, 32, 64, 64)
        features = encoder.image_features(clips)
        assert encoder.embed(features).shape == (2, 32, 128)
    assert features.shape == (2, 32, 2048)  # ResNet-50's, max-pooled to one number per channel
    kinds = [Dropout, nn.Linear, nn.BatchNorm1d, nn.ReLU] * 2 + [nn.Linear]
    assert [type(part) for part in encoder.head] == kinds
    linear = [(part.in_features, part.out_features) for part in encoder.head if isinstance(part, nn.Linear)]
    assert linear == [(2048, 512), (512, 512), (512, 256)]
    assert [part.p for part in encoder.head if isinstance(part, Dropout)] == [0.1, 0.1]
    assert len(encoder.layers) == 3
    for layer in encoder.layers:
        assert layer.norm_first
        assert (layer.self_attn.embed_dim, layer.self_attn.num_heads) == (256, 8)
        assert (layer.linear1.in_features, layer.linear1.out_features) == (256, 1024)
        assert (layer.linear2.in_features, layer.linear2.out_features) == (1024, 256)
        drops = layer.dropout, layer.dropout1, layer.dropout2, layer.attention_dropout
        assert [drop.p for drop in drops] == [0.1] * 4
    assert (encoder.output.in_features, encoder.output.out_features) == (256, 128)


@pytest.mark.parametrize("name", IMAGE_ENCODERS)
def test_frame_embeddings_are_unit_vectors(name):
    config = AlignabilityEncoderConfig(image_encoder=name, frames=4, size=64, embedding=16)
    encoder = AlignabilityEncoder(config).eval()
    with torch.no_grad():
        embeddings = encoder(torch.rand(2, 3, 4, 64, 64))
    assert embeddings.shape == (2, 4, 16)
    torch.testing.assert_close(embeddings.norm(dim=-1), torch.ones(2, 4))


def test_a_frozen_image_encoder_neither_learns_nor_counts_statistics():
    encoder = AlignabilityEncoder(AlignabilityEncoderConfig(image_encoder="convnet", frames=4, size=32))
    encoder.freeze_image_encoder()
    encoder.train()
    before = {name: value.clone() for name, value in encoder.image_encoder.state_dict().items()}
    clips = torch.rand(2, 3, 4, 32, 32)
    encoder(clips).sum().backward()
    assert all(parameter.grad is None for parameter in encoder.image_encoder.parameters())
    assert any(parameter.grad is not None for parameter in encoder.head.parameters())
    for name, value in encoder.image_encoder.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_pretrained_resnets_train_their_last_stage_only(tmp_path):
    config = AlignabilityEncoderConfig(image_encoder="resnet18", frames=4, size=32)
    from finepseudo_core.encoders.torchvision_import import torchvision

    torch.save(torchvision.models.resnet18().state_dict(), tmp_path / "weights.pt")
    weighted = AlignabilityEncoder(
        AlignabilityEncoderConfig(
            image_encoder="resnet18", frames=4, size=32, weights=str(tmp_path / "weights.pt")
        )
    )
    assert all(parameter.requires_grad for parameter in AlignabilityEncoder(config).parameters())
    stages = [any(p.requires_grad for p in stage.parameters()) for stage in weighted.image_encoder]
    assert stages == [False] * 7 + [True]


def test_positions_of_a_longer_clip_span_the_trained_range():
    short, long = sine_positions(8, 16, trained_frames=8), sine_positions(16, 16, trained_frames=8)
    torch.testing.assert_close(long[::2], short)


def test_spread_over_dropout_is_of_the_predicted_class():
    encoder = ActionEncoder(ActionEncoderConfig(name="r2plus1d_narrow", width=4), classes=3).eval()
    probabilities, spread = encoder.predict_with_spread(torch.rand(4, 3, 4, 16, 16), passes=20, dropout=0.3)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(4))
    assert spread.shape == (4,)
    assert (spread > 0).all()
