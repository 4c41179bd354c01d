"""Checkpoints that survive a crash at any moment and say so when they are damaged."""

import hashlib
import io
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from finepseudo_core.errors import CheckpointError

_HEADER = b"finepseudo sha256 "


def save(content: Mapping[str, Any], path: Path) -> str:
    """Write tensors and plain values to `path` so that the file is whole or absent, never half.

    Returns:
        sha256 of the content, as a hexadecimal string; the file's first line repeats it.
    """
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    digest = hashlib.sha256(buffer.getbuffer()).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(_HEADER + digest.encode() + b"\n")
        file.write(buffer.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return digest


def load(path: Path, *, sha256: str | None = None) -> dict[str, Any]:
    """Read a file written by `save`; it holds tensors and plain values only.

    Args:
        sha256: checksum known from elsewhere, compared as well.

    Raises:
        CheckpointError: the file is absent, damaged, or not the one expected.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} can't be read ({error.strerror}).") from error
    line, _, payload = content.partition(b"\n")
    digest = hashlib.sha256(payload).hexdigest()
    if line != _HEADER + digest.encode() or (sha256 is not None and sha256 != digest):
        raise CheckpointError(
            f"{path} is damaged: its content does not match its checksum. "
            "Delete the file to start this round anew, or restore it from a backup."
        )
    try:
        return torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} holds more than tensors and plain values; it was not written here."
        ) from error
