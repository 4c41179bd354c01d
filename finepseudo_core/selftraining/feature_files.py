"""Image features on disk, for the next round on the same clips whose frozen image encoder is the same."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining.stage_cache import digest_networks, inputs_of, version_of


class FeatureFiles:
    """A file for every clip and view, in a folder named after all that the features depend on.

    Args:
        folder: where the folders of all encoders lie.
        encoder: the frozen image encoder.
        settings: what else decides the features, as config sections and plain values.
    """

    def __init__(self, folder: Path, encoder: nn.Module, *settings: Any) -> None:
        digest = hashlib.sha256(json.dumps(inputs_of((), *settings), sort_keys=True).encode())
        digest_networks(digest, encoder)
        self.folder = folder / digest.hexdigest()
        self.folder.mkdir(parents=True, exist_ok=True)

    def has(self, record: ClipRecord, view: int) -> bool:
        """Whether the features of a view were kept."""
        return self._file(record, view).is_file()

    def fetch(self, record: ClipRecord, view: int) -> Tensor:
        """Features (frames, C) as they were kept."""
        return torch.from_numpy(np.load(self._file(record, view)))

    def keep(self, record: ClipRecord, view: int, features: Tensor) -> None:
        """Write features (frames, C)."""
        file = self._file(record, view)
        part = file.with_suffix(f".{os.getpid()}.npy")
        np.save(part, features.numpy())
        os.replace(part, file)

    def _file(self, record: ClipRecord, view: int) -> Path:
        named = json.dumps([record.key, view, *version_of(record.path)])
        return self.folder / f"{hashlib.sha256(named.encode()).hexdigest()}.npy"
