"""The import job: every waiting clip gets its canonical file, sprite and thumbnail, or is kept as unreadable.

Decoders are large C libraries and the files come from anywhere, so all decoding happens in guarded children,
two at a time. A clip that fails costs only itself.
"""

import dataclasses
import logging
import os
import shutil
import time
from collections.abc import Collection
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from sqlalchemy.orm import Session

from app import artifacts
from app.services import pictures, rounds
from app.services.studio import StudioError
from app.settings import Settings
from app.worker.handlers import Assignment
from db.models import Clip
from db.repositories import clips, jobs
from finepseudo_core.errors import FinePseudoError, Stopped, VideoError
from finepseudo_core.video.decode import VideoInfo
from finepseudo_core.video.guard import DecodeGuard, time_limit
from finepseudo_core.video.guard_pool import GuardPool
from finepseudo_core.video.sprites import SpriteInfo

READERS = 2
SAVE_SECONDS = 0.5
SAVED_AT_ONCE = 50  # a longer transaction would keep reviewers waiting

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """What came of one clip: its files, or the reason why it is unreadable."""

    clip_id: int
    reason: str | None = None
    source_sha256: str = ""
    sha256: str = ""
    info: VideoInfo | None = None
    sprite: SpriteInfo | None = None


def read_clips(assignment: Assignment) -> None:
    """Read the waiting clips of an import, write down what came of each, and start the round that follows."""
    studio, import_id = assignment.studio, assignment.payload["import_id"]
    with studio.database.read() as session:
        waiting = clips.waiting(session, import_id=import_id)
        total = sum(clips.states(session).get(import_id, {}).values())
    started, done = time.monotonic(), 0
    with ClipReaders(studio.settings, import_id) as readers:
        pending: set[Future[Reading]] = {readers.submit(clip) for clip in waiting}
        while pending:
            ready, pending = wait(pending, timeout=SAVE_SECONDS)
            done += len(ready)
            eta = (time.monotonic() - started) / done * len(pending) if done else None
            _save(assignment, [future.result() for future in ready], total - len(pending), total, eta)
            if assignment.should_stop():
                raise Stopped(f"stopped with {len(pending)} clips to read; resume to go on.")
    message, is_full = _start_round(assignment), pictures.is_over_limit(studio.settings)
    with studio.database.write() as session:
        counts = clips.states(session).get(import_id, {})
        if is_full:
            pictures.enqueue(session)
        summary = f"{counts.get('ready', 0)} clips ready, {counts.get('unreadable', 0)} unreadable"
        jobs.finish(session, assignment.fence, state="succeeded", message=f"{summary}. {message}".strip())


class ClipReaders:
    """Threads that read clips, each with a decoding child of its own."""

    def __init__(self, settings: Settings, import_id: int) -> None:
        self.settings = settings
        self.folder = settings.project / "reading" / str(import_id)
        self._pool = GuardPool(READERS)

    def __enter__(self) -> "ClipReaders":
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def submit(self, clip: Clip) -> "Future[Reading]":
        """Have a clip read."""
        return self._pool.submit(partial(self._read, clip))

    def _read(self, clip: Clip, guard: DecodeGuard) -> Reading:
        source = Path(clip.source_path)
        try:
            return self._make_files(clip, source, guard)
        except (VideoError, ValueError) as error:
            return Reading(clip.id, reason=str(error))
        except OSError as error:
            raise StudioError(
                f"{error.filename or self.settings.project} can't be written ({error.strerror}). "
                "Make room on the disk, then import the folder again."
            ) from error

    def _make_files(self, clip: Clip, source: Path, guard: DecodeGuard) -> Reading:
        canonical, sprite, thumb = (
            self.folder / f"{clip.id}.{kind}" for kind in ("mp4", "sprite.webp", "thumb.webp")
        )
        seconds = time_limit(source)
        info = guard.call(
            "make_canonical", source, canonical, start=clip.start, end=clip.end, seconds=seconds
        )
        layout = guard.call("make_sprite", canonical, sprite, seconds=seconds)
        guard.call("make_thumbnail", canonical, thumb, seconds=seconds)
        sha256 = artifacts.sha256_of(canonical)
        # the canonical file comes last: where it is, the pictures are
        _move(sprite, artifacts.media_file(self.settings, sha256, "sprite"))
        _move(thumb, artifacts.media_file(self.settings, sha256, "thumb"))
        _move(canonical, artifacts.clip_file(self.settings, sha256))
        return Reading(clip.id, None, _source_sha256(source), sha256, info, layout)


@lru_cache(maxsize=8)
def _source_sha256(source: Path) -> str:
    """Checksum of a source; many clips may be cut from one."""
    return artifacts.sha256_of(source)


def _move(part: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(part, target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _save(
    assignment: Assignment, readings: Collection[Reading], step: int, steps: int, eta: float | None
) -> None:
    listed = list(readings)
    for start in range(0, max(1, len(listed)), SAVED_AT_ONCE):
        with assignment.studio.database.write() as session:
            fence = assignment.fence
            jobs.progress(session, fence, stage="reading clips", step=step, steps=steps, eta_seconds=eta)
            for reading in listed[start : start + SAVED_AT_ONCE]:
                _note(session, assignment.studio.settings, reading)


def _note(session: Session, settings: Settings, reading: Reading) -> None:
    info, sprite = reading.info, reading.sprite
    if info is None or sprite is None:
        reason = reading.reason or "it could not be read."
        clips.mark_unusable(session, clip_id=reading.clip_id, state="unreadable", reason=reason)
        return
    clips.mark_ready(
        session,
        clip_id=reading.clip_id,
        source_sha256=reading.source_sha256,
        sha256=reading.sha256,
        path=artifacts.relative(settings, artifacts.clip_file(settings, reading.sha256)),
        fps=info.fps,
        frames=info.frames,
        width=info.width,
        height=info.height,
        sprite=dataclasses.asdict(sprite),
    )


def _start_round(assignment: Assignment) -> str:
    """Queue the round that the import asked for; returns why it could not be, else nothing."""
    preset = assignment.payload.get("then_round")
    if preset is None:
        return ""
    try:
        rounds.start(assignment.studio, preset, assignment.payload.get("changes") or {}, None)
    except FinePseudoError as error:
        logger.warning("the round after the import was not started: %s", error)
        return f"The round was not started: {error}"
    return ""
