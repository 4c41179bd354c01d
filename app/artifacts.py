"""What rounds leave behind on disk: where it lies, and how it gets there whole."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.settings import Settings
from finepseudo_core.errors import FinePseudoError


class ArtifactError(FinePseudoError):
    """A stored file is missing, damaged, or asked for outside its folder."""


def round_folder(settings: Settings, number: int) -> Path:
    """Folder of a round's checkpoint, model and embeddings."""
    return settings.artifacts / "rounds" / f"{number:04d}"


def clip_file(settings: Settings, sha256: str) -> Path:
    """Canonical clip of that checksum."""
    return settings.clips / sha256[:2] / f"{sha256}.mp4"


def media_file(settings: Settings, sha256: str, kind: str) -> Path:
    """Sprite ("sprite") or thumbnail ("thumb") of the canonical clip of that checksum."""
    return settings.media / sha256[:2] / f"{sha256}.{kind}.webp"


def inside(settings: Settings, relative: str) -> Path:
    """A stored relative path as a file of the project.

    Raises:
        ArtifactError: the path leads out of the project.
    """
    root = settings.project.resolve()
    path = (root / relative).resolve()
    if not path.is_relative_to(root):
        raise ArtifactError(f"{relative!r} lies outside the project; restore the database from a backup.")
    return path


def relative(settings: Settings, path: Path) -> str:
    """A file of the project as the database stores it."""
    return path.resolve().relative_to(settings.project.resolve()).as_posix()


@contextmanager
def writing(target: Path) -> Iterator[Path]:
    """A path to write to; it becomes `target` in one step when the block ends well, else it is gone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        temporary.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Checksum of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verified(path: Path, sha256: str) -> Path:
    """The path, when the file still has its checksum.

    Raises:
        ArtifactError: it is missing or differs.
    """
    if not path.is_file():
        raise ArtifactError(f"{path} is missing. Restore it from a backup, or run the round again.")
    if sha256_of(path) != sha256:
        raise ArtifactError(f"{path} is damaged (its checksum differs). Restore it, or run the round again.")
    return path
