"""A small project with real clips: a square that moves in one of four directions."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from app.services.studio import Studio
from app.worker.loop import Worker
from db.models import Job, Round
from db.repositories import classes, clips, jobs, rounds
from finepseudo_core.video.canonical import write_frames
from tests.app.test_processes import wait_until
from tests.finepseudo_core.selftraining.tiny import tiny_config

DIRECTIONS = {"down": (1, 0), "left": (0, -1), "right": (0, 1), "up": (-1, 0)}


def draw_clip(path: Path, direction: str, seed: int, frames: int = 12) -> None:
    """Write one clip of 64 x 48 pixels at 12 frames per second."""
    chance = np.random.default_rng(seed)
    background, colour = chance.integers(0, 120, 3), chance.integers(130, 255, 3)
    down, right = DIRECTIONS[direction]
    pictures = []
    for number in range(frames):
        picture = np.empty((48, 64, 3), np.uint8)
        picture[:] = background
        top = 18 + down * (2 * number - frames)
        left = 26 + right * (2 * number - frames)
        picture[max(0, top) : top + 12, max(0, left) : left + 12] = colour
        pictures.append(picture)
    write_frames(pictures, path, Fraction(12))


def draw_clips(folder: Path, count: int = 24) -> dict[str, str]:
    """Write `count` clips; returns file name -> direction."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {}
    for number in range(count):
        direction = list(DIRECTIONS)[number % 4]
        name = f"{number:02d}_{direction}.mp4"
        draw_clip(folder / name, direction, number)
        names[name] = direction
    return names


def register(studio: Studio, folder: Path, names: dict[str, str]) -> int:
    """Queue the import of clips: two of each class labelled, one for testing, the rest with hidden truth."""
    seen: dict[str, int] = {}
    with studio.database.write() as session:
        class_ids = classes.ensure(session, names=DIRECTIONS)
        job = jobs.enqueue(session, kind="import", payload={})
        added = clips.add_import(
            session, folder=str(folder), labels_csv=None, labelled_share=1.0, test_share=0.0, seed=0,
            created_by=None, job_id=job.id,
        )  # fmt: skip
        job.payload = {"import_id": added.id}
        rows = []
        for name, direction in names.items():
            place = seen[direction] = seen.get(direction, 0) + 1
            known = class_ids[direction]
            rows.append({
                "key": name, "source_path": str(folder / name), "start": None, "end": None,
                "split": "test" if place == 3 else "train",
                "given_class_id": known if place <= 3 else None,
                "truth_class_id": known if place > 3 else None,
            })  # fmt: skip
        clips.add(session, import_id=added.id, rows=rows)
    return added.job_id


def queue_round(studio: Studio, **changes: object) -> int:
    """Queue a small round on the labels as they stand, with frequent checkpoints; returns its job.

    It trains for some seconds, so that something can happen to it on the way.
    """
    longer = {
        "checkpoint_seconds": 0.1,
        "pretraining__epochs": 8,
        "self_training__alignability_epochs": 8,
        "self_training__action_epochs": 8,
    }
    config = tiny_config(**{**longer, **changes})
    with studio.database.write() as session:
        base = rounds.active(session)
        job = jobs.enqueue(session, kind="round", payload={})
        row = rounds.add(
            session, job_id=job.id, preset="cpu-demo", config=config.to_dict(), classes=[],
            parent_id=base.id if base else None, created_by=None,
        )  # fmt: skip
        rounds.freeze(session, round_id=row.id, base=base)
    return job.id


def job(studio: Studio, job_id: int) -> Job:
    """A job as it is now."""
    with studio.database.read() as session:
        row = jobs.get(session, job_id=job_id)
        assert row is not None
        return row


def state(studio: Studio, job_id: int) -> str:
    """State of a job."""
    return job(studio, job_id).state


def round_of(studio: Studio, job_id: int) -> Round:
    """The round that a job runs."""
    with studio.database.read() as session:
        row = rounds.by_job(session, job_id=job_id)
        assert row is not None
        return row


def work(studio: Studio, job_id: int, seconds: float = 120, nproc: int = 1) -> str:
    """Take jobs in this process until one is over; returns its state."""
    worker = Worker(studio, nproc=nproc)

    def is_over() -> bool:
        worker.turn()
        return state(studio, job_id) not in ("queued", "running")

    try:
        assert wait_until(is_over, seconds), f"job {job_id} did not end within {seconds} s"
    finally:
        worker.close()
    return state(studio, job_id)
