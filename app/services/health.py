"""Is anybody working? The alive line of the app."""

from dataclasses import dataclass

from app.services.studio import Studio
from db.engine import now
from db.repositories import jobs


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
    with studio.database.read() as session:
        moment = now(session)
        cards = []
        for row in jobs.workers(session):
            silent = max(0.0, (moment - row.seen_at).total_seconds())
            alive = silent < studio.settings.lease_seconds
            cards.append(WorkerCard(row.owner, row.host, row.device, silent, alive))
        return tuple(cards)
