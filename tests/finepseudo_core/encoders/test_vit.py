import pytest
import torch
from torch import Tensor
from torch.nn import functional

from finepseudo_core.encoders.action_encoder import ActionEncoder
from finepseudo_core.encoders.settings import ActionEncoderConfig
from finepseudo_core.encoders.torchvision_import import torchvision
from finepseudo_core.encoders.vit import FrameMeanTransformer, ImageTransformer, QuickGELU
from finepseudo_core.encoders.weights import load_weights
from finepseudo_core.errors import CheckpointError, ConfigError
from finepseudo_core.video.transforms import DEVIATION, MEAN

SMALL = {"size": 32, "layers": 2, "heads": 4, "width": 32}
CLIP_MEAN, CLIP_DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def _clip_checkpoint(width: int = 32, layers: int = 2, patches: int = 4) -> dict[str, Tensor]:
    """Random tensors under names and shapes of CLIP: its image encoder, and a stub of its text encoder."""
    shapes = {
        "visual.class_embedding": (width,),
        "visual.positional_embedding": (patches + 1, width),
        "visual.proj": (width, 16),
        "visual.conv1.weight": (width, 3, 16, 16),
        **{f"visual.ln_{place}.{part}": (width,) for place in ("pre", "post") for part in ("weight", "bias")},
        "positional_embedding": (77, width),
        "text_projection": (width, 16),
        "logit_scale": (),
        "token_embedding.weight": (10, width),
        "transformer.resblocks.0.attn.in_proj_weight": (3 * width, width),
        "ln_final.weight": (width,),
    }
    for number in range(layers):
        shapes |= {
            f"visual.transformer.resblocks.{number}.{name}": shape
            for name, shape in {
                "attn.in_proj_weight": (3 * width, width),
                "attn.in_proj_bias": (3 * width,),
                "attn.out_proj.weight": (width, width),
                "attn.out_proj.bias": (width,),
                "ln_1.weight": (width,),
                "ln_1.bias": (width,),
                "mlp.c_fc.weight": (4 * width, width),
                "mlp.c_fc.bias": (4 * width,),
                "mlp.c_proj.weight": (width, 4 * width),
                "mlp.c_proj.bias": (width,),
                "ln_2.weight": (width,),
                "ln_2.bias": (width,),
            }.items()
        }
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(shape, generator=generator) * 0.2 for name, shape in shapes.items()}


def _clip_by_hand(values: dict[str, Tensor], images: Tensor, heads: int, layers: int) -> Tensor:
    """CLIP's image encoder up to its last layer norm, written out; images (N, 3, H, W) in [0, 1]."""
    state = {
        name.removeprefix("visual."): value for name, value in values.items() if name.startswith("visual.")
    }

    def norm(tokens: Tensor, name: str) -> Tensor:
        centred = tokens - tokens.mean(-1, keepdim=True)
        spread = (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return centred / spread * state[f"{name}.weight"] + state[f"{name}.bias"]

    mean, deviation = (torch.tensor(part).view(3, 1, 1) for part in (CLIP_MEAN, CLIP_DEVIATION))
    patches = functional.conv2d((images - mean) / deviation, state["conv1.weight"], stride=16)
    patches = patches.flatten(2).transpose(1, 2)  # (N, P, D)
    tokens = torch.cat([state["class_embedding"].expand(len(images), 1, -1), patches], 1)
    tokens = norm(tokens + state["positional_embedding"], "ln_pre")
    for number in range(layers):
        block = f"transformer.resblocks.{number}"
        normed = norm(tokens, f"{block}.ln_1")
        joined = normed @ state[f"{block}.attn.in_proj_weight"].T + state[f"{block}.attn.in_proj_bias"]
        query, key, value = (
            part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in joined.chunk(3, dim=-1)
        )  # (N, heads, L, D / heads)
        weights = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1)
        attended = (weights @ value).transpose(1, 2).flatten(2)
        out = f"{block}.attn.out_proj"
        tokens = tokens + attended @ state[f"{out}.weight"].T + state[f"{out}.bias"]
        inner = norm(tokens, f"{block}.ln_2") @ state[f"{block}.mlp.c_fc.weight"].T
        inner = inner + state[f"{block}.mlp.c_fc.bias"]
        inner = inner * torch.sigmoid(1.702 * inner)
        tokens = tokens + inner @ state[f"{block}.mlp.c_proj.weight"].T + state[f"{block}.mlp.c_proj.bias"]
    return norm(tokens[:, 0], "ln_post")


def _normalised(images: Tensor) -> Tensor:
    mean, deviation = (torch.tensor(part).view(3, 1, 1) for part in (MEAN, DEVIATION))
    return (images - mean) / deviation


@torch.no_grad()
def test_weights_of_clip_give_what_clip_gives(tmp_path):
    values, images = _clip_checkpoint(), torch.rand(3, 3, 32, 32)
    torch.save(values, tmp_path / "clip.pt")
    network = ImageTransformer("clip", **SMALL).eval()
    loaded = load_weights(network, str(tmp_path / "clip.pt"))
    assert loaded.convention == "CLIP"
    assert set(loaded.left_out) == {
        "visual.proj",
        *(name for name in values if not name.startswith("visual.")),
    }
    expected = _clip_by_hand(values, images, heads=4, layers=2)
    torch.testing.assert_close(network(_normalised(images)), expected, atol=2e-5, rtol=2e-5)


@torch.no_grad()
def test_the_image_encoder_of_clip_alone_and_in_half_precision_loads_too(tmp_path):
    values = {
        name.removeprefix("visual."): value.half()
        for name, value in _clip_checkpoint().items()
        if name.startswith("visual.")
    }
    torch.save(values, tmp_path / "clip.pt")
    network = ImageTransformer("clip", **SMALL).eval()
    assert load_weights(network, str(tmp_path / "clip.pt")).left_out == ("proj",)
    assert network.conv_proj.weight.dtype == torch.float32
    images = torch.rand(2, 3, 32, 32)
    whole = {f"visual.{name}": value.float() for name, value in values.items()}
    expected = _clip_by_hand(whole, images, heads=4, layers=2)
    torch.testing.assert_close(network(_normalised(images)), expected, atol=2e-5, rtol=2e-5)


def test_clip_with_gelu_differs_in_the_activation_alone():
    torch.manual_seed(0)
    quick = ImageTransformer("clip", **SMALL).eval()
    plain = ImageTransformer("clip_gelu", **SMALL).eval()
    plain.load_state_dict(quick.state_dict())
    frames = torch.rand(1, 3, 32, 32)
    assert not torch.equal(quick(frames), plain(frames))
    torch.testing.assert_close(quick(frames), plain(frames), atol=0.1, rtol=0.1)


def test_weights_of_clip_do_not_fit_the_layout_of_torchvision(tmp_path):
    torch.save(_clip_checkpoint(), tmp_path / "clip.pt")
    with pytest.raises(
        CheckpointError, match=r"read as CLIP.*no place for: visual\.ln_pre\.bias.*Set action_encoder\.vit"
    ):
        load_weights(ImageTransformer("torchvision", **SMALL), str(tmp_path / "clip.pt"))


@torch.no_grad()
def test_the_plain_layout_computes_what_torchvision_does(tmp_path):
    theirs = torchvision.models.VisionTransformer(32, 16, 2, 4, 32, 128).eval()
    names = {".mlp.0.": ".mlp.linear_1.", ".mlp.3.": ".mlp.linear_2."}  # as in torchvision's hosted files
    values = {}
    for name, value in theirs.state_dict().items():
        for new, old in names.items():
            name = name.replace(new, old)
        values[name] = value
    torch.save(values, tmp_path / "vit.pt")
    ours = ImageTransformer(**SMALL).eval()
    assert load_weights(ours, str(tmp_path / "vit.pt")).left_out == ("heads.head.weight", "heads.head.bias")
    theirs.heads = torch.nn.Identity()
    frames = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(ours(frames), theirs(frames))


@torch.no_grad()
def test_a_clip_is_the_mean_of_its_frames():
    network = FrameMeanTransformer(ImageTransformer(**SMALL)).eval()
    clips = torch.rand(2, 3, 4, 32, 32)
    frames = torch.stack([network.trunk(clips[:, :, place]) for place in range(4)])
    torch.testing.assert_close(network(clips), frames.mean(0))


def test_vit_b_16_has_the_published_size():
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in ImageTransformer().parameters())
    assert count + 768 * 1000 + 1000 == 86_567_656  # torchvision's vit_b_16 with its head


@pytest.mark.parametrize(
    ("name", "vit", "clip", "quick"),
    [
        ("vit_b", "auto", False, False),
        ("vit_b", "clip", True, True),
        ("aim_vit_b", "auto", True, True),
        ("aim_vit_b", "clip_gelu", True, False),
        ("aim_vit_b", "torchvision", False, False),
    ],
)
def test_the_layout_is_that_of_the_config_or_the_usual_one(name, vit, clip, quick):
    config = ActionEncoderConfig(name=name, vit=vit, size=224, weights="weights.pt")
    with torch.device("meta"):
        trunk = ActionEncoder(config, classes=3, pretrained=False).backbone.trunk
    assert isinstance(trunk.ln_pre, torch.nn.LayerNorm) == clip
    assert isinstance(trunk.encoder.layers[11].mlp[1], QuickGELU) == quick


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 100}, r"set action_encoder\.size from 100 to a multiple of 16"),
        ({"size": 112, "weights": "x"}, r"set action_encoder\.size from 112 to 224"),
        ({"size": 224, "name": "aim_vit_b"}, r"set action_encoder\.weights to a file of CLIP's ViT-B/16"),
    ],
)
def test_settings_that_do_not_fit_a_vit_say_what_to_set(settings, message):
    with pytest.raises(ConfigError, match=message):
        ActionEncoderConfig(**{"name": "vit_b", **settings})
