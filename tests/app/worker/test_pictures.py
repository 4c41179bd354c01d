"""Pictures of clips: made on demand and ahead of need, and within their limit."""

import os
from dataclasses import replace

import pytest

from app import artifacts
from app.services import pictures
from app.services.studio import Studio
from app.worker.handlers import Assignment
from app.worker.pictures import keep_pictures
from db.models import Job
from db.repositories import jobs
from db.repositories import pictures as repository
from db.repositories.jobs import Fence


def work(studio: Studio) -> Job:
    """Do the media job in this process; returns it as it is then."""
    with studio.database.write() as session:
        pictures.enqueue(session)
        job = jobs.claim(session, owner="w", kinds=["media"], lease_seconds=60)
    keep_pictures(Assignment(studio, Fence(job.id, job.attempt, "w"), lambda: False))
    with studio.database.read() as session:
        return jobs.get(session, job_id=job.id)


def checksums(studio: Studio) -> list[str]:
    with studio.database.read() as session:
        return repository.ready(session)


def files(studio: Studio, kind: str) -> set[str]:
    """Checksums of the clips that have this picture."""
    return {
        path.name.split(".")[0] for path, *_ in pictures.kept(studio.settings) if f".{kind}." in path.name
    }


def see_worker(studio: Studio) -> None:
    with studio.database.write() as session:
        jobs.see_worker(session, owner="w", host="h", pid=1, device="cpu", lanes=["media"])


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Nobody asks for more."""
    monkeypatch.setattr("app.worker.pictures.PATIENCE_SECONDS", 0.0)


def test_missing_pictures_are_made_again_as_they_were(imported):
    sprite = artifacts.media_file(imported.settings, checksums(imported)[3], "sprite")
    before = sprite.read_bytes()
    sprite.unlink()
    job = work(imported)
    assert sprite.read_bytes() == before
    assert (job.state, job.message) == ("succeeded", "1 clips got pictures, 0 files made room.")


def test_what_nobody_looked_at_for_longest_makes_room_and_comes_back_on_demand(imported):
    ready = checksums(imported)
    sizes = {path: size for path, size, _ in pictures.kept(imported.settings)}
    for age, sha256 in enumerate(reversed(ready)):  # the first clip was looked at longest ago
        path = artifacts.media_file(imported.settings, sha256, "sprite")
        os.utime(path, (1e9 - age, 1e9 - age))
    limit = sum(sizes.values()) - 1
    small = replace(imported, settings=replace(imported.settings, media_bytes=limit))
    work(small)
    left = files(small, "sprite")
    gone = [sha256 for sha256 in ready if sha256 not in left]
    assert gone == ready[: len(gone)] != []
    assert files(small, "thumb") == set(ready)
    assert sum(size for _, size, _ in pictures.kept(small.settings)) <= 0.9 * limit
    see_worker(small)
    assert pictures.ask(small, gone[0])
    assert pictures.is_wanted(small.settings, gone[0])
    work(small)
    assert gone[0] in files(small, "sprite")
    assert not pictures.is_wanted(small.settings, gone[0])


def test_what_could_not_be_made_again_stays(imported):
    for sha256 in checksums(imported):
        artifacts.clip_file(imported.settings, sha256).unlink()
    before = files(imported, "sprite")
    work(replace(imported, settings=replace(imported.settings, media_bytes=1)))
    assert files(imported, "sprite") == before


def test_nobody_waits_for_what_cannot_be_had(imported):
    first, second = checksums(imported)[:2]
    assert not pictures.ask(imported, first)  # no worker
    see_worker(imported)
    assert pictures.ask(imported, first)
    artifacts.clip_file(imported.settings, second).unlink()
    assert not pictures.ask(imported, second)
    artifacts.clip_file(imported.settings, first).write_bytes(b"no video")
    artifacts.media_file(imported.settings, first, "sprite").unlink()
    assert work(imported).state == "succeeded"
    assert not pictures.is_wanted(imported.settings, first)


def test_asking_for_many_is_one_job_and_it_says_how_far_it_is(imported):
    see_worker(imported)
    for sha256 in checksums(imported):
        assert pictures.ask(imported, sha256)
    assert pictures.progress(imported) is None
    with imported.database.write() as session:
        job = jobs.claim(session, owner="w", kinds=["media"], lease_seconds=60)
        assert jobs.claim(session, owner="w", kinds=["media"], lease_seconds=60) is None
        fence = Fence(job.id, job.attempt, "w")
        jobs.progress(session, fence, stage="pictures", step=3, steps=24, eta_seconds=5.0)
    assert pictures.progress(imported) == pictures.PictureProgress(3, 24, 5.0)
