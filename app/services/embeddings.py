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


def clips_file(settings: Settings, number: int, iteration: int) -> Path:
    """Clip ids of these embeddings, int64 (N,)."""
    return artifacts.round_folder(settings, number) / f"embedded-clips-{iteration}.npy"


def kept(studio: Studio, number: int, iteration: int) -> Kept | None:
    """The embeddings of a pass; where it left none, those the round ended with; None without any."""
    settings = studio.settings
    array, names = embeddings_file(settings, number, iteration), clips_file(settings, number, iteration)
    folder = artifacts.round_folder(settings, number)
    if not array.is_file():
        array = folder / "embeddings.npy"
    if not names.is_file():
        names = folder / "embedding_keys.json"
    try:
        return _read(studio, array, names, (array.stat().st_mtime_ns, names.stat().st_mtime_ns))
    except (OSError, ValueError):
        return None


def embedding(studio: Studio, number: int, iteration: int, clip_id: int) -> bytes | None:
    """One clip's frame embeddings, float16 (T, F) in little endian, row by row; None where none are kept."""
    found = kept(studio, number, iteration)
    if found is None or clip_id not in found.places:
        return None
    return found.embedded[found.places[clip_id]].astype("<f2").tobytes()


@lru_cache(maxsize=8)
def _read(studio: Studio, array: Path, names: Path, stamp: tuple[int, int]) -> Kept | None:
    embedded = np.load(array, mmap_mode="r")
    if embedded.ndim != 3 or not embedded.size:
        return None
    if names.suffix == ".json":
        with studio.database.read() as session:
            known = clips.ids(session)
        listed = [known.get(key) for key in json.loads(names.read_bytes())]
    else:
        listed = np.load(names).tolist()
    pairs = enumerate(listed[: len(embedded)])
    return Kept(embedded, {clip_id: place for place, clip_id in pairs if clip_id is not None})
