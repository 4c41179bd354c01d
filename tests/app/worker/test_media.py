"""The import job on real files, in a real worker process."""

import numpy as np
from PIL import Image

from app import artifacts
from db.repositories import clips, jobs
from finepseudo_core.video.decode import read_frames
from tests.app.worker import squares


def test_every_clip_gets_its_canonical_file_sprite_and_thumbnail(studio, drawn):
    folder, names = drawn
    job_id = squares.register(studio, folder, names)
    assert squares.work(studio, job_id) == "succeeded"
    with studio.database.read() as session:
        rows = clips.by_id(session, clip_ids=range(1, 25)).values()
        job = jobs.get(session, job_id=job_id)
    assert job.message == "24 clips ready, 0 unreadable."
    assert {row.key: row.state for row in rows} == dict.fromkeys(names, "ready")
    for row in rows:
        path = artifacts.inside(studio.settings, row.path)
        assert artifacts.sha256_of(path) == row.sha256
        assert row.source_sha256 == artifacts.sha256_of(folder / row.key)
        assert read_frames(path, np.arange(12)).shape == (12, row.height, row.width, 3)
        with Image.open(artifacts.media_file(studio.settings, row.sha256, "sprite")) as sheet:
            assert sheet.width == row.sprite["columns"] * row.sprite["width"]
        with Image.open(artifacts.media_file(studio.settings, row.sha256, "thumb")) as thumb:
            assert thumb.size == (row.width, row.height)
    assert not (studio.settings.project / "reading" / "1").exists()
