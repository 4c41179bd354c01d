"""Where a project lives and what the environment says about running it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from finepseudo_core.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    """What both the web process and the worker are started with.

    Args:
        project: absolute folder of the project.
        database_url: SQLAlchemy URL; the project's `studio.db` unless FINEPSEUDO_DATABASE_URL says otherwise.
        lease_seconds: how long a job stays with a worker that has gone silent.
        heartbeat_seconds: how often a worker renews its lease.
        media_bytes: room that sprites and thumbnails may take; above it those not looked at for longest go.
        started_at: epoch seconds at which the studio was started, None where nobody noted it.
    """

    project: Path
    database_url: str
    lease_seconds: float = 60.0
    heartbeat_seconds: float = 15.0
    media_bytes: float = 50e9
    started_at: float | None = None

    @property
    def secret_file(self) -> Path:
        """32 random bytes that sign cookies and clip addresses, mode 0600."""
        return self.project / "secret"

    @property
    def clips(self) -> Path:
        """Folder of the canonical clips."""
        return self.project / "clips"

    @property
    def media(self) -> Path:
        """Folder of the sprites and thumbnails."""
        return self.project / "media"

    @property
    def artifacts(self) -> Path:
        """Folder of what rounds leave behind."""
        return self.project / "artifacts"

    @property
    def uploads(self) -> Path:
        """Folder of files received by the web app."""
        return self.project / "uploads"

    @property
    def logs(self) -> Path:
        """Folder of `worker.log` and `web.log`."""
        return self.project / "logs"


def load(project: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings of `project`, or of the folder that FINEPSEUDO_PROJECT names.

    Raises:
        ConfigError: no project is named, or a number in the environment is none.
    """
    named = str(project) if project else environ.get("FINEPSEUDO_PROJECT", "")
    if not named:
        raise ConfigError("No project is named. Pass --project DIR, or set FINEPSEUDO_PROJECT.")
    folder = Path(named).expanduser().resolve()
    lease = _seconds(environ, "FINEPSEUDO_LEASE_SECONDS", 60.0)
    return Settings(
        project=folder,
        database_url=environ.get("FINEPSEUDO_DATABASE_URL") or f"sqlite:///{folder / 'studio.db'}",
        lease_seconds=lease,
        heartbeat_seconds=_seconds(environ, "FINEPSEUDO_HEARTBEAT_SECONDS", lease / 4),
        media_bytes=1e9 * _number(environ, "FINEPSEUDO_MEDIA_GB", 50.0, "gigabytes"),
        started_at=_seconds(environ, "FINEPSEUDO_STARTED_AT", 0.0) or None,
    )


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    return _number(environ, name, default, "seconds")


def _number(environ: Mapping[str, str], name: str, default: float, unit: str) -> float:
    text = environ.get(name, "")
    try:
        return float(text) if text else default
    except ValueError:
        raise ConfigError(f"{name} is {text!r}; give a number of {unit}.") from None
