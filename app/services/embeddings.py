"""Frame embeddings that a pass of a round left behind: what clips are aligned by. No torch here."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from app import artifacts
from app.services.studio import Studio
from app.settings import Settings
from db.repositories import clips


@dataclass(frozen=True)
class Kept:
    """Frame embeddings of one pass.

    Args:
        embedded: float16 (N, T, F), read from the file as it is used.
        places: clip id -> place in `embedded`.
    """

    embedded: np.ndarray
    places: Mapping[int, int]

    @property
    def features(self) -> int:
        """F, the width of an embedding."""
        return int(self.embedded.shape[2])

    def of(self, clip_ids: Collection[int]) -> np.ndarray:
        """Embeddings of these clips, in their order, float32 of unit length (n, T, F).

        Raises:
            KeyError: a clip is not among them.
        """
        places = [self.places[clip_id] for clip_id in clip_ids]
        found = self.embedded[places].astype(np.float32)
        return found / np.maximum(np.linalg.norm(found, axis=2, keepdims=True), 1e-12)


def embeddings_file(settings: Settings, number: int, iteration: int) -> Path:
    """Frame embeddings of a pass, float16 (N, T, F)."""
    return artifacts.round_folder(settings, number) / f"embeddings-{iteration}.npy"


def keys_file(settings: Settings, number: int) -> Path:
    """Keys of the clips that a round's embeddings belong to, a JSON list in the same order."""
    return artifacts.round_folder(settings, number) / "embedding_keys.json"


def kept(studio: Studio, number: int, iteration: int) -> Kept | None:
    """The embeddings of a pass, None where it left none."""
    array, keys = embeddings_file(studio.settings, number, iteration), keys_file(studio.settings, number)
    try:
        return _read(studio, array, keys, (array.stat().st_mtime_ns, keys.stat().st_mtime_ns))
    except (OSError, ValueError):
        return None


def embedding(studio: Studio, number: int, iteration: int, clip_id: int) -> bytes | None:
    """One clip's frame embeddings, float16 (T, F) in little endian, row by row; None where none are kept."""
    found = kept(studio, number, iteration)
    if found is None or clip_id not in found.places:
        return None
    return found.embedded[found.places[clip_id]].astype("<f2").tobytes()


@lru_cache(maxsize=8)
def _read(studio: Studio, array: Path, keys: Path, stamp: tuple[int, int]) -> Kept | None:
    embedded = np.load(array, mmap_mode="r")
    if embedded.ndim != 3 or not embedded.size:
        return None
    with studio.database.read() as session:
        known = clips.ids(session)
    listed = enumerate(json.loads(keys.read_bytes())[: len(embedded)])
    return Kept(embedded, {known[key]: place for place, key in listed if key in known})
