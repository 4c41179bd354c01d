"""Settings of both encoders, parts of `RoundConfig`. Free of torch."""

from dataclasses import dataclass

from finepseudo_core.errors import ConfigError
from finepseudo_core.options import Section, option

IMAGE_ENCODERS = ("resnet50", "resnet18", "efficientnet_lite0", "convnet")
VITS = ("vit_b", "aim_vit_b")
ACTION_ENCODERS = ("r2plus1d_18", "r3d_18", "r3d_50", *VITS, "r2plus1d_narrow")


@dataclass(frozen=True)
class ActionEncoderConfig(Section):
    """f_E, the action encoder."""

    name: str = option("r2plus1d_18", "Network of the action encoder.", choices=ACTION_ENCODERS)
    weights: str | None = option(
        None,
        "torchvision weights name, a local file, or none. The paper's R(2+1)D-18 starts from TCLR's, learnt "
        "on the data set; none starts from chance.",
    )
    frames: int = option(16, "[A] Frames per clip.", at_least=2)
    stride: int = option(
        2,
        "[A] Source frames from one frame of a clip to the next; 0 spreads them over the whole video.",
        at_least=0,
    )
    size: int = option(
        112, "[A] Height and width of a frame in pixels; 224 for 3D-ResNets in the paper.", at_least=16
    )
    width: int = option(16, "Channels of the first stage of r2plus1d_narrow.", at_least=4)
    augmentation: str = option(
        "weak",
        "[A] Training views: weak crops and changes brightness and contrast; strong adds RandAugment and a "
        "hole, as FixMatch's strong view.",
        choices=("weak", "strong"),
    )
    dilated: bool = option(
        False, "[A] r2plus1d_18 and r3d_18: dilate the last stage in time, as TCLR's pretraining does."
    )
    vit: str = option(
        "auto",
        "[A] Layout of vit_b's and aim_vit_b's weights: OpenAI's CLIP, CLIP with GELU (OpenCLIP), or "
        "torchvision's; auto is clip for aim_vit_b, torchvision for vit_b.",
        choices=("auto", "clip", "clip_gelu", "torchvision"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dilated and self.name not in ("r2plus1d_18", "r3d_18"):
            raise ConfigError(f"action_encoder.dilated does nothing to {self.name}; set it to false.")
        if self.name in VITS:
            self._check_vit()

    def _check_vit(self) -> None:
        if self.size % 16:
            raise ConfigError(
                f"{self.name} cuts frames into patches of 16 pixels; set action_encoder.size "
                f"from {self.size} to a multiple of 16, 224 with pretrained weights."
            )
        if self.weights is not None and self.size != 224:
            raise ConfigError(
                f"pretrained weights of {self.name} have positions for 224 pixels; "
                f"set action_encoder.size from {self.size} to 224."
            )
        if self.name == "aim_vit_b" and self.weights is None:
            raise ConfigError(
                "aim_vit_b adapts a frozen image encoder, which can't start from chance; set "
                "action_encoder.weights to a file of CLIP's ViT-B/16, "
                "or to ViT_B_16_Weights.IMAGENET1K_V1 with action_encoder.vit torchvision."
            )


@dataclass(frozen=True)
class AlignabilityEncoderConfig(Section):
    """f_A, the alignability encoder: a video transformer network (VTN) over per-frame features."""

    image_encoder: str = option("resnet50", "Network that sees single frames.", choices=IMAGE_ENCODERS)
    weights: str | None = option(
        None,
        "Weights of the image encoder: torchvision name, local file, or none. The paper's ResNet-50 starts "
        "from self-supervised ones; none trains all of it from chance.",
    )
    frames: int = option(32, "[A] T, frames per clip.", at_least=2)
    size: int = option(224, "Height and width of a frame in pixels.", at_least=16)
    width: int = option(32, "Channels of the first stage of convnet.", at_least=4)
    pool: int = option(1, "Side of the grid that image features are max-pooled to; 1 as in CARL.", at_least=1)
    hidden: int = option(512, "Width of the two linear layers after pooling.", at_least=8)
    model: int = option(256, "Width of the transformer.", at_least=8)
    layers: int = option(3, "Transformer layers.", at_least=0)
    heads: int = option(8, "Attention heads.", at_least=1)
    feedforward: int = option(1024, "Width of the transformer's feed-forward layers.", at_least=8)
    dropout: float = option(0.1, "Dropout.", at_least=0, at_most=0.9)
    feature_views: int = option(
        0,
        "[A] Augmented views whose pooled image features are kept while the image encoder is frozen.",
        at_least=0,
    )
    embedding: int = option(128, "[A] F, width of a frame embedding, L2-normalised.", at_least=2)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model % self.heads:
            raise ConfigError(f"model width {self.model} must be a multiple of heads {self.heads}.")
