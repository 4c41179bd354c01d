"""Where a clip's pictures and its video lie, and the signed addresses of all that browsers fetch."""

import re
from pathlib import Path

from app.settings import Settings
from app.signatures import is_signed, sign

SUFFIXES = {"sprite": ".sprite.webp", "thumb": ".thumb.webp", "video": ".mp4"}
NAMES = {"sprite": "sprite.webp", "thumb": "thumb.webp", "video": "video.mp4"}


def media_address(secret: bytes, clip_id: int, kind: str, sha256: str) -> str:
    """Address of a clip's "sprite", "thumb" or "video"; it changes with the file, so browsers may keep it.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in NAMES:
        raise ValueError(f"kind is {kind!r}; choose one of {', '.join(NAMES)}.")
    return f"/clips/{clip_id}/{NAMES[kind]}?v={sha256}&s={sign(secret, 'media', clip_id, kind, sha256)}"


def is_media_address(secret: bytes, signature: str, clip_id: int, kind: str, sha256: str) -> bool:
    """True when `media_address` made the address these parts come from."""
    return is_signed(secret, signature, "media", clip_id, kind, sha256)


def media_file(settings: Settings, kind: str, sha256: str) -> Path | None:
    """The one place that turns an address into a file: None unless it lies in the project's own folders."""
    if kind not in SUFFIXES or not re.fullmatch("[0-9a-f]{64}", sha256):
        return None
    folder = (settings.clips if kind == "video" else settings.media).resolve()
    path = (folder / sha256[:2] / f"{sha256}{SUFFIXES[kind]}").resolve()
    return path if path.is_relative_to(folder) and path.is_file() else None


def embedding_address(secret: bytes, round_number: int, iteration: int, clip_id: int) -> str:
    """Address of a clip's frame embeddings in a pass of a round; its content never changes."""
    signature = sign(secret, "embedding", round_number, iteration, clip_id)
    return f"/rounds/{round_number}/{iteration}/{clip_id}.f16?s={signature}"


def is_embedding_address(
    secret: bytes, signature: str, round_number: int, iteration: int, clip_id: int
) -> bool:
    """True when `embedding_address` made the address these parts come from."""
    return is_signed(secret, signature, "embedding", round_number, iteration, clip_id)
