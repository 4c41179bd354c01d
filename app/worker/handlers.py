"""Job kind -> the function that does it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.services.studio import Studio, StudioError
from db.repositories import jobs
from db.repositories.jobs import Fence


@dataclass(frozen=True)
class Assignment:
    """A claimed job, as its handler sees it.

    Args:
        fence: shown with every write.
        should_stop: True once the job is to stop at its next step; asking is cheap.
    """

    studio: Studio
    fence: Fence
    should_stop: Callable[[], bool]

    @cached_property
    def _row(self) -> tuple[str, dict[str, Any]]:
        with self.studio.database.read() as session:
            job = jobs.get(session, job_id=self.fence.job_id)
        if job is None:
            raise StudioError(f"there is no job {self.fence.job_id}.")
        return job.kind, job.payload

    @property
    def kind(self) -> str:
        """Kind of the job."""
        return self._row[0]

    @property
    def payload(self) -> dict[str, Any]:
        """What was asked for."""
        return self._row[1]


def handler(kind: str) -> Callable[[Assignment], None]:
    """The function that does jobs of a kind. Only the process of a round loads torch, which takes seconds."""
    if kind == "import":
        from app.worker.media import read_clips

        return read_clips
    if kind == "round":
        from app.worker.training_round import train

        return train
    if kind == "snapshot":
        from app.worker.snapshot import make

        return make
    if kind == "media":
        from app.worker.pictures import keep_pictures

        return keep_pictures
    raise ValueError(f"no handler for jobs of kind {kind!r}; the database belongs to a newer version.")
