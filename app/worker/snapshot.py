"""The snapshot job: the project in one file, below PROJECT/snapshots."""

import time

from app.services import snapshots
from app.worker.handlers import Assignment
from db.repositories import jobs

SAY_SECONDS = 0.5
MEGABYTE = 1_000_000


def make(assignment: Assignment) -> None:
    """Write the snapshot that was asked for, and say how far it is in megabytes."""
    studio, payload = assignment.studio, assignment.payload
    said = 0.0

    def notify(done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said < SAY_SECONDS:
            return
        said = time.monotonic()
        steps = -(-total // MEGABYTE)
        with studio.database.write() as session:
            jobs.progress(session, assignment.fence, stage="snapshot", step=done // MEGABYTE, steps=steps)

    target = studio.settings.project / "snapshots" / payload["name"]
    target.unlink(missing_ok=True)  # of an attempt whose end nobody could write down
    snapshots.write(
        studio, target, videos=payload["videos"], notify=notify, should_stop=assignment.should_stop
    )
    with studio.database.write() as session:
        jobs.finish(session, assignment.fence, state="succeeded")
