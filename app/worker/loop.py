"""The worker's loop: take over what was left behind, claim, run in a child, keep the lease, settle.

This process never loads torch. Every job runs in a child process of its own, which the kernel ends together
with this one; here only rows are read and written. Read `Worker.turn` first.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app import logs, processes
from app.services.studio import Studio
from app.worker.child import STOPPED
from app.worker.owner import take_name
from db.repositories import jobs
from db.repositories.jobs import Fence, LeaseLost

POLL_SECONDS = 0.2
SEEN_SECONDS = 5.0
PATIENCE_SECONDS = 15.0  # for a stopped child to save its checkpoint
LANES = (("import",), ("round",), ("snapshot",), ("media",))
ROOT = Path(__file__).resolve().parents[2]
TRAINING = {
    # idle torch threads would spin: beside a busy browser a step took up to five times as long
    "OMP_WAIT_POLICY": "passive",
    # a large tensor would be mapped and cleared anew at every operation: a step took twice as long
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
}

logger = logging.getLogger(__name__)


@dataclass
class Running:
    """A job at work in a child process.

    Args:
        renew_at: when the lease is due for renewal, on the monotonic clock.
        kill_at: when a child that was told to stop is killed; None before it was told.
    """

    fence: Fence
    kind: str
    process: "subprocess.Popen[bytes]"
    renew_at: float
    kill_at: float | None = None


@dataclass
class Lane:
    """Runs one job at a time, of the kinds it takes."""

    kinds: tuple[str, ...]
    running: Running | None = None


class Worker:
    """One worker; `turn` is everything it does, a few times a second.

    Args:
        studio: the project whose jobs it takes.
        lanes: job kinds of each lane; clips are read and snapshots made while a round trains.
        nproc: processes that a round trains in together, one per GPU or core.
    """

    def __init__(self, studio: Studio, lanes: tuple[tuple[str, ...], ...] = LANES, *, nproc: int = 1) -> None:
        self.studio, self.nproc = studio, nproc
        self.lanes = [Lane(kinds) for kinds in lanes]
        self.owner = take_name(studio.settings.project / "locks")
        self.device = "cuda" if Path("/dev/nvidiactl").exists() else "cpu"
        self.seen_at = 0.0
        with studio.database.write() as session:
            for job in jobs.recover_stale(session, owner=self.owner.name):
                logger.warning("job %d (%s) was left behind by a crash: %s", job.id, job.kind, job.state)

    def turn(self) -> None:
        """Look once after every lane. A database that can't be reached is tried again at the next turn."""
        try:
            if time.monotonic() >= self.seen_at:
                self._report_and_recover()
            for lane in self.lanes:
                self._look_after(lane)
        except OperationalError as error:
            logger.warning("the database can't be reached, trying again: %s", error.orig)

    def close(self) -> None:
        """Stop the running jobs at their next step, give them back to the queue, and let the name go."""
        busy = [lane.running for lane in self.lanes if lane.running]
        processes.end([running.process for running in busy], PATIENCE_SECONDS)
        with self.studio.database.write() as session:
            for running in busy:
                self._settle(session, running)
            jobs.forget_worker(session, owner=self.owner.name)
        self.owner.release()

    def _report_and_recover(self) -> None:
        self.seen_at = time.monotonic() + min(SEEN_SECONDS, self.studio.settings.heartbeat_seconds)
        kinds = [kind for lane in self.lanes for kind in lane.kinds]
        with self.studio.database.write() as session:
            jobs.see_worker(
                session, owner=self.owner.name, host=socket.gethostname(), pid=os.getpid(),
                device=self.device, lanes=kinds,
            )  # fmt: skip
            for job in jobs.recover_stale(session):
                logger.warning("job %d (%s) lost its worker: %s", job.id, job.kind, job.state)

    def _look_after(self, lane: Lane) -> None:
        try:
            if lane.running is None:
                self._claim(lane)
            else:
                self._watch(lane, lane.running)
        except LeaseLost as error:
            logger.warning("%s Its process is ended; whoever holds it now goes on.", error)
            if lane.running:
                processes.end([lane.running.process], patience=0)
            lane.running = None

    def _claim(self, lane: Lane) -> None:
        settings = self.studio.settings
        with self.studio.database.read() as session:
            if not jobs.is_waiting(session, kinds=lane.kinds):
                return
        with self.studio.database.write() as session:
            job = jobs.claim(
                session, owner=self.owner.name, kinds=lane.kinds, lease_seconds=settings.lease_seconds
            )
        if job is None:
            return
        fence = Fence(job.id, job.attempt, self.owner.name)
        logger.info("job %d (%s), attempt %d", job.id, job.kind, job.attempt)
        several = job.kind == "round" and self.nproc > 1
        module = ["app.worker.ranks", str(self.nproc)] if several else ["app.worker.child"]
        command = [sys.executable, "-m", *module, str(settings.project)]
        command += [str(fence.job_id), str(fence.attempt), fence.owner]
        environment = {**os.environ, **TRAINING, "FINEPSEUDO_DATABASE_URL": settings.database_url}
        process = processes.start_bound(command, environment=environment, folder=ROOT)
        lane.running = Running(fence, job.kind, process, time.monotonic() + settings.heartbeat_seconds)

    def _watch(self, lane: Lane, running: Running) -> None:
        if running.process.poll() is not None:
            with self.studio.database.write() as session:
                self._settle(session, running)
            lane.running = None
            logs.rotate(self.studio.settings.logs / "worker.log")
            return
        now = time.monotonic()
        if running.kill_at is not None and now >= running.kill_at:
            running.process.kill()
        elif running.kill_at is None and self._asked_to_stop(running):
            running.process.terminate()
            running.kill_at = now + PATIENCE_SECONDS
        if now >= running.renew_at:
            self._renew(running)

    def _asked_to_stop(self, running: Running) -> bool:
        with self.studio.database.read() as session:
            job = jobs.get(session, job_id=running.fence.job_id)
            return job is not None and job.stop_requested

    def _renew(self, running: Running) -> None:
        settings = self.studio.settings
        with self.studio.database.write() as session:
            job = jobs.get(session, job_id=running.fence.job_id)
            ended = job is not None and job.state in jobs.OVER and job.attempt == running.fence.attempt
            if not ended:  # else its process has said so, and is about to go
                jobs.heartbeat(session, running.fence, lease_seconds=settings.lease_seconds)
        running.renew_at = time.monotonic() + settings.heartbeat_seconds

    def _settle(self, session: Session, running: Running) -> None:
        """Write down how a job ended whose process is gone, unless that process did so itself."""
        job = jobs.get(session, job_id=running.fence.job_id)
        if job is None or (job.state, job.attempt, job.owner) != (
            "running", running.fence.attempt, running.fence.owner,
        ):  # fmt: skip
            return
        code = running.process.returncode
        if job.stop_requested:
            jobs.finish(session, running.fence, state="cancelled")
        elif code == STOPPED or running.kill_at is not None or code == -signal.SIGTERM:
            jobs.release(session, running.fence)
        else:
            left = jobs.give_up(session, running.fence)
            logger.warning(
                "job %d (%s) died (%s): %s", left.id, left.kind, processes.ending(code), left.state
            )


def run_worker(studio: Studio, nproc: int = 1) -> None:
    """Take jobs until SIGTERM or Ctrl-C; running jobs then go back to the queue with their checkpoint."""
    logs.configure(studio.settings.logs / "worker.log")
    logs.rotate(studio.settings.logs / "worker.log")
    stop: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda caught, frame: stop.append(caught))
    worker = Worker(studio, nproc=nproc)
    logger.info("worker %s is ready", worker.owner.name)
    try:
        while not stop:
            worker.turn()
            time.sleep(POLL_SECONDS)
    finally:
        worker.close()
    logger.info("worker %s ended in order", worker.owner.name)
