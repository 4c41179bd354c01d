"""Rows that the tests of the repositories start from."""

import uuid
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from db.models import Round
from db.repositories import classes, clips, jobs, pseudo_labels, rounds, users, verdicts
from finepseudo_core.config import preset

MOMENT = datetime(2026, 3, 1, 12, 30, 0, 250_000, tzinfo=UTC)


def add_user(session: Session, name: str = "ada", role: str = "reviewer") -> int:
    """A person; returns the id."""
    return users.add(session, name=name, role=role, token_hash=f"hash of {name}").id


def add_clips(session: Session, count: int = 6, *, labelled: int = 0, test: int = 0, truths: bool = False,
              ready: bool = True, class_names: tuple[str, ...] = ("dive", "fall", "jump"),
              prefix: str = "clip") -> list[int]:  # fmt: skip
    """Clips of one import, by key: the first `labelled` with a given class, the last `test` for testing,
    classes in turn; returns their ids."""
    names = list(classes.ensure(session, names=class_names).items())
    job = jobs.enqueue(session, kind="import", payload={})
    row = clips.add_import(
        session, folder="/videos", labels_csv=None, labelled_share=1.0, test_share=0.0, seed=0,
        created_by=None, job_id=job.id,
    )  # fmt: skip
    job.payload = {"import_id": row.id}
    known = [names[number % len(names)][1] for number in range(count)]
    values = [
        {
            "key": f"{prefix} {number:03d}.mp4",
            "source_path": f"/videos/{prefix} {number:03d}.mp4",
            "start": None,
            "end": None,
            "split": "test" if number >= count - test else "train",
            "given_class_id": known[number] if number < labelled else None,
            "truth_class_id": known[number] if truths and number >= labelled else None,
        }
        for number in range(count)
    ]
    clips.add(session, import_id=row.id, rows=values)
    ids = [clip.id for clip in clips.waiting(session, import_id=row.id)]
    for clip_id in ids if ready else ():
        make_ready(session, clip_id)
    return ids


def make_ready(session: Session, clip_id: int) -> None:
    """Let a clip be read."""
    sha256 = f"{clip_id:064x}"
    clips.mark_ready(
        session, clip_id=clip_id, source_sha256=sha256, sha256=sha256, path=f"clips/{sha256}.mp4", fps=25.0,
        frames=50, width=64, height=48,
        sprite={"frames": 50, "columns": 8, "width": 64, "height": 48, "step": 1.0},
    )  # fmt: skip


def add_round(session: Session, base: Round | None = None) -> Round:
    """A round with its snapshot, frozen as things stand."""
    job = jobs.enqueue(session, kind="round", payload={})
    row = rounds.add(
        session, job_id=job.id, preset="cpu-demo", config=preset("cpu-demo").to_dict(),
        classes=list(classes.names(session)),
        parent_id=base.id if base else None, created_by=None,
    )  # fmt: skip
    rounds.freeze(session, round_id=row.id, base=base)
    return row


def publish(
    session: Session, row: Round, proposals: dict[int, tuple[int, float, bool]], iteration: int = 0
) -> None:
    """Let a round show what it proposes: clip id -> (class id, margin, accepted)."""
    nothing = np.zeros(len(row.classes), "<f4").tobytes()
    arrays = ("action_probabilities", "alignability_probabilities", "probabilities", "class_alignabilities")
    pseudo_labels.add(
        session,
        rows=[
            {
                "round_id": row.id,
                "iteration": iteration,
                "clip_id": clip_id,
                "class_id": class_id,
                "confidence": 0.5 + margin / 2,
                "alignability": 0.5,
                "margin": margin,
                "accepted": accepted,
                "nearest": [],
                **dict.fromkeys(arrays, nothing),
            }
            for clip_id, (class_id, margin, accepted) in proposals.items()
        ],
    )
    pseudo_labels.show(session, round_id=row.id, iteration=iteration, classes=row.classes)


def decide(session: Session, reviewer_id: int, clip_id: int, kind: str, **values: Any) -> str:
    """Append a verdict; returns its uuid."""
    name = str(uuid.uuid4())
    verdicts.append(
        session, uuid=name, reviewer_id=reviewer_id, clip_id=clip_id, kind=kind, made_at=MOMENT, **values
    )  # fmt: skip
    return name
