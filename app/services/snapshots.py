"""A snapshot: the whole project in one file, made while everybody goes on working.

It is a tar: `snapshot.json` first, then the files, then `manifest.json` with the checksum of each. Videos and
models don't get smaller by packing, so nothing is packed. The project's secret stays behind: whoever has a
snapshot can read everything, but sign in nowhere.
"""

import hashlib
import io
import json
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from app import artifacts
from app.services.studio import Studio, StudioError
from app.services.users import admin
from app.settings import Settings
from app.signatures import is_signed, sign
from db import migrate
from db.engine import Database
from db.repositories import jobs, snapshots, users
from finepseudo_core.errors import Stopped

FORMAT = 1
ABOUT, MANIFEST, DATABASE = "snapshot.json", "manifest.json", "studio.db"
LEFT_BEHIND = ("lock", "checkpoint.pt", "clips.sha256")  # of a round's folder: only a running round needs it
NAME = re.compile(r"snapshot-\d{8}-\d{6}-\d+\.tar")
Notify = Callable[[int, int], None]


@dataclass(frozen=True)
class SnapshotCard:
    """One snapshot made from the Transfer page. `bytes` is None where its file is not there (any more)."""

    id: int
    name: str
    state: str
    videos: bool
    made_by: str
    created_at: datetime
    step: int
    steps: int
    error: str | None
    bytes: int | None


def start(studio: Studio, user_id: int, *, videos: bool) -> int:
    """Queue the job that makes a snapshot; returns its id.

    Raises:
        StudioError: the person is no admin, one is being made, or the database is a server's.
    """
    _on_sqlite(studio)
    with studio.database.write() as session:
        person = admin(session, user_id, "make snapshots")
        if jobs.running(session, kind="snapshot"):
            raise StudioError("A snapshot is being made already. Wait for it, or cancel it first.")
        payload = {"videos": videos, "made_by": person.name}
        job = jobs.enqueue(session, kind="snapshot", payload=payload)
        name = f"snapshot-{job.created_at:%Y%m%d-%H%M%S}-{job.id}.tar"
        job.payload = {**payload, "name": name}
        return job.id


def cancel(studio: Studio, job_id: int, user_id: int) -> None:
    """Stop making a snapshot."""
    with studio.database.write() as session:
        admin(session, user_id, "cancel snapshots")
        jobs.request_stop(session, job_id=job_id)


def listing(studio: Studio) -> tuple[SnapshotCard, ...]:
    """Snapshots made or being made, newest first; those whose file was deleted are left out."""
    with studio.database.read() as session:
        found = snapshots.made(session)
    cards = [_card(studio.settings, job) for job in found]
    return tuple(card for card in cards if card.state != "succeeded" or card.bytes is not None)


def delete(studio: Studio, name: str, user_id: int) -> None:
    """Delete the file of a snapshot."""
    with studio.database.read() as session:
        admin(session, user_id, "delete snapshots")
    path = file_of(studio.settings, name)
    if path:
        path.unlink(missing_ok=True)


def file_of(settings: Settings, name: str) -> Path | None:
    """The file of a snapshot by its name, None where there is none."""
    path = settings.project / "snapshots" / name
    return path if NAME.fullmatch(name) and path.is_file() and not path.is_symlink() else None


def address(secret: bytes, name: str, user_id: int) -> str:
    """Where an admin's browser fetches a snapshot."""
    return f"/snapshots/{name}?u={user_id}&s={sign(secret, 'snapshot', name, user_id)}"


def addressed(studio: Studio, name: str, user_id: str, signature: str) -> Path | None:
    """The file that `address` was made for, None for any other address and once that person is no admin."""
    if not user_id.isascii() or not user_id.isdecimal():
        return None
    if not is_signed(studio.secret, signature, "snapshot", name, int(user_id)):
        return None
    with studio.database.read() as session:
        person = users.current(session, user_id=int(user_id))
    return file_of(studio.settings, name) if person and person.role == "admin" else None


def write(studio: Studio, target: Path, *, videos: bool, notify: Notify = lambda done, of: None,
          should_stop: Callable[[], bool] = lambda: False) -> Path:  # fmt: skip
    """Write a snapshot; it appears whole or not at all.

    Args:
        videos: take the project's own copies of the clips along, and the files that were uploaded.
        notify: called with the bytes written and all there are.

    Raises:
        StudioError: the target is there already, or the database is a server's.
        Stopped: `should_stop` said so.
    """
    _on_sqlite(studio)
    if target.exists():
        raise StudioError(f"{target} is there already; choose another name, or delete it first.")
    with tempfile.TemporaryDirectory(prefix=".snapshot.", dir=studio.settings.project) as folder:
        copy = migrate.backup(studio.database.url, Path(folder) / DATABASE)
        files = [(DATABASE, copy), *_files(studio.settings, copy, videos)]
        total, done = sum(path.stat().st_size for _, path in files), 0
        manifest: dict[str, dict[str, object]] = {}
        with artifacts.writing(target) as part, tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as tar:
            _add_json(tar, ABOUT, _about(studio.settings, videos))
            for name, path in files:
                if should_stop():
                    raise Stopped("stopped while making a snapshot; make it again.")
                with path.open("rb") as file:
                    size = path.stat().st_size
                    hashed = Hashed(file)
                    _add(tar, name, size, hashed)
                manifest[name] = {"bytes": size, "sha256": hashed.sha256}
                done += size
                notify(done, total)
            _add_json(tar, MANIFEST, manifest)
    return target


class Hashed:
    """A file that works out its checksum while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest = file, hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Checksum of what was read so far, hex."""
        return self._digest.hexdigest()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        content = self._file.read(size)
        self._digest.update(content)
        return content


def _files(settings: Settings, copy: Path, videos: bool) -> Iterator[tuple[str, Path]]:
    """Name in the snapshot and file: finished rounds, pictures, and with `videos` clips and uploads."""
    database = Database(f"sqlite:///{copy}")
    try:
        with database.read() as session:
            numbers, checksums = snapshots.finished_rounds(session), snapshots.checksums(session)
    finally:
        database.dispose()
    found: list[Path] = []
    for number in numbers:
        folder = artifacts.round_folder(settings, number)
        found += (path for path in sorted(folder.rglob("*")) if path.name not in LEFT_BEHIND)
    for sha256 in checksums:
        found += (artifacts.media_file(settings, sha256, kind) for kind in ("sprite", "thumb"))
        if videos:
            found.append(artifacts.clip_file(settings, sha256))
    if videos:
        found += sorted(settings.uploads.rglob("*"))
    for path in found:
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            yield path.relative_to(settings.project).as_posix(), path


def _about(settings: Settings, videos: bool) -> dict[str, object]:
    return {
        "format": FORMAT,
        "schema": migrate.newest(),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "project": str(settings.project),
        "videos": videos,
    }


def _add_json(tar: tarfile.TarFile, name: str, content: object) -> None:
    text = json.dumps(content, indent=1).encode()
    _add(tar, name, len(text), io.BytesIO(text))


def _add(tar: tarfile.TarFile, name: str, size: int, file: Any) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    tar.addfile(entry, file)


def _card(settings: Settings, job: Any) -> SnapshotCard:
    name = str(job.payload.get("name", ""))
    path = file_of(settings, name)
    return SnapshotCard(
        id=job.id,
        name=name,
        state=job.state,
        videos=bool(job.payload.get("videos")),
        made_by=str(job.payload.get("made_by", "the studio")),
        created_at=job.created_at,
        step=job.step,
        steps=job.steps,
        error=job.error,
        bytes=path.stat().st_size if path else None,
    )


def _on_sqlite(studio: Studio) -> None:
    if studio.database.file is None:
        raise StudioError(
            "This project's database lies on a PostgreSQL server, and a snapshot holds only databases in a "
            "file. Save it with `pg_dump --format=custom`, and copy the project's folder beside it."
        )
