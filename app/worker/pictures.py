"""The media job: pictures that somebody waits for, then those needed soon, then the rest.

Pictures are made from the project's own copy of a clip, in a guarded child like at import. Above the limit
those that nobody looked at for longest go; they are made again when somebody asks.
"""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

from app import artifacts
from app.services import pictures
from app.settings import Settings
from app.worker.handlers import Assignment
from db.repositories import jobs
from db.repositories import pictures as repository
from finepseudo_core.errors import Stopped, VideoError
from finepseudo_core.video.guard import DecodeGuard, time_limit

SOON = 200  # clips next in line for review
ROOM = 0.9  # share of the limit that is filled ahead of need, and left after making room
SAY_SECONDS = 0.5
PATIENCE_SECONDS = 3.0  # for another wish: a page of clips asks for many, one after the other
MAKERS = {"sprite": "make_sprite", "thumb": "make_thumbnail"}

logger = logging.getLogger(__name__)


class Shelf:
    """The pictures there are, as one look into the folder found them and as they change since."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.files = {path: (size, used) for path, size, used in pictures.kept(settings)}
        self.bytes = sum(size for size, _ in self.files.values())

    def has(self, sha256: str) -> bool:
        """Whether a clip has both its pictures."""
        return all(artifacts.media_file(self.settings, sha256, kind) in self.files for kind in MAKERS)

    def add(self, sha256: str) -> None:
        """Note the pictures that were just made."""
        for kind in MAKERS:
            path = artifacts.media_file(self.settings, sha256, kind)
            size = path.stat().st_size
            self.bytes += size - self.files.get(path, (0, 0.0))[0]
            self.files[path] = (size, time.time())

    def make_room(self, keep: set[str]) -> int:
        """Delete what was not looked at for longest until there is room; returns how many files went.

        Sprites go before thumbnails, which are small and fill whole pages. What belongs to `keep`, or could
        not be made again, stays.
        """
        limit, gone = self.settings.media_bytes, 0
        if self.bytes <= limit:
            return 0
        for path, (size, _) in sorted(self.files.items(), key=lambda item: (_is_thumb(item[0]), item[1][1])):
            if self.bytes <= ROOM * limit:
                break
            sha256 = path.name.partition(".")[0]
            if sha256 in keep or not artifacts.clip_file(self.settings, sha256).is_file():
                continue
            path.unlink(missing_ok=True)
            del self.files[path]
            self.bytes -= size
            gone += 1
        return gone


def keep_pictures(assignment: Assignment) -> None:
    """Make what is wanted, needed soon, or missing while there is room, and make room where there is none."""
    studio, settings = assignment.studio, assignment.studio.settings
    with studio.database.read() as session:
        soon, ready = repository.soon(session, limit=SOON), repository.ready(session)
    shelf = Shelf(settings)
    there = sum(shelf.has(sha256) for sha256 in ready)
    started, made, said = time.monotonic(), 0, 0.0
    ahead = _missing(shelf, soon, ready)
    seen: set[str] = set()
    with DecodeGuard() as guard:
        while (sha256 := _next(settings, shelf, ahead)) is not None:
            if assignment.should_stop():
                raise Stopped("stopped while making pictures; they are made when somebody asks for them.")
            seen.add(sha256)
            if not shelf.has(sha256) and _make(guard, settings, sha256):
                shelf.add(sha256)
                made += 1
            (pictures.wanted_folder(settings) / sha256).unlink(missing_ok=True)
            shelf.make_room({*soon, *seen, *pictures.wanted(settings)})
            if time.monotonic() - said > SAY_SECONDS:
                said = time.monotonic()
                eta = (said - started) / made * (len(ready) - there - made) if made else None
                with studio.database.write() as session:
                    jobs.progress(session, assignment.fence, stage="pictures", step=there + made,
                                  steps=len(ready), eta_seconds=eta)  # fmt: skip
    gone = shelf.make_room({*soon, *seen})
    message = f"{made} clips got pictures, {gone} files made room."
    with studio.database.write() as session:
        jobs.finish(session, assignment.fence, state="succeeded", message=message)


def _missing(shelf: Shelf, soon: list[str], ready: list[str]) -> Iterator[str]:
    """Clips without pictures: those needed soon, then all others while the limit is far."""
    for sha256 in soon:
        if not shelf.has(sha256):
            yield sha256
    for sha256 in ready:
        if shelf.bytes > ROOM * shelf.settings.media_bytes:
            return
        if not shelf.has(sha256):
            yield sha256


def _next(settings: Settings, shelf: Shelf, ahead: Iterator[str]) -> str | None:
    """The next clip to make pictures of; a wish comes first, and the last ones are waited for a moment."""
    if wishes := pictures.wanted(settings):
        return wishes[0]
    if (sha256 := next(ahead, None)) is not None:
        return sha256
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        time.sleep(0.1)
        if wishes := pictures.wanted(settings):
            return wishes[0]
    return None


def _make(guard: DecodeGuard, settings: Settings, sha256: str) -> bool:
    """Make both pictures of a clip; False, with a line in the log, where its file is gone or damaged."""
    source = artifacts.clip_file(settings, sha256)
    if not source.is_file():
        return False
    try:
        for kind, maker in MAKERS.items():
            with artifacts.writing(artifacts.media_file(settings, sha256, kind)) as part:
                guard.call(maker, source, part, seconds=time_limit(source))
    except (VideoError, ValueError) as error:
        logger.warning("no pictures of %s: %s", source, error)
        return False
    return True


def _is_thumb(path: Path) -> bool:
    return path.name.endswith(".thumb.webp")
