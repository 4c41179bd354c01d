"""Frame embeddings of clips by a finished round's f_A, for measurements on single frames."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from finepseudo_core.datasets.frame_store import FrameStore
from finepseudo_core.encoders.alignability_encoder import AlignabilityEncoder
from finepseudo_core.video.sampling import uniform_indices
from finepseudo_core.video.transforms import EvaluationTransform

_FRAMES_AT_ONCE = 128


class FrameEmbeddings(NamedTuple):
    """Embeddings float32 (T, F) of some frames of a clip, and their numbers (T,), ascending, each once."""

    embeddings: np.ndarray
    times: np.ndarray


@torch.no_grad()
def embed_frames(
    encoder: AlignabilityEncoder,
    store: FrameStore,
    key: str,
    *,
    size: int,
    every_frame: bool = False,
    window: tuple[int, int] | None = None,
    device: torch.device | None = None,
) -> FrameEmbeddings:
    """Embed a clip without randomness, as a round does for its gallery.

    Args:
        encoder: f_A, on `device`; used in evaluation mode.
        store: frames, opened with the round's size and fit.
        key: the clip.
        size: the encoder's input in pixels.
        every_frame: give f_A all frames at once, as CARL does in its evaluation, in place of the T frames
            that it was trained with. A clip shorter than T repeats frames; a frame is told once either way.
        window: first frame of the part to look at, and the frame it ends before; None for the whole clip.
        device: None for the CPU.
    """
    device, (first, end) = device or torch.device("cpu"), window or (0, store.frames(key))
    frames = end - first
    times = first + (np.arange(frames) if every_frame else uniform_indices(frames, encoder.frames))
    encoder.eval()
    features = [
        _image_features(encoder, store.read(key, times[at : at + _FRAMES_AT_ONCE]), size, device)
        for at in range(0, len(times), _FRAMES_AT_ONCE)
    ]
    embeddings = encoder.embed(torch.cat(features, dim=1))[0].cpu().numpy()
    once, places = np.unique(times, return_index=True)
    return FrameEmbeddings(embeddings[places], once)


def clock_embeddings(times: np.ndarray, window: tuple[int, int], features: int = 16) -> np.ndarray:
    """Embeddings (T, features) of length one that know a frame's place in the clip and nothing else: cosines.

    What they score is what time alone is worth: an encoder below them tells less than a clock.

    Args:
        times: frame numbers (T,).
        window: first frame of the clip, or of the part that is looked at, and the frame it ends before.
    """
    first, end = window
    place = (np.asarray(times, np.float64) - first + 0.5) / (end - first)  # (T,) in (0, 1)
    waves = np.cos(np.pi * place[:, None] * np.arange(features))
    return waves / np.linalg.norm(waves, axis=1, keepdims=True)


def _image_features(
    encoder: AlignabilityEncoder, frames: np.ndarray, size: int, device: torch.device
) -> Tensor:
    """Frames uint8 (T, H, W, 3) -> (1, T, C)."""
    return encoder.image_features(EvaluationTransform(size)(frames).to(device))
