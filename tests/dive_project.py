"""A project of drawn dives with known phases, and a round whose embeddings were made from these phases.

No network is trained. The embedding of a frame is a bump at the dive's true place in its course (phase and
share of it), as an f_A that has learned the phases gives it, plus a little of the class and noise of its own
for every frame: enough for paths to stray, and for pairs of one class to be closer than others.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app import artifacts
from db.repositories import classes, clips, jobs, pseudo_labels, rounds
from finepseudo_core.config import preset
from finepseudo_core.datasets import synthetic_dives
from finepseudo_core.datasets.phase_annotations import PhaseAnnotation, read_csv
from finepseudo_core.video.decode import probe
from finepseudo_core.video.sampling import uniform_indices
from finepseudo_core.video.sprites import make_sprite, make_thumbnail
from tests.filled_project import Filled, claim, empty_project
from tests.kept_embeddings import leave_embeddings

FEATURES = 64


@dataclass(frozen=True)
class Dives:
    """The project, and the true phases by clip id."""

    project: Filled
    phases: dict[int, PhaseAnnotation]

    def of_class(self, label: str) -> list[int]:
        """Clips of a class, by id."""
        return [clip_id for clip_id, name in self.labels.items() if name == label]

    @property
    def labels(self) -> dict[int, str]:
        """Clip id -> class."""
        studio = self.project.studio
        with studio.database.read() as session:
            names = classes.names(session)
            found = clips.page(session, round_id=None, iteration=-1)[0]
        return {row.Clip.id: names[row.class_id] for row in found}


def dive_project(
    folder: Path, *, dives: int = 24, kinds: int = 3, frames: int = 32, noise: float = 0.25, seed: int = 3,
    names: Mapping[int, str] | None = None,
) -> Dives:  # fmt: skip
    """Draw the dives, register them with their labels, and leave a finished round with embeddings behind.

    `names` replaces the names of classes, by their place in the alphabet.
    """
    source = folder / "dives"
    synthetic_dives.generate(source, clips=dives, classes=kinds, size=96, seed=seed, processes=1)
    with (source / "labels.csv").open(newline="", encoding="utf-8") as file:
        labels = {row["path"]: row["label"] for row in csv.DictReader(file)}
    renamed = dict(enumerate(sorted(set(labels.values()))))
    other = {name: (names or {}).get(place, name) for place, name in renamed.items()}
    labels = {path: other[label] for path, label in labels.items()}
    truth = read_csv(source / "phases.csv")
    project = empty_project(folder / "project")
    studio = project.studio
    with studio.database.write() as session:
        ids = classes.ensure(session, names=sorted(set(labels.values())))
        job = jobs.enqueue(session, kind="import", payload={})
        fence = claim(session, "import")
        row = clips.add_import(
            session, folder=str(source), labels_csv=None, labelled_share=1.0, test_share=0.0, seed=0,
            created_by=project.owner_id, job_id=job.id,
        )  # fmt: skip
        values = {"start": None, "end": None, "split": "train", "truth_class_id": None}
        rows = [
            {"key": key, "source_path": str(source / key), "given_class_id": ids[label], **values}
            for key, label in labels.items()
        ]
        clips.add(session, import_id=row.id, rows=rows)
        known = {clip.key: clip.id for clip in clips.waiting(session, import_id=row.id)}
        for key, clip_id in known.items():
            _register(session, studio, clip_id, source / key)
        jobs.finish(session, fence, state="succeeded")
        _finish_round(session, list(ids.values()), project.owner_id)
    chance = np.random.default_rng(seed)
    looks = dict(zip(ids, chance.normal(size=(len(ids), FEATURES)), strict=True))
    embedded = [
        embed(truth[key], frames, noise, chance) + 0.25 * looks[labels[key]] / np.sqrt(FEATURES)
        for key in known
    ]
    leave_embeddings(studio, 1, list(known.values()), np.array(embedded))
    return Dives(project, {clip_id: truth[key] for key, clip_id in known.items()})


def embed(truth: PhaseAnnotation, frames: int, noise: float, chance: np.random.Generator) -> np.ndarray:
    """Embeddings (T, F) of the frames that the encoder sees: a bump at the place in the course, and noise."""
    seen = uniform_indices(truth.frames, frames)
    edges = [*truth.starts, truth.frames]
    course = np.interp(seen + 0.5, edges, np.linspace(0, 1, len(edges)))
    bump = np.exp(-(((course[:, None] - np.linspace(0, 1, FEATURES)) / 0.06) ** 2))
    return (
        bump
        + noise * chance.normal(size=bump.shape) / np.sqrt(FEATURES) * np.linalg.norm(bump, axis=1)[:, None]
    )


def _register(session, studio, clip_id: int, path: Path) -> None:
    sha256, info = artifacts.sha256_of(path), probe(path)
    target = artifacts.clip_file(studio.settings, sha256)
    sprite, thumb = (artifacts.media_file(studio.settings, sha256, kind) for kind in ("sprite", "thumb"))
    for file in (target, sprite, thumb):
        file.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(path.read_bytes())
    layout = make_sprite(path, sprite)
    make_thumbnail(path, thumb)
    clips.mark_ready(
        session, clip_id=clip_id, source_sha256=sha256, sha256=sha256,
        path=artifacts.relative(studio.settings, target), fps=info.fps, frames=info.frames, width=info.width,
        height=info.height, sprite=vars(layout),
    )  # fmt: skip


def _finish_round(session, class_ids: list[int], owner_id: int) -> None:
    job = jobs.enqueue(session, kind="round", payload={})
    row = rounds.add(
        session, job_id=job.id, preset="cpu-demo", config=preset("cpu-demo").to_dict(), classes=class_ids,
        parent_id=None, created_by=owner_id,
    )  # fmt: skip
    rounds.freeze(session, round_id=row.id, base=None)
    fence = claim(session, "round")
    pseudo_labels.show(session, round_id=row.id, iteration=0, classes=class_ids)
    rounds.promote(session, round_id=row.id)
    jobs.finish(session, fence, state="succeeded")
