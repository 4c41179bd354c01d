"""Frame embeddings that a pass of a round left behind: what the browser aligns clips by. No torch here."""

from pathlib import Path

import numpy as np

from app import artifacts
from app.settings import Settings


def embeddings_file(settings: Settings, number: int, iteration: int) -> Path:
    """Frame embeddings of a pass, float16 (N, T, F)."""
    return artifacts.round_folder(settings, number) / f"embeddings-{iteration}.npy"


def clips_file(settings: Settings, number: int, iteration: int) -> Path:
    """Clip ids of these embeddings, int64 (N,)."""
    return artifacts.round_folder(settings, number) / f"embedded-clips-{iteration}.npy"


def embedding(settings: Settings, number: int, iteration: int, clip_id: int) -> bytes | None:
    """One clip's frame embeddings, float16 (T, F) in little endian, row by row; None where none are kept."""
    try:
        clips = np.load(clips_file(settings, number, iteration), mmap_mode="r")
        kept = np.load(embeddings_file(settings, number, iteration), mmap_mode="r")
    except (OSError, ValueError):
        return None
    places = np.flatnonzero(clips == clip_id)
    if not len(places) or places[0] >= len(kept):
        return None
    return kept[places[0]].astype("<f2").tobytes()
