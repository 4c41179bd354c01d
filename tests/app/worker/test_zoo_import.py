"""Odd and broken videos through the import job: each becomes canonical or is kept with its reason."""

import time

from app import artifacts
from db.repositories import clips
from finepseudo_core.video.decode import probe
from tests import zoo
from tests.app.worker import squares

UNREADABLE = {
    "empty", "text", "playlist", "stream list", "index cut off", "tail cut off", "sound only", "16K",
    "very long", "folder", "broken link", "missing", "fifo", "device",
}  # fmt: skip


def test_every_odd_file_ends_ready_or_unreadable_with_a_reason(studio, tmp_path):
    animals = zoo.make_zoo(tmp_path / "zoo")
    names = {str(path): "up" for path in animals.values()}
    started = time.monotonic()
    job_id = squares.register(studio, tmp_path, names)
    assert squares.work(studio, job_id, seconds=120) == "succeeded"
    took = time.monotonic() - started
    with studio.database.read() as session:
        rows = {row.key: row for row in clips.by_id(session, clip_ids=range(1, len(animals) + 1)).values()}
    state = {name: rows[str(path)].state for name, path in animals.items()}
    assert {name for name in state if state[name] == "unreadable"} == UNREADABLE
    assert {name for name in state if state[name] == "ready"} == animals.keys() - UNREADABLE
    for name, path in animals.items():
        row = rows[str(path)]
        if name in UNREADABLE:
            assert str(path) in row.reason, name
            assert row.reason.endswith("."), name
        else:
            info = probe(artifacts.inside(studio.settings, row.path))
            assert (info.frames, info.width, info.height) == (row.frames, row.width, row.height), name
    assert took < 60
