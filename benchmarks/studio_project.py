"""A project of the size of a season: many clips and classes in the database, and a few dives to look at."""

import itertools
import json
import math
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app import artifacts
from app.services import review, users
from app.services.embeddings import embeddings_file, keys_file
from app.services.studio import Studio, create_project
from app.settings import load
from benchmarks.database_at_scale import CHUNK, add_clips, proposal
from db.engine import Session
from db.models import Round
from db.repositories import audits, classes, clips, jobs, pseudo_labels
from db.repositories import rounds as round_rows
from db.repositories.jobs import Fence
from finepseudo_core.config import preset
from finepseudo_core.datasets import synthetic_dives
from finepseudo_core.video.canonical import make_canonical
from finepseudo_core.video.sprites import make_sprite, make_thumbnail

DRAWN = 64  # different dives; every clip shows one of them, under an address of its own
WORDS = (
    ("forward", "backward", "reverse", "inward", "armstand forward", "armstand backward"),
    ("1½", "2", "2½", "3", "3½", "4"),
    ("no twist", "½ twist", "1 twist", "2 twists"),
    ("tuck", "pike"),
)


@dataclass(frozen=True)
class Season:
    """The project, as `tests.browser.conftest.Server` wants it, and its first admin."""

    studio: Studio
    owner_id: int
    token: str


def class_names(count: int) -> list[str]:
    """Names of dives; after 288 they get a number."""
    names = [" ".join(words) for words in itertools.product(*WORDS)]
    return [name if turn == 0 else f"{name} {turn}" for turn in range(1 + count // 288) for name in names][
        :count
    ]


def make(folder: Path, count: int, kinds: int) -> Season:
    """One clip in ten labelled, one in twenty for testing; the others proposed by two finished rounds, whose
    blind checks and least certain proposals three people have begun to judge."""
    studio = create_project(load(folder, {}))
    token = users.ensure_owner(studio)
    owner_id = users.listing(studio)[0].id
    files = draw(studio, folder / "source")
    with studio.database.write() as session:
        class_ids = list(classes.ensure(session, names=class_names(kinds)).values())
        add_clips(session, count, class_ids, files, tested=count // 20)
        _finish(session, "import")
    for turn in range(2):
        _round(studio, owner_id, class_ids, np.random.default_rng(turn))
    people = [owner_id, *(users.create(studio, name)[0].id for name in ("Ada", "Bea"))]
    _judge(studio, people, min(2000, count // 20))
    return Season(studio, owner_id, token)


def _finish(session: Session, kind: str) -> None:
    job = jobs.claim(session, owner="benchmark", kinds=[kind], lease_seconds=60)
    assert job is not None
    jobs.finish(session, Fence(job.id, job.attempt, "benchmark"), state="succeeded")


def _round(studio: Studio, owner_id: int, class_ids: list[int], chance: np.random.Generator) -> None:
    """A round that is right about seven clips in ten, with losses, test results and embeddings."""
    config = preset("cpu-demo").to_dict()
    with studio.database.write() as session:
        job = jobs.enqueue(session, kind="round", payload={})
        before = round_rows.active(session)
        row = round_rows.add(
            session, job_id=job.id, preset="cpu-demo", config=config, classes=class_ids,
            parent_id=before.id if before else None, created_by=owner_id,
        )  # fmt: skip
        round_rows.freeze(session, round_id=row.id, base=before)
        members = round_rows.members(session, round_id=row.id)
    labelled = [member for member in members if member.role == "labelled"]
    unlabelled = [member.clip_id for member in members if member.role == "unlabelled"]
    tested = [member.clip_id for member in members if member.role == "test"]
    for start in range(0, len(unlabelled), CHUNK):
        with studio.database.write() as session:
            rows = [
                _proposal(row, clip_id, chance) | {"nearest": _nearest(labelled, class_ids, chance)}
                for clip_id in unlabelled[start : start + CHUNK]
            ]
            pseudo_labels.add(session, rows=rows)
    by_class: dict[int, list[int]] = {}
    for member in labelled:
        by_class.setdefault(_truth(class_ids, member.clip_id), []).append(member.clip_id)
    told = {
        clip_id: _truth(class_ids, clip_id) if chance.random() < 0.7 else int(chance.choice(class_ids))
        for clip_id in tested
    }
    with studio.database.write() as session:
        round_rows.set_exemplars(session, round_id=row.id, exemplars={k: v[:5] for k, v in by_class.items()})
        pseudo_labels.show(session, round_id=row.id, iteration=0, classes=class_ids)
        session.expire_all()
        audits.draw(session, row=round_rows.get(session, round_id=row.id))
        steps = [("action", step, 400, {"loss": 2 * math.exp(-step / 120)}) for step in range(400)]
        round_rows.add_steps(session, round_id=row.id, steps=steps)
        round_rows.set_result(session, round_id=row.id, metrics={"test_top1": 0.7})
        round_rows.set_test_predictions(session, round_id=row.id, predictions=told)
        round_rows.promote(session, round_id=row.id)
        _finish(session, "round")
    _embed(embeddings_file(studio.settings, row.number, 0), len(members), config["alignability_encoder"])
    keys_file(studio.settings, row.number).write_text(json.dumps([member.key for member in members]))


def _truth(class_ids: list[int], clip_id: int) -> int:
    """The class of a clip, as `add_clips` deals them out."""
    return class_ids[(clip_id - 1) // 10 % len(class_ids)]


def _proposal(row: Round, clip_id: int, chance: np.random.Generator) -> pseudo_labels.Values:
    values = proposal(row, clip_id, chance)
    if chance.random() > 0.7:
        return values
    shares = np.frombuffer(values["probabilities"], "<f4").copy()
    best, right = int(shares.argmax()), row.classes.index(_truth(row.classes, clip_id))
    shares[[best, right]] = shares[[right, best]]
    names = ("action_probabilities", "alignability_probabilities", "probabilities", "class_alignabilities")
    return values | {"class_id": row.classes[right]} | dict.fromkeys(names, shares.tobytes())


def _judge(studio: Studio, people: list[int], count: int) -> None:
    """Verdicts on the blind checks and the least certain proposals; one clip in four is judged by two."""
    chance = np.random.default_rng(7)
    with studio.database.read() as session:
        row = round_rows.active(session)
        assert row is not None
        blind = [clip.id for clip in audits.waiting(session, row=row, limit=60, without=())]
        found = pseudo_labels.next_for_review(session, row=row, limit=count, without=())
    for place, clip_id in enumerate([*blind, *(clip.id for _, clip in found)]):
        for person in {people[place % 3], people[(place + (place % 4 == 0)) % 3]}:
            class_id = _truth(row.classes, clip_id)
            if chance.random() < 0.1:
                class_id = int(chance.choice(row.classes))
            event = {
                "uuid": str(uuid.uuid4()), "kind": "correct", "clip_id": clip_id, "class_id": class_id,
                "round_id": row.id, "blind": place < len(blind), "seconds": float(chance.gamma(2.0)),
            }  # fmt: skip
            review.record(studio, person, [event])


def draw(studio: Studio, folder: Path) -> list[clips.Values]:
    """Canonical files, sprites and thumbnails of some dives, and what their rows say."""
    synthetic_dives.generate(folder, clips=DRAWN, size=192)
    found = []
    for source in sorted((folder / "clips").glob("*.mp4")):
        part = folder / "part.mp4"
        info = make_canonical(source, part)
        sha256 = artifacts.sha256_of(part)
        path = artifacts.clip_file(studio.settings, sha256)
        pictures = [artifacts.media_file(studio.settings, sha256, kind) for kind in ("sprite", "thumb")]
        for file in (path, *pictures):
            file.parent.mkdir(parents=True, exist_ok=True)
        part.replace(path)
        sprite = make_sprite(path, pictures[0])
        make_thumbnail(path, pictures[1])
        found.append(
            {
                "source_sha256": sha256, "sha256": sha256, "path": artifacts.relative(studio.settings, path),
                "fps": info.fps, "frames": info.frames, "width": info.width, "height": info.height,
                "sprite": vars(sprite),
            }
        )  # fmt: skip
    return found


def _nearest(labelled, class_ids, chance: np.random.Generator) -> list[dict[str, object]]:
    chosen = chance.integers(len(labelled), size=5)
    return [
        {
            "clip_id": labelled[place].clip_id,
            "class_id": _truth(class_ids, labelled[place].clip_id),
            "alignability": 0.9 - 0.1 * rank,
        }
        for rank, place in enumerate(chosen)
    ]


def _embed(path: Path, count: int, shape: dict[str, int]) -> None:
    """Frame embeddings that follow the course of the movement, each clip at a pace of its own."""
    frames, width = shape["frames"], shape["embedding"]
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.lib.format.open_memmap(path, "w+", np.float16, (count, frames, width))
    moments, centres = (np.arange(frames) + 0.5) / frames, np.linspace(0, 1, width)
    for turn, power in enumerate((0.6, 0.8, 1.0, 1.3, 1.7)):
        array[turn::5] = np.exp(-(((moments[:, None] ** power - centres) / 0.1) ** 2))
    array.flush()
