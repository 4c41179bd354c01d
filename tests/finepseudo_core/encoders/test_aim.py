import pytest
import torch
from torch import Tensor

from finepseudo_core.encoders.aim import AdaptedTransformer
from finepseudo_core.encoders.vit import FrameMeanTransformer, ImageTransformer

SMALL = {"size": 32, "layers": 2, "heads": 4, "width": 32}


def _adapted(layout: str = "clip", *, started: bool = True) -> AdaptedTransformer:
    torch.manual_seed(3)
    network = AdaptedTransformer(ImageTransformer(layout, **SMALL), frames=4).eval()
    if started:
        for parameter in (network.temporal_positions, *network.adapters.parameters()):
            torch.nn.init.normal_(parameter, std=0.3)
    return network


@torch.no_grad()
@pytest.mark.parametrize("layout", ["clip", "torchvision"])
def test_at_first_it_equals_the_frozen_transformer(layout):
    network, clips = _adapted(layout, started=False), torch.rand(2, 3, 4, 32, 32)
    torch.testing.assert_close(network(clips), FrameMeanTransformer(network.trunk).eval()(clips))


@torch.no_grad()
def test_a_block_follows_the_paper_token_by_token():
    network, tokens = _adapted(), torch.randn(2 * 4, 5, 32)  # two clips of four frames, five tokens
    block, adapters = network.trunk.encoder.layers[0], network.adapters[0]

    def attention(sequence: Tensor) -> Tensor:
        normed = block.ln_1(sequence)[None]
        return block.self_attention(normed, normed, normed)[0][0]

    expected = tokens.clone()
    for clip in range(2):
        frames = slice(4 * clip, 4 * clip + 4)
        for place in range(5):
            expected[frames, place] += adapters.temporal(attention(tokens[frames, place]))
    for frame in range(8):
        attended = attention(expected[frame])
        expected[frame] = expected[frame] + attended + adapters.spatial(attended)
        normed = block.ln_2(expected[frame])
        expected[frame] = expected[frame] + block.mlp(normed) + 0.5 * adapters.joint(normed)
    torch.testing.assert_close(adapters(block, tokens, 4), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_once_adapted_the_order_of_frames_matters_and_clips_do_not_mix():
    network, clips = _adapted(), torch.rand(2, 3, 4, 32, 32)
    whole = network(clips)
    assert (network(clips.flip(2)) - whole).abs().max() > 1e-3
    torch.testing.assert_close(network(clips[1:]), whole[1:], atol=1e-5, rtol=1e-5)


def test_only_adapters_temporal_positions_and_the_last_norm_learn():
    network = _adapted()
    learning = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert learning == {
        "temporal_positions",
        "trunk.encoder.ln.weight",
        "trunk.encoder.ln.bias",
        *(name for name, _ in network.named_parameters() if name.startswith("adapters.")),
    }
    network(torch.rand(1, 3, 4, 32, 32)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert (parameter.grad is not None) == (name in learning), name


def test_it_has_the_published_size():
    with torch.device("meta"):
        network = AdaptedTransformer(ImageTransformer("clip"), frames=8)
    counts = [parameter.numel() for parameter in network.parameters()]
    tuned = [parameter.numel() for parameter in network.parameters() if parameter.requires_grad]
    assert sum(counts) == pytest.approx(97e6, rel=0.01)
    assert sum(tuned) == pytest.approx(11e6, rel=0.04)


def test_a_clip_of_another_length_is_refused():
    with pytest.raises(ValueError, match="a clip has 3 frames; this network has positions for 4"):
        _adapted()(torch.rand(1, 3, 3, 32, 32))
