import pytest
import torch

from finepseudo_core.config import ActionEncoderConfig, AlignabilityEncoderConfig
from finepseudo_core.encoders.action_encoder import ActionEncoder
from finepseudo_core.encoders.alignability_encoder import AlignabilityEncoder, sine_positions
from finepseudo_core.encoders.weights import load_weights
from finepseudo_core.errors import CheckpointError


def _parameters(network: torch.nn.Module) -> float:
    """Millions of parameters."""
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


@pytest.mark.parametrize(
    ("name", "millions"), [("r2plus1d_18", 31.3), ("r3d_18", 33.2), ("r2plus1d_narrow", 0.44)]
)
def test_action_encoders_have_the_known_size_and_shape(name, millions):
    encoder = ActionEncoder(ActionEncoderConfig(name=name, size=32), classes=7).eval()
    assert _parameters(encoder) == pytest.approx(millions, rel=0.02)
    with torch.no_grad():
        assert encoder(torch.rand(2, 3, 8, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize("name", ["resnet50", "resnet18", "convnet"])
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


def test_weights_that_do_not_fit_are_listed(tmp_path):
    torch.save({"layer.weight": torch.zeros(2, 2)}, tmp_path / "weights.pt")
    with pytest.raises(CheckpointError, match=r"does not fit Linear: no fitting bias, weight"):
        load_weights(torch.nn.Linear(2, 2), str(tmp_path / "weights.pt"))


def test_an_unknown_weights_name_says_what_is_possible():
    with pytest.raises(CheckpointError, match="neither a file here nor a torchvision weights name"):
        load_weights(torch.nn.Linear(2, 2), "Nonsense_Weights.V1")


def test_positions_of_a_longer_clip_span_the_trained_range():
    short, long = sine_positions(8, 16, trained_frames=8), sine_positions(16, 16, trained_frames=8)
    torch.testing.assert_close(long[::2], short)


def test_spread_over_dropout_is_of_the_predicted_class():
    encoder = ActionEncoder(ActionEncoderConfig(name="r2plus1d_narrow", width=4), classes=3).eval()
    probabilities, spread = encoder.predict_with_spread(torch.rand(4, 3, 4, 16, 16), passes=20)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(4))
    assert spread.shape == (4,)
    assert (spread > 0).all()
