"""A project with drawn clips and a finished round, written through the repositories: nothing is trained."""

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from app.services import users
from app.services.studio import Studio, create_project
from app.settings import load
from db.engine import Session
from db.models import Round
from db.repositories import audits, classes, clips, jobs, pseudo_labels, rounds
from db.repositories.jobs import Fence
from db.repositories.rounds import Member
from finepseudo_core.config import preset
from tests.kept_embeddings import leave_embeddings

# Names a person could have typed: markup, a formula, long ones.
CLASSES = (
    "forward 1½ somersaults, tuck, clean entry",
    "forward 1½ somersaults, pike, clean entry",
    "backward 1½ somersaults, tuck, short entry",
    "<img src=x onerror=alert(1)> & <b>bold</b>",
    "=HYPERLINK(1+1)",
    "reverse 1½, ½ twist, free",
)
FRAMES, COLUMNS, SIZE = 20, 5, 64


@dataclass(frozen=True)
class Filled:
    """A studio, its owner's sign-in token, and the ids of its unlabelled clips in the order of review."""

    studio: Studio
    owner_id: int
    token: str
    proposed: tuple[int, ...]


def empty_project(folder: Path) -> Filled:
    """A new project with an owner and nothing else."""
    studio = create_project(load(folder, {}))
    token = users.ensure_owner(studio)
    owner = users.sign_in(studio, token)
    assert owner is not None
    return Filled(studio, owner.id, token, ())


def filled_project(
    folder: Path,
    *,
    labelled: int = 12,
    unlabelled: int = 40,
    tested: int = 0,
    finished_rounds: int = 1,
    audited: bool = False,
    class_names: Sequence[str] = CLASSES,
) -> Filled:
    """A project with labelled clips, test clips, and unlabelled ones that the rounds propose labels for;
    `audited` draws blind checks from them."""
    project = empty_project(folder)
    studio = project.studio
    with studio.database.write() as session:
        ids = classes.ensure(session, names=class_names)
        job = jobs.enqueue(session, kind="import", payload={})
        fence = claim(session, "import")
        row = clips.add_import(
            session,
            folder=str(folder),
            labels_csv=None,
            labelled_share=0.2,
            test_share=0.0,
            seed=0,
            created_by=project.owner_id,
            job_id=job.id,
        )
        clips.add(
            session,
            import_id=row.id,
            rows=[
                {
                    "key": f"clip {number:03d}.mp4",
                    "source_path": f"{folder}/clip {number:03d}.mp4",
                    "start": None,
                    "end": None,
                    "split": "train" if number < labelled + unlabelled else "test",
                    "given_class_id": ids[class_names[number % len(ids)]] if number < labelled else None,
                    "truth_class_id": ids[class_names[number % len(ids)]] if number >= labelled else None,
                }
                for number in range(labelled + unlabelled + tested)
            ],
        )
        for number, clip in enumerate(clips.waiting(session, import_id=row.id)):
            _write_media(session, studio, clip.id, number)
        jobs.finish(session, fence, state="succeeded")
    proposed: tuple[int, ...] = ()
    for number in range(finished_rounds):
        proposed = propose(studio, list(ids.values()), project.owner_id, seed=number, audited=audited)
    return Filled(studio, project.owner_id, project.token, proposed)


def propose(studio: Studio, class_ids: list[int], owner_id: int, seed: int = 0,
            audited: bool = False) -> tuple[int, ...]:  # fmt: skip
    """Finish a round that proposes labels for every unlabelled clip; returns the clips by margin."""
    chance = random.Random(seed)
    with studio.database.write() as session:
        job = jobs.enqueue(session, kind="round", payload={})
        before = rounds.active(session)
        row = rounds.add(
            session,
            job_id=job.id,
            preset="cpu-demo",
            config=preset("cpu-demo").to_dict(),
            classes=class_ids,
            parent_id=before.id if before else None,
            created_by=owner_id,
        )
        rounds.freeze(session, round_id=row.id, base=before)
        fence = claim(session, "round")
        members = rounds.members(session, round_id=row.id)
        labelled = [member for member in members if member.role == "labelled"]
        names = {name: class_id for class_id, name in classes.names(session).items()}
        rows = []
        for member in (member for member in members if member.role == "unlabelled"):
            nearest = [
                {
                    "clip_id": near.clip_id,
                    "class_id": names[near.label or ""],
                    "alignability": 0.95 - 0.08 * place,
                }
                for place, near in enumerate(chance.sample(labelled, 5))
            ]
            rows.append(_pseudo_label(row.id, member.clip_id, class_ids, chance) | {"nearest": nearest})
        pseudo_labels.add(session, rows=rows)
        rounds.set_exemplars(session, round_id=row.id, exemplars=_first_of_each(labelled, names))
        _write_embeddings(studio, session, row, [member.clip_id for member in members])
        pseudo_labels.show(session, round_id=row.id, iteration=0, classes=class_ids)
        if audited:
            session.refresh(row)
            audits.draw(session, row=row)
        rounds.add_steps(
            session,
            round_id=row.id,
            steps=[("action", step, 40, {"loss": 2 * math.exp(-step / 12)}) for step in range(40)],
        )
        rounds.set_result(session, round_id=row.id, metrics={})
        told = {member.clip_id: chance.choice(class_ids) for member in members if member.role == "test"}
        rounds.set_test_predictions(session, round_id=row.id, predictions=told)
        rounds.promote(session, round_id=row.id)
        jobs.finish(session, fence, state="succeeded")
    return tuple(entry["clip_id"] for entry in sorted(rows, key=lambda entry: entry["margin"]))


def _first_of_each(labelled: Sequence[Member], names: Mapping[str, int]) -> dict[int, list[int]]:
    exemplars: dict[int, list[int]] = {}
    for member in labelled:
        exemplars.setdefault(names[member.label or ""], []).append(member.clip_id)
    return exemplars


def pace(clip_id: int, moments: np.ndarray) -> np.ndarray:
    """Where in the course of the movement a clip of these tests is at each moment in [0, 1]."""
    return moments ** (0.6, 1.0, 1.7)[clip_id % 3]


def _write_embeddings(studio: Studio, session: Session, row: Round, clip_ids: Sequence[int]) -> None:
    """Frame embeddings that know the moment of the movement and nothing else."""
    shape = row.config["alignability_encoder"]
    moments = (np.arange(shape["frames"]) + 0.5) / shape["frames"]
    centres = np.linspace(0, 1, shape["embedding"])
    embedded = [np.exp(-(((pace(clip_id, moments)[:, None] - centres) / 0.1) ** 2)) for clip_id in clip_ids]
    leave_embeddings(studio, row.number, clip_ids, np.array(embedded), session=session)


def claim(session, kind: str) -> Fence:
    """Take the next job of a kind over, as a worker does."""
    job = jobs.claim(session, owner="test", kinds=[kind], lease_seconds=60)
    assert job is not None
    return Fence(job.id, job.attempt, "test")


def _pseudo_label(round_id: int, clip_id: int, class_ids: list[int], chance: random.Random) -> dict:
    sharpness = chance.uniform(0.5, 4)
    action, alignability = (_softmax([chance.gauss(0, sharpness) for _ in class_ids]) for _ in range(2))
    combined = (action + alignability) / 2
    best, second = np.sort(combined)[::-1][:2]
    place = int(combined.argmax())
    return {
        "round_id": round_id,
        "iteration": 0,
        "clip_id": clip_id,
        "class_id": class_ids[place],
        "confidence": float(best),
        "alignability": float(alignability[place]),
        "margin": float(best - second),
        "accepted": bool(best > 0.6),
        "action_probabilities": action.tobytes(),
        "alignability_probabilities": alignability.tobytes(),
        "probabilities": combined.tobytes(),
        "class_alignabilities": alignability.tobytes(),
    }


def _softmax(scores: list[float]) -> np.ndarray:
    shares = np.exp(np.array(scores) - max(scores))
    return (shares / shares.sum()).astype("<f4")


def _write_media(session, studio: Studio, clip_id: int, number: int) -> None:
    sheet = _draw_sheet(number)
    sha256 = hashlib.sha256(f"clip {number}".encode()).hexdigest()
    folder = studio.settings.media / sha256[:2]
    folder.mkdir(exist_ok=True)
    sheet.save(folder / f"{sha256}.sprite.webp", quality=80)
    sheet.crop((0, 0, SIZE, SIZE)).save(folder / f"{sha256}.thumb.webp", quality=80)
    clips.mark_ready(
        session,
        clip_id=clip_id,
        source_sha256=sha256,
        sha256=sha256,
        path=f"clips/{sha256[:2]}/{sha256}.mp4",
        fps=20.0,
        frames=FRAMES,
        width=SIZE,
        height=SIZE,
        sprite={"frames": FRAMES, "columns": COLUMNS, "width": SIZE, "height": SIZE, "step": 1.0},
    )


def _draw_sheet(number: int) -> Image.Image:
    """A body that turns while it falls; every clip has its own colour and speed."""
    chance = random.Random(number)
    colour = tuple(chance.randint(60, 230) for _ in range(3))
    turns = chance.choice((1.0, 1.5, 2.0))
    sheet = Image.new("RGB", (COLUMNS * SIZE, -(-FRAMES // COLUMNS) * SIZE))
    draw = ImageDraw.Draw(sheet)
    for frame in range(FRAMES):
        left, top = frame % COLUMNS * SIZE, frame // COLUMNS * SIZE
        moment = frame / (FRAMES - 1)
        draw.rectangle((left, top, left + SIZE, top + SIZE), fill=(196, 218, 228))
        draw.rectangle((left, top + 50, left + SIZE, top + SIZE), fill=(42, 128, 158))
        x, y, angle = left + 14 + 34 * moment, top + 12 + 40 * moment**2, turns * math.tau * moment
        across, down = 9 * math.cos(angle), 9 * math.sin(angle)
        draw.line((x - across, y - down, x + across, y + down), fill=colour, width=5)
    return sheet
