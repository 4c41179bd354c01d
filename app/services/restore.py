"""A snapshot becomes a project again: checked while it is unpacked, in place only when all of it is sound.

Read `restore` first. Everything is unpacked beside the new project's folder and moved there in one step, so
that nothing half restored is ever left behind.
"""

import json
import os
import shutil
import tarfile
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any

from app import artifacts
from app.services import snapshots
from app.services.snapshots import ABOUT, DATABASE, FORMAT, MANIFEST
from app.services.studio import StudioError, create_project
from app.settings import Settings
from db import migrate
from db.engine import Database, Session
from db.repositories import snapshots as repository
from db.repositories import verdicts

FOLDERS = ("artifacts", "media", "clips", "uploads")
MOST_ABOUT, MOST_MANIFEST = 100_000, 500_000_000  # bytes
CHUNK = 1 << 20


@dataclass(frozen=True)
class Restored:
    """What came of a snapshot.

    Args:
        clips: clips that can be looked at.
        without_video: those of them whose video is neither in the snapshot nor where it was imported from:
            they can be reviewed, but no round can learn from them.
        read_again: those that a worker reads from their sources again.
        missing: folder that is not there -> clips that came from it.
        stopped: jobs that were at work when the snapshot was made, now cancelled.
        broken_verdicts: verdicts that were changed behind the studio's back before the snapshot was made.
    """

    project: Path
    clips: int
    without_video: int
    read_again: int
    missing: Mapping[str, int]
    stopped: int
    broken_verdicts: int


def restore(file: Path, settings: Settings, moved: Mapping[Path, Path] | None = None) -> Restored:
    """Make the project that a snapshot holds, in a folder that is absent or empty.

    Args:
        moved: folders of videos that lie elsewhere on this machine, old -> new.

    Raises:
        StudioError: the folder is in use, or the file is no sound snapshot; says what is wrong with it.
        SchemaError: the snapshot was made by a newer version.
    """
    target = settings.project
    _refuse_taken(target, settings)
    staging = target.with_name(f".{target.name}.restoring-{os.getpid()}")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        about = _unpack(file, staging)
        inside = replace(settings, project=staging, database_url=f"sqlite:///{staging / DATABASE}")
        migrate.upgrade(inside.database_url)
        for backup in staging.glob("studio.before-*.db"):
            backup.unlink()  # the snapshot is the backup
        create_project(inside).close()
        report = _settle(inside, target, Path(str(about.get("project", ""))), moved or {})
        if target.exists():
            target.rmdir()
        staging.rename(target)
        return report
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _refuse_taken(target: Path, settings: Settings) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StudioError(f"{target} is not empty. Restore into a folder that is absent or empty.")
    if settings.database_url != f"sqlite:///{target / DATABASE}":
        raise StudioError(
            "FINEPSEUDO_DATABASE_URL names another database than the project's own file. Unset it; a "
            "snapshot is restored into a file (for PostgreSQL, use pg_restore on a pg_dump)."
        )


def _unpack(file: Path, staging: Path) -> dict[str, Any]:
    """Unpack and check everything; returns what the snapshot says about itself."""
    about: dict[str, Any] | None = None
    manifest: dict[str, Any] | None = None
    found: dict[str, dict[str, object]] = {}
    try:
        with tarfile.open(file, "r:") as tar:
            for entry in tar:
                if manifest is not None:
                    raise StudioError(f"{file} goes on after its list of files; it was tampered with.")
                if not entry.isreg() or entry.issparse():
                    raise StudioError(f"{file} holds {entry.name!r}, which is no plain file; don't use it.")
                content = tar.extractfile(entry)
                assert content is not None  # of a plain file there always is
                if about is None:
                    about = _read_about(file, entry, content)
                elif entry.name == MANIFEST:
                    manifest = _read_json(file, entry, content, MOST_MANIFEST)
                elif entry.name in found:
                    raise StudioError(f"{file} holds {entry.name!r} twice; don't use it.")
                else:
                    found[entry.name] = _write(_place(file, entry.name, staging), content)
    except tarfile.TarError as error:
        raise StudioError(f"{file} is no snapshot, or was cut off ({error}). Copy it again.") from error
    if about is None or manifest is None:
        raise StudioError(f"{file} was cut off: its list of files is missing. Copy it again.")
    wrong = sorted(name for name in {*found, *manifest} if found.get(name) != manifest.get(name))
    if wrong or DATABASE not in found:
        what = wrong[0] if wrong else DATABASE
        raise StudioError(
            f"{file} is damaged: {what} is missing or differs from its checksum "
            f"({len(wrong)} of {len(manifest)} files). Copy the snapshot again."
        )
    return about


def _read_about(file: Path, entry: tarfile.TarInfo, content: IO[bytes]) -> dict[str, Any]:
    if entry.name != ABOUT:
        raise StudioError(f"{file} is no snapshot of a project: it begins with {entry.name!r}.")
    about = _read_json(file, entry, content, MOST_ABOUT)
    if about.get("format") != FORMAT:
        raise StudioError(
            f"{file} is a snapshot of format {about.get('format')!r}, this version reads {FORMAT}. "
            "Restore it with the version that made it, or a newer one."
        )
    migrate.refuse_unknown(str(about.get("schema")))
    return about


def _read_json(file: Path, entry: tarfile.TarInfo, content: IO[bytes], most: int) -> dict[str, Any]:
    try:
        read = json.loads(content.read()) if entry.size <= most else None
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise StudioError(f"{file}: {entry.name} can't be read. Copy the snapshot again.")
    return read


def _place(file: Path, name: str, staging: Path) -> Path:
    """Where a file of the snapshot goes; refuses any name that leads elsewhere."""
    path = PurePosixPath(name)
    known = name == DATABASE or (len(path.parts) > 1 and path.parts[0] in FOLDERS)
    if not known or path.as_posix() != name or ".." in path.parts or "\\" in name or "\0" in name:
        raise StudioError(f"{file} holds {name!r}, which belongs to no project; don't use it.")
    return staging.joinpath(*path.parts)


def _write(target: Path, content: IO[bytes]) -> dict[str, object]:
    target.parent.mkdir(parents=True, exist_ok=True)
    hashed, size = snapshots.Hashed(content), 0
    with target.open("xb") as file:
        while part := hashed.read(CHUNK):
            size += file.write(part)
    return {"bytes": size, "sha256": hashed.sha256}


def _settle(inside: Settings, target: Path, old_project: Path, moved: Mapping[Path, Path]) -> Restored:
    """Forget the machine that was left, and look for the videos where they are now."""
    database = Database(inside.database_url)
    try:
        with database.write() as session:
            stopped = repository.come_to_rest(session)
            for old, new in moved.items():
                if not repository.move(session, old=str(old), new=str(new.expanduser().resolve())):
                    raise StudioError(
                        f"No clip came from {old}; give the folder as it was called when it was imported."
                    )
            repository.move(session, old=str(old_project / "uploads"), new=str(target / "uploads"))
            return _look_for_videos(session, inside, target, stopped)
    finally:
        database.dispose()


def _look_for_videos(session: Session, inside: Settings, target: Path, stopped: int) -> Restored:
    again: defaultdict[int, list[int]] = defaultdict(list)
    missing: Counter[str] = Counter()
    rows, without = repository.sources(session), 0
    for clip_id, import_id, source, sha256 in rows:
        path = Path(source)
        here = inside.project / path.relative_to(target) if path.is_relative_to(target) else path
        is_there = here.is_file()
        if not is_there:
            missing[str(path.parent)] += 1
        if sha256 is None or artifacts.clip_file(inside, sha256).is_file():
            continue
        if is_there:
            again[import_id].append(clip_id)
        else:
            without += 1
    for import_id, clip_ids in again.items():
        repository.read_again(session, import_id=import_id, clip_ids=clip_ids)
    return Restored(
        project=target,
        clips=len(rows),
        without_video=without,
        read_again=sum(map(len, again.values())),
        missing=dict(missing),
        stopped=stopped,
        broken_verdicts=len(verdicts.broken(session)),
    )
