"""Pictures of clips (sprites and thumbnails): asked for where they are missing, and how many are there.

The worker makes them: at import, ahead of need, and again on demand after they had to make room. A wish is an
empty file named by the clip's checksum below PROJECT/media/wanted, so that asking twice is asking once.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app import artifacts
from app.services import health
from app.services.studio import Studio
from app.settings import Settings
from db.engine import Session
from db.repositories import jobs

JOB = "media"
NOTED_SECONDS = 3600.0  # a picture's last use is noted this finely


@dataclass(frozen=True)
class PictureProgress:
    """The worker is making pictures: `ready` of `clips` can be played."""

    ready: int
    clips: int
    eta_seconds: float | None


def wanted_folder(settings: Settings) -> Path:
    """Folder of the wishes."""
    return settings.media / "wanted"


def wanted(settings: Settings) -> list[str]:
    """Checksums of the clips whose pictures somebody waits for, the newest wish first."""
    try:
        found = [(entry.stat().st_mtime, entry.name) for entry in os.scandir(wanted_folder(settings))]
    except FileNotFoundError:
        return []
    return [name for _, name in sorted(found, reverse=True)]


def ask(studio: Studio, sha256: str) -> bool:
    """Have the pictures of a clip made; False where nobody can: its file is gone, or no worker is alive."""
    if not artifacts.clip_file(studio.settings, sha256).is_file():
        return False
    if not any(worker.alive for worker in health.workers(studio)):
        return False
    folder = wanted_folder(studio.settings)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / sha256).touch()
    with studio.database.read() as session:
        at_work = jobs.running(session, kind=JOB) is not None
    if not at_work:
        with studio.database.write() as session:
            enqueue(session)
    return True


def is_wanted(settings: Settings, sha256: str) -> bool:
    """Whether a wish still stands; it goes once the pictures are there, or can't be made."""
    return (wanted_folder(settings) / sha256).exists()


def enqueue(session: Session) -> None:
    """Have the worker look after pictures, unless it is about to."""
    if jobs.running(session, kind=JOB) is None:
        jobs.enqueue(session, kind=JOB, payload={})


def kept(settings: Settings) -> Iterator[tuple[Path, int, float]]:
    """Pictures there are: file, size, and when somebody last looked at it (seconds since 1970)."""
    for folder in os.scandir(settings.media):
        if folder.is_dir() and len(folder.name) == 2:
            for entry in os.scandir(folder.path):
                if entry.name.endswith(".webp") and not entry.name.startswith("."):
                    stat = entry.stat()
                    yield Path(entry.path), stat.st_size, stat.st_mtime


def is_over_limit(settings: Settings) -> bool:
    """Whether the pictures take more room than they may."""
    return sum(size for _, size, _ in kept(settings)) > settings.media_bytes


def progress(studio: Studio) -> PictureProgress | None:
    """How far the worker is with making pictures ahead of need, None while it makes none."""
    with studio.database.read() as session:
        job = jobs.running(session, kind=JOB)
    if job is None or job.state != "running" or job.step >= job.steps:
        return None
    return PictureProgress(job.step, job.steps, job.eta_seconds)


def note_use(path: Path) -> None:
    """Remember that somebody looked at a picture: what was not looked at for longest makes room first."""
    try:
        if time.time() - path.stat().st_mtime > NOTED_SECONDS:
            os.utime(path)
    except OSError:
        pass  # it is gone, or its folder is read-only: either way it was shown
