"""Reviewers as programs: `python -m tests.faults.reviewers HOW PROJECT REVIEWER_ID [SEED]`.

They wait for a line on standard input, then print one line for each verdict that the studio acknowledged.
"""

import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from app.services import queue, review
from app.services.studio import Studio, open_studio
from app.settings import load


def write_on(studio: Studio, reviewer_id: int, seed: int) -> Iterator[str]:
    """Verdicts without an end, on the clips of the round in turn; the same seed makes the same uuids."""
    numbers = range(seed * 1_000_000, (seed + 1) * 1_000_000)
    for number in numbers:
        yield from save(studio, reviewer_id, uuid.UUID(int=number), clip_id=1 + number % 5)
        time.sleep(0.002)  # SQLite's lock has no queue: let the others have a turn


def write_forty(studio: Studio, reviewer_id: int, seed: int) -> Iterator[str]:
    """Forty verdicts, the same ones for the same seed."""
    for number in range(40):
        yield from save(studio, reviewer_id, uuid.UUID(int=seed * 1_000_000 + number), clip_id=1)


def review_all(studio: Studio, reviewer_id: int, seed: int) -> Iterator[str]:
    """Accept whatever the queue shows, three clips at a time, until it is empty; yields clip ids."""
    while items := queue.next_items(studio, reviewer_id, limit=3).items:
        for item in items:
            event = {"uuid": str(uuid.uuid4()), "clip_id": item.clip_id, "kind": "accept",
                     "predicted_class_id": item.predicted_class_id, "round_id": item.round_id}  # fmt: skip
            assert review.record(studio, reviewer_id, [event]).saved
            yield str(item.clip_id)


def save(studio: Studio, reviewer_id: int, name: uuid.UUID, clip_id: int) -> Iterator[str]:
    """One verdict; yields its uuid once it is saved."""
    event = {"uuid": str(name), "clip_id": clip_id, "kind": "reject", "note": f"note of {name}"}
    yield from review.record(studio, reviewer_id, [event]).saved


if __name__ == "__main__":
    how = {"on": write_on, "forty": write_forty, "all": review_all}[sys.argv[1]]
    opened = open_studio(load(Path(sys.argv[2])))
    print("ready", flush=True)
    sys.stdin.readline()
    for line in how(opened, int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 0):
        print(line, flush=True)
