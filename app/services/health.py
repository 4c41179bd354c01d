"""Is anybody working? The alive line of the app."""

from dataclasses import dataclass

from app.services.studio import Studio


@dataclass(frozen=True)
class WorkerCard:
    """A worker process; alive when seen within the lease time."""

    owner: str
    host: str
    device: str
    seen_seconds_ago: float
    alive: bool


def workers(studio: Studio) -> tuple[WorkerCard, ...]:
    """Workers, the one seen last first."""
    raise NotImplementedError
