"""Embedding single clips from a store that holds them in memory."""

import numpy as np
import torch

from finepseudo_core.encoders.alignability_encoder import AlignabilityEncoder
from finepseudo_core.evaluation import frame_embeddings as module
from finepseudo_core.evaluation.frame_embeddings import clock_embeddings, embed_frames
from finepseudo_core.video.transforms import EvaluationTransform
from tests.finepseudo_core.selftraining.tiny import tiny_config

CONFIG = tiny_config().alignability_encoder
FRAMES = np.random.default_rng(0).integers(256, size=(11, 30, 40, 3), dtype=np.uint8)  # wider than high


class Store:
    """One clip, like a FrameStore."""

    def __init__(self, frames: np.ndarray) -> None:
        self.clip = frames

    def frames(self, key: str) -> int:
        return len(self.clip)

    def read(self, key: str, indices: np.ndarray) -> np.ndarray:
        return self.clip[indices]


def encoder() -> AlignabilityEncoder:
    torch.manual_seed(0)
    return AlignabilityEncoder(CONFIG).eval()


def forward(frames: np.ndarray) -> np.ndarray:
    """f_A on the centre crop of all these frames at once."""
    with torch.no_grad():
        return encoder()(EvaluationTransform(CONFIG.size)(frames))[0].numpy()


def embed(frames: np.ndarray, **options):
    return embed_frames(encoder(), Store(frames), "clip", size=CONFIG.size, **options)


def test_every_frame_is_embedded_in_one_sequence(monkeypatch):
    monkeypatch.setattr(module, "_FRAMES_AT_ONCE", 4)
    found = embed(FRAMES, every_frame=True)
    np.testing.assert_array_equal(found.times, np.arange(11))
    np.testing.assert_allclose(found.embeddings, forward(FRAMES), atol=1e-5)


def test_the_frames_of_training_are_spread_over_the_window():
    found = embed(FRAMES, window=(3, 9))
    np.testing.assert_array_equal(found.times, np.arange(3, 9))
    np.testing.assert_allclose(found.embeddings, forward(FRAMES[3:9]), atol=1e-5)


def test_a_short_clip_repeats_frames_but_tells_each_once():
    found = embed(FRAMES[:4])  # six frames of four: 0, 1, 1, 2, 3, 3
    np.testing.assert_array_equal(found.times, np.arange(4))
    np.testing.assert_allclose(found.embeddings, forward(FRAMES[[0, 1, 1, 2, 3, 3]])[[0, 1, 3, 4]], atol=1e-5)


def test_a_clock_knows_the_place_in_the_window_alone():
    whole = clock_embeddings(np.arange(10), (0, 10))
    np.testing.assert_array_equal(clock_embeddings(np.arange(7, 17), (7, 17)), whole)
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1)
    assert whole.shape == (10, 16)
