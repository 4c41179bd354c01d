"""Is everything sound that the studio stands on? One finding per thing looked at."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from app import artifacts, processes
from app.services import health
from app.services.studio import Studio, open_studio
from app.settings import Settings
from db.migrate import SchemaError
from db.repositories import clips, verdicts
from finepseudo_core.errors import FinePseudoError

TORCHVISION = "finepseudo_core.encoders.torchvision_import"  # as the core imports it
LIBRARIES = ("torch", TORCHVISION, "decord", "av", "numba", "streamlit", "sqlalchemy")
LEAST_FREE_BYTES = 2 << 30
NAMED = 3  # files named in a finding


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `detail` says what was found and, where it is not sound, what to do."""

    what: str
    sound: bool
    detail: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at the installation, the disk, and the project, in this order."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", sys.version_info[:2] == (3, 11), f"{version}; 3.11 is supported")
    for name in LIBRARIES:
        yield _library(name)
    yield _disk(settings)
    try:
        studio = open_studio(settings)
    except (FinePseudoError, SchemaError) as error:
        yield Finding("project", False, str(error))
        return
    yield Finding("database", True, f"schema is current in {settings.project}")
    yield _verdicts(studio)
    yield _clips(studio)
    yield _worker(studio)
    studio.close()


def _library(module: str) -> Finding:
    """Loaded in a process of its own: a broken build may fail in any way, or crash."""
    name = "torchvision" if module == TORCHVISION else module
    program = f"import {module}, {name} as it; print(getattr(it, '__version__', 'present'))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if loaded.returncode == 0:
        return Finding(name, True, loaded.stdout.strip())
    last = (loaded.stderr.strip().splitlines() or [processes.ending(loaded.returncode)])[-1]
    return Finding(name, False, f"can't be loaded ({last}); delete the folder .venv and run: make setup")


def _disk(settings: Settings) -> Finding:
    folder = settings.project
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return Finding(
        "disk", free >= LEAST_FREE_BYTES, f"{free / 1e9:.1f} GB free at {folder}; 2 GB are asked for"
    )


def _verdicts(studio: Studio) -> Finding:
    with studio.database.read() as session:
        broken = verdicts.broken(session)
    if not broken:
        return Finding("verdicts", True, "the chain of verdicts is unbroken")
    named = ", ".join(map(str, broken[:NAMED]))
    return Finding("verdicts", False, f"changed or removed at {named}; restore the database from a backup")


def _clips(studio: Studio) -> Finding:
    with studio.database.read() as session:
        listed = [row[0] for row in clips.page(session, round_id=None, iteration=-1, state="ready")[0]]
    lost = [clip.key for clip in listed if not artifacts.inside(studio.settings, clip.path).is_file()]
    if not lost:
        return Finding("clips", True, f"{len(listed)} files are where they belong")
    named = ", ".join(lost[:NAMED])
    return Finding("clips", False, f"{len(lost)} files are missing ({named}, …); import them again")


def _worker(studio: Studio) -> Finding:
    alive = [card for card in health.workers(studio) if card.alive]
    if alive:
        return Finding("worker", True, f"{alive[0].owner} was seen {alive[0].seen_seconds_ago:.0f} s ago")
    return Finding("worker", False, "none is alive; start one with: python -m app worker --project DIR")
