"""The process of one job: `python -m app.worker.child PROJECT JOB ATTEMPT OWNER`, started by the loop.

A round may have several, started by `app.worker.ranks`: they train together, and the first one writes.
"""

import logging
import os
import signal
import sys
from pathlib import Path

from sqlalchemy.exc import OperationalError

from app import logs, processes, settings
from app.services.studio import open_studio
from app.worker.handlers import Assignment, handler
from db.repositories import jobs
from db.repositories.jobs import Fence, LeaseLost
from finepseudo_core.errors import FinePseudoError, ProcessLost, Stopped

DONE, DIED, STOPPED, FENCED, FAILED = 0, 1, 3, 4, 5
LAUNCHER = "FINEPSEUDO_LAUNCHER"  # names the process that started several for one round

logger = logging.getLogger(__name__)


def main() -> int:
    """Do one job that the loop has claimed; returns the exit code that the loop understands."""
    project, job_id, attempt, owner = sys.argv[1:]
    if LAUNCHER in os.environ:
        processes.bound_to_parent(int(os.environ[LAUNCHER]))()  # torchrun does not see to it
    os.nice(5)  # reviewing stays fast while a round trains
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda caught, frame: stop.append(caught))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    studio = open_studio(settings.load(Path(project)))
    logs.configure(studio.settings.logs / "worker.log")
    return perform(Assignment(studio, Fence(int(job_id), int(attempt), owner), lambda: bool(stop)))


def perform(assignment: Assignment) -> int:
    """Run the job's handler, and write an error down as what it is."""
    fence = assignment.fence
    try:
        handler(assignment.kind)(assignment)
    except Stopped:
        return STOPPED
    except LeaseLost as error:
        logger.warning("%s Nothing more is written.", error)
        return FENCED
    except ProcessLost as error:
        logger.warning("job %d: %s", fence.job_id, error)
        return DIED
    except OperationalError:
        logger.exception("job %d lost its database", fence.job_id)
        return DIED  # the loop queues the job again
    except (FinePseudoError, ValueError) as error:
        logger.exception("job %d failed", fence.job_id)
        return _fail(assignment, str(error))
    except Exception as error:  # noqa: BLE001  the one place that must outlive every error
        logger.exception("job %d failed unexpectedly", fence.job_id)
        return _fail(assignment, f"{type(error).__name__}: {error} (see logs/worker.log)")
    return DONE


def _fail(assignment: Assignment, reason: str) -> int:
    try:
        with assignment.studio.database.write() as session:
            jobs.finish(session, assignment.fence, state="failed", error=reason)
    except LeaseLost:  # another process of this round was first to say why
        return FENCED
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
