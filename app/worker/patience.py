"""Waiting for a job, and working on it here where no worker is alive."""

import time
from collections.abc import Callable

from app import logs
from app.services import health
from app.services.studio import Studio
from app.worker.loop import POLL_SECONDS, SEEN_SECONDS, Worker


def work_until(studio: Studio, is_over: Callable[[], bool]) -> None:
    """Return once `is_over` says so, asked at every turn; takes jobs itself while nobody else does.

    Whatever of the queue comes before the job that is waited for is done too. A KeyboardInterrupt gives a
    running job back to the queue and passes on.
    """
    worker: Worker | None = None
    look_at = 0.0
    try:
        while not is_over():
            if worker is not None:
                worker.turn()
            elif time.monotonic() >= look_at:
                look_at = time.monotonic() + SEEN_SECONDS
                if not any(card.alive for card in health.workers(studio)):
                    logs.configure(studio.settings.logs / "worker.log")
                    worker = Worker(studio)
            time.sleep(POLL_SECONDS)
    finally:
        if worker is not None:
            worker.close()
