"""How long the studio's questions take with many clips: `python -m benchmarks.database_at_scale`.

Last result, medians on 2 shared cores with SQLite (100,000 clips, 288 classes, 90,000 pseudo-labels, 20,000
verdicts): queue 35 ms, one verdict 15 ms, Today 326 ms, rounds 104 ms, live progress 13 ms, first page of
clips 169 ms, accepted ones 21 ms, one clip 11 ms, export of 31,000 labels 3 s.
"""

import argparse
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from app.services import datasets, export, queue, review, rounds, today, users
from app.services.studio import Studio, create_project
from app.settings import load
from db.engine import Session
from db.models import Round
from db.repositories import classes, clips, jobs, pseudo_labels, verdicts
from db.repositories import rounds as round_rows

CHUNK = 5000
NO_FILE: clips.Values = {
    "source_sha256": "0" * 64, "sha256": "0" * 64, "path": "clips/0.mp4", "fps": 25.0, "frames": 50,
    "width": 112, "height": 112,
    "sprite": {"frames": 50, "columns": 8, "width": 112, "height": 112, "step": 1},
}  # fmt: skip


def fill(studio: Studio, owner_id: int, count: int, kinds: int, reviewed: int) -> None:
    """One clip in ten labelled, a promoted round on the others, the least certain of which are reviewed."""
    with studio.database.write() as session:
        class_ids = list(classes.ensure(session, names=[f"class {n:03d}" for n in range(kinds)]).values())
        add_clips(session, count, class_ids)
        job = jobs.enqueue(session, kind="round", payload={})
        row = round_rows.add(
            session, job_id=job.id, preset="paper", config={}, classes=class_ids, parent_id=None,
            created_by=owner_id,
        )  # fmt: skip
        round_rows.freeze(session, round_id=row.id, base=None)
        members = round_rows.members(session, round_id=row.id)
    unlabelled = [member.clip_id for member in members if member.role == "unlabelled"]
    chance = np.random.default_rng(0)
    for start in range(0, len(unlabelled), CHUNK):
        with studio.database.write() as session:
            rows = [proposal(row, clip_id, chance) for clip_id in unlabelled[start : start + CHUNK]]
            pseudo_labels.add(session, rows=rows)
    with studio.database.write() as session:
        pseudo_labels.show(session, round_id=row.id, iteration=0, classes=class_ids)
        round_rows.promote(session, round_id=row.id)
        row = round_rows.active(session) or row
        uncertain = pseudo_labels.next_for_review(session, row=row, limit=reviewed, without=())
        for label, clip in uncertain:
            verdicts.append(
                session, uuid=str(uuid.uuid4()), clip_id=clip.id, reviewer_id=owner_id, kind="accept",
                class_id=label.class_id, predicted_class_id=label.class_id, round_id=row.id,
                made_at=datetime.now(UTC),
            )  # fmt: skip


def add_clips(
    session: Session,
    count: int,
    class_ids: list[int],
    files: Sequence[clips.Values] = (NO_FILE,),
    tested: int = 0,
) -> None:
    """Clips as if they had been read, with these files in turn; the last `tested` of them are for testing."""
    job = jobs.enqueue(session, kind="import", payload={})
    row = clips.add_import(
        session, folder="/videos", labels_csv=None, labelled_share=0.1, test_share=0.0, seed=0,
        created_by=None, job_id=job.id,
    )  # fmt: skip
    for start in range(0, count, CHUNK):
        numbers = range(start, min(count, start + CHUNK))
        rows = [
            new_clip(
                number,
                class_ids[number // 10 % len(class_ids)],
                "test" if number >= count - tested else "train",
            )
            for number in numbers
        ]
        clips.add(session, import_id=row.id, rows=rows)
    clip_ids = [clip.id for clip in clips.waiting(session, import_id=row.id)]
    session.expunge_all()  # each update would look through all of them
    for clip_id in clip_ids:
        clips.mark_ready(session, clip_id=clip_id, **files[clip_id % len(files)])


def new_clip(number: int, class_id: int, split: str = "train") -> clips.Values:
    """One of ten has a label, the others and those for testing a truth."""
    given = number % 10 == 0 and split == "train"
    return {
        "key": f"clip {number:06d}.mp4",
        "source_path": f"/videos/clip {number:06d}.mp4",
        "start": None,
        "end": None,
        "split": split,
        "given_class_id": class_id if given else None,
        "truth_class_id": None if given else class_id,
    }


def proposal(row: Round, clip_id: int, chance: np.random.Generator) -> pseudo_labels.Values:
    """A pseudo-label with full arrays."""
    shares = chance.dirichlet(np.full(len(row.classes), 0.02)).astype("<f4")
    second, best = np.argsort(shares)[-2:]
    arrays = ("action_probabilities", "alignability_probabilities", "probabilities", "class_alignabilities")
    return {
        "round_id": row.id,
        "iteration": 0,
        "clip_id": clip_id,
        "class_id": row.classes[best],
        "confidence": float(shares[best]),
        "alignability": 0.5,
        "margin": float(shares[best] - shares[second]),
        "accepted": bool(shares[best] > 0.6),
        "nearest": [{"clip_id": 1, "class_id": row.classes[0], "alignability": 0.5}] * 5,
        **dict.fromkeys(arrays, shares.tobytes()),
    }


def measure(name: str, question: Callable[[], object], times: int = 20) -> None:
    """Median and longest of several answers, after one that warms up."""
    question()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        question()
        taken.append((time.perf_counter() - began) * 1000)
    print(f"{name:32s} median {statistics.median(taken):8.1f} ms   longest {max(taken):8.1f} ms", flush=True)


def main() -> None:
    """Fill a project and ask."""
    options = argparse.ArgumentParser(description=__doc__)
    for name, default in (("clips", 100_000), ("classes", 288), ("reviewed", 20_000)):
        options.add_argument(f"--{name}", type=int, default=default)
    size = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        studio = create_project(load(Path(folder), {}))
        users.ensure_owner(studio)
        me = users.listing(studio)[0].id
        you = users.create(studio, "you")[0].id
        fill(studio, me, size.clips, size.classes, size.reviewed)
        measure("queue.next_items", lambda: queue.next_items(studio, me))
        measure("queue.next_items, second person", lambda: queue.next_items(studio, you))
        measure("review.record, one verdict", lambda: review.record(studio, me, [skip()]))
        measure("today.overview", lambda: today.overview(studio, me), 5)
        measure("rounds.listing", lambda: rounds.listing(studio), 5)
        measure("rounds.progress", lambda: rounds.progress(studio, 1))
        measure("datasets.clips, first page", lambda: datasets.clips(studio), 5)
        measure("datasets.clips, accepted", lambda: datasets.clips(studio, ACCEPTED), 5)
        measure("datasets.clip", lambda: datasets.clip(studio, size.clips // 2))
        measure("export.as_csv", lambda: export.as_csv(studio), 1)
        studio.close()


ACCEPTED = datasets.ClipFilter(label="accepted")


def skip() -> dict[str, object]:
    """A verdict that settles nothing, so that it can be asked for again and again."""
    return {"uuid": str(uuid.uuid4()), "clip_id": 5, "kind": "skip", "round_id": 1}


if __name__ == "__main__":
    main()
