"""What a stage of training has learnt, kept for the next round that would learn just the same.

A stage is a function of the networks it starts from, its clips and labels, its settings and the seed. Rounds
that differ in something later, such as the strategy of their pseudo-labels, share the stages before.
"""

import fcntl
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from finepseudo_core.errors import CheckpointError
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining import checkpoint, distributed


class StageCache:
    """Networks after a stage, in a folder, by the digest of everything the stage depends on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def key(self, stage: str, seed: int, steps: int, learning: nn.Module, inputs: Any) -> str:
        """Digest of a stage that is about to begin; `inputs` is what `inputs_of` gives."""
        digest = hashlib.sha256(json.dumps([stage, seed, steps, inputs], sort_keys=True).encode())
        digest_networks(digest, learning)
        return digest.hexdigest()

    def knows(self, key: str) -> bool:
        """Whether the stage was learnt before."""
        return self._path(key).is_file()

    def fetch(self, key: str, learning: nn.Module) -> None:
        """Load what the stage learns."""
        learning.load_state_dict(checkpoint.load(self._path(key))["learnt"])

    def keep(self, key: str, learning: nn.Module) -> None:
        """Save what the stage has learnt."""
        checkpoint.save({"learnt": learning.state_dict()}, self._path(key))

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.pt"


@contextmanager
def alone_in(folder: Path | None) -> Iterator[None]:
    """Keep other rounds out of a stage cache: two at once would read each other's frames.

    Raises:
        CheckpointError: another round is at work there.
    """
    if folder is None or not distributed.is_main():
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "in-use").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CheckpointError(
                f"another round is at work in {folder}; wait until it has ended, or give another folder."
            ) from error
        yield


def digest_networks(digest: "hashlib._Hash", networks: nn.Module) -> None:
    """Put the whole state of some networks into a digest."""
    for name, value in sorted(networks.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())


def inputs_of(records: Sequence[ClipRecord], *settings: Any) -> list[Any]:
    """Clips with their labels, and config sections or plain values, in a form that can be digested."""
    clips = [
        [record.key, record.label, record.weight, *record.probabilities, *version_of(record.path)]
        for record in records
    ]
    plain = [asdict(part) if hasattr(part, "__dataclass_fields__") else part for part in settings]
    return [clips, plain]


def version_of(path: Path) -> tuple[int, int]:
    """Size and modification time of a file."""
    if not path.is_file():
        return -1, -1
    found = path.stat()
    return found.st_size, found.st_mtime_ns
