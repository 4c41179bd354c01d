"""From a video to the input of an exported network, in words and numbers that need no code of ours."""

from pathlib import Path
from typing import Any

from finepseudo_core.config import RoundConfig
from finepseudo_core.datasets.frame_store import MARGIN
from finepseudo_core.video.transforms import DEVIATION, MEAN

DECODING = (
    "All frames of the clip, upright, RGB, 8 bits; a variable frame rate is made constant first. "
    "N is their number."
)
SCALE = {
    "crop": "Scale every frame so that its shorter side is stored_side pixels (Pillow's bilinear), then cut "
    "the square in the middle of the longer side.",
    "squash": "Scale every frame to stored_side x stored_side pixels, of whatever shape (Pillow's bilinear).",
}
RESIZE = "Resize the square to size x size, bilinear with antialiasing."
NORMALISE = "Divide by 255, subtract mean, divide by deviation, per channel. Order the axes as in layout."
UNIFORM = "Frame i of T is floor((i + 0.5) * N / T), at most N - 1."
WINDOW = (
    "A window of T frames, stride apart: span = (T - 1) * stride + 1, first = round(place * (N - span)), "
    "frame i is first + i * stride; place is 0.5 for one view, evenly spaced from 0 to 1 for more. "
    "Where stride is 0 or N < span, frame i is floor((i + place) * N / T), at most N - 1."
)


def preprocessing(config: RoundConfig) -> dict[str, Any]:
    """What a clip goes through before f_E and f_A see it, as `prediction.Predictor` does it."""
    action, alignability = config.action_encoder, config.alignability_encoder
    return {
        "decoding": DECODING,
        "colour_order": "RGB",
        "fit": config.fit,
        "stored_side": round(max(action.size, alignability.size) * MARGIN),
        "steps": [SCALE[config.fit], RESIZE, NORMALISE],
        "value_range_before_mean": [0.0, 1.0],
        "mean": list(MEAN),
        "deviation": list(DEVIATION),
        "layout": "(B, 3, T, H, W)",
        "dtype": "float32",
        "f_E": {
            "frames": action.frames,
            "stride": action.stride,
            "size": action.size,
            "sampling": WINDOW,
            "input": "clips",
            "output": "logits (B, K), K in the order of classes",
        },
        "f_A": {
            "frames": alignability.frames,
            "stride": 0,
            "size": alignability.size,
            "sampling": UNIFORM,
            "input": "clips",
            "output": f"embeddings (B, T, {alignability.embedding}), every frame's of length one",
        },
    }


def answer(config: RoundConfig) -> dict[str, Any]:
    """Which answer counts for a clip, and from what it is put together; f_A's only where it was trained."""
    protocol, labels = config.evaluation, config.pseudo_labels
    aligned = {
        "f_A": {
            "distance": config.alignment.distance,
            "gamma": config.alignment.gamma,
            "temperature": labels.temperature,
            "rule": "softmax over classes of the mean alignability score with each class's exemplars, "
            "divided by temperature.",
        },
        "both": "Mean of the probabilities of f_E and f_A.",
    }
    return {
        "by": protocol.predict,
        "f_E": {
            "windows": protocol.clips,
            "crops": protocol.crops,
            "rule": "Mean softmax of the logits over windows x crops; 3 crops lie at the start, the middle "
            "and the end of the longer side.",
        },
        **(aligned if config.trains_alignability else {}),
        "threshold": labels.threshold,
        "below_threshold": "none of these",
    }


def portable(config: RoundConfig) -> RoundConfig:
    """The settings without the folders that weights were read from: those say nothing elsewhere."""
    sources = {
        f"{name}.weights": getattr(config, name).weights
        for name in ("action_encoder", "alignability_encoder")
    }
    return config.replace({name: Path(source).name for name, source in sources.items() if source})
