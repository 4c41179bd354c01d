"""Snapshots: everything in one file, restored as it was, and nothing taken from a file that is not sound."""

import hashlib
import io
import json
import shutil
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import artifacts
from app.services import datasets, queue, restore, review, rounds, snapshots
from app.services.studio import StudioError, create_project, open_studio
from app.settings import load
from db import migrate
from db.migrate import SchemaError
from db.repositories import jobs, verdicts
from finepseudo_core.errors import Stopped
from tests.filled_project import Filled, filled_project


@pytest.fixture
def project(tmp_path) -> Iterator[Filled]:
    """A finished round, a folder of sources, a video of one clip, an upload, and one verdict."""
    filled = filled_project(tmp_path / "old")
    (filled.studio.settings.uploads / "spring").mkdir()
    (filled.studio.settings.uploads / "spring" / "a.mp4").write_bytes(b"uploaded")
    for card in datasets.clips(filled.studio, limit=100).clips:
        path = artifacts.clip_file(filled.studio.settings, card.sha256)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"video")
    decide(filled.studio, filled.owner_id)
    yield filled
    filled.studio.close()


def decide(studio, owner_id: int) -> int:
    """Accept the next proposal; returns its clip."""
    item = queue.next_items(studio, owner_id, limit=1).items[0]
    event = {
        "uuid": str(uuid.uuid4()), "clip_id": item.clip_id, "kind": "accept",
        "predicted_class_id": item.predicted_class_id, "round_id": item.round_id,
    }  # fmt: skip
    assert len(review.record(studio, owner_id, [event]).saved) == 1
    return item.clip_id


def chain(studio) -> list[str]:
    """Hashes of the verdict log."""
    with studio.database.read() as session:
        assert verdicts.broken(session) == []
        found = verdicts.history(session, reviewer_id=1, limit=100)
        return [verdict.hash for verdict, _, _ in found]


def proposals(studio) -> list[tuple]:
    return [(card.key, card.proposed) for card in datasets.clips(studio, limit=100).clips]


def rewritten(source: Path, target: Path, change) -> Path:
    """A snapshot with its entries (name, TarInfo, content) passed through `change`; None leaves one out."""
    with tarfile.open(source) as tar, tarfile.open(target, "w") as out:
        for entry in tar:
            content = tar.extractfile(entry).read()
            for info, data in change(entry, content):
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))
    return target


def kept(entry: tarfile.TarInfo, content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(entry, content)]


def test_a_restored_project_is_the_same_and_review_goes_on(project, tmp_path):
    file = snapshots.write(project.studio, tmp_path / "all.tar", videos=True)
    before = chain(project.studio), proposals(project.studio), rounds.listing(project.studio)
    secret = project.studio.secret
    project.studio.close()
    shutil.rmtree(tmp_path / "old")
    report = restore.restore(file, load(tmp_path / "new", {}))
    assert (report.without_video, report.read_again, report.broken_verdicts) == (0, 0, 0)
    studio = open_studio(load(tmp_path / "new", {}))
    assert (chain(studio), proposals(studio), rounds.listing(studio)) == before
    assert studio.secret != secret, "a snapshot signs nobody in"
    card = datasets.clips(studio, limit=1).clips[0]
    assert artifacts.media_file(studio.settings, card.sha256, "sprite").is_file()
    assert artifacts.clip_file(studio.settings, card.sha256).read_bytes() == b"video"
    assert (studio.settings.uploads / "spring" / "a.mp4").read_bytes() == b"uploaded"
    decide(studio, project.owner_id)
    assert len(chain(studio)) == 2
    assert rounds.start(studio, "cpu-demo", {}, project.owner_id).number == 2
    assert list(tmp_path.glob(".new*")) == []
    studio.close()


def test_a_snapshot_holds_a_consistent_state_while_people_go_on(project, tmp_path):
    written: list[int] = []

    def go_on(done: int, of: int) -> None:
        if not written:
            written.append(decide(project.studio, project.owner_id))

    file = snapshots.write(project.studio, tmp_path / "all.tar", videos=False, notify=go_on)
    assert written
    restore.restore(file, load(tmp_path / "new", {}))
    studio = open_studio(load(tmp_path / "new", {}))
    assert len(chain(studio)) == 1, "what came later is not in it"
    studio.close()


def test_without_videos_the_sources_are_read_again_and_missing_ones_are_told(project, tmp_path):
    folder = tmp_path / "moved"
    folder.mkdir()
    (folder / "clip 000.mp4").write_bytes(b"video")
    file = snapshots.write(project.studio, tmp_path / "small.tar", videos=False)
    old = tmp_path / "old"
    report = restore.restore(file, load(tmp_path / "new", {}), {old: folder})
    assert (report.read_again, report.without_video) == (1, 51)
    assert report.missing == {str(folder): 51}
    studio = open_studio(load(tmp_path / "new", {}))
    assert datasets.imports(studio)[0].folder == str(folder)
    assert datasets.clips(studio, datasets.ClipFilter(state="waiting")).clips[0].key == "clip 000.mp4"
    assert datasets.imports(studio)[0].state == "queued"
    assert queue.next_items(studio, project.owner_id, limit=1).items, "pictures are enough to review"
    studio.close()
    with pytest.raises(StudioError, match="No clip came from /elsewhere"):
        restore.restore(file, load(tmp_path / "newer", {}), {Path("/elsewhere"): folder})
    assert not (tmp_path / "newer").exists()


def test_work_that_was_not_finished_does_not_go_on_by_itself(project, tmp_path):
    rounds.start(project.studio, "cpu-demo", {}, project.owner_id)
    with project.studio.database.write() as session:
        assert jobs.claim(session, owner="here", kinds=["round"], lease_seconds=60)
    file = snapshots.write(project.studio, tmp_path / "all.tar", videos=False)
    assert restore.restore(file, load(tmp_path / "new", {})).stopped == 1
    studio = open_studio(load(tmp_path / "new", {}))
    assert rounds.listing(studio)[0].state == "cancelled"
    rounds.resume(studio, rounds.listing(studio)[0].id)
    studio.close()


def test_a_folder_in_use_is_left_alone(project, tmp_path):
    file = snapshots.write(project.studio, tmp_path / "all.tar", videos=False)
    with pytest.raises(StudioError, match="is not empty"):
        restore.restore(file, project.studio.settings)
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "notes.txt").write_text("mine")
    with pytest.raises(StudioError, match="is not empty"):
        restore.restore(file, load(taken, {}))
    assert [path.name for path in taken.iterdir()] == ["notes.txt"]
    (taken / "notes.txt").unlink()
    assert restore.restore(file, load(taken, {})).project == taken


def hurt(entry, content):
    if entry.name.endswith(".sprite.webp"):
        return [(entry, b"x" + content[1:])]
    return kept(entry, content)


def left_out(entry, content):
    return [] if entry.name.endswith(".npy") else kept(entry, content)


def without_list(entry, content):
    return [] if entry.name == "manifest.json" else kept(entry, content)


def with_link(entry, content):
    link = tarfile.TarInfo("media/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return [(entry, content), (link, b"")] if entry.name == "studio.db" else kept(entry, content)


def climbing(name: str):
    def add(entry, content):
        if entry.name == "manifest.json":
            listed = json.loads(content)
            listed[name] = {"bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
            return [(tarfile.TarInfo(name), b"x"), (entry, json.dumps(listed).encode())]
        return kept(entry, content)

    return add


def twice(entry, content):
    return kept(entry, content) * 2 if entry.name == "studio.db" else kept(entry, content)


def unlisted(entry, content):
    extra = tarfile.TarInfo("media/aa/extra.webp")
    return [(extra, b"x"), (entry, content)] if entry.name == "manifest.json" else kept(entry, content)


def of_format(entry, content):
    if entry.name == "snapshot.json":
        return [(entry, json.dumps({**json.loads(content), "format": 9}).encode())]
    return kept(entry, content)


@pytest.mark.parametrize(("change", "words"), [
    (hurt, "is damaged: media/"), (left_out, "is damaged: artifacts/"), (without_list, "was cut off"),
    (with_link, "no plain file"), (climbing("media/../../evil"), "belongs to no project"),
    (climbing("/tmp/evil"), "belongs to no project"), (climbing("evil.txt"), "belongs to no project"),
    (climbing("clips/./evil"), "belongs to no project"), (twice, "twice"), (unlisted, "is damaged: media/aa"),
    (of_format, "format 9"),
])  # fmt: skip
def test_a_file_that_is_not_sound_is_refused_and_leaves_nothing(project, tmp_path, change, words):
    sound = snapshots.write(project.studio, tmp_path / "all.tar", videos=False)
    bad = rewritten(sound, tmp_path / "bad.tar", change)
    before = set(tmp_path.iterdir())
    with pytest.raises(StudioError, match=words):
        restore.restore(bad, load(tmp_path / "new", {}))
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_half_a_file_is_refused(project, tmp_path, share):
    sound = snapshots.write(project.studio, tmp_path / "all.tar", videos=False)
    content = sound.read_bytes()
    (tmp_path / "half.tar").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(StudioError, match="cut off|damaged|no snapshot"):
        restore.restore(tmp_path / "half.tar", load(tmp_path / "new", {}))
    assert not (tmp_path / "new").exists()


def test_a_snapshot_of_a_newer_version_is_refused(project, tmp_path, monkeypatch):
    with monkeypatch.context() as newer:
        newer.setattr(migrate, "newest", lambda: "0815")
        file = snapshots.write(project.studio, tmp_path / "all.tar", videos=False)
    with pytest.raises(SchemaError, match=r"0815.*newer version"):
        restore.restore(file, load(tmp_path / "new", {}))
    assert not (tmp_path / "new").exists()


def test_a_snapshot_that_is_stopped_leaves_no_file(project, tmp_path):
    with pytest.raises(Stopped):
        snapshots.write(project.studio, tmp_path / "all.tar", videos=False, should_stop=lambda: True)
    assert not list(tmp_path.glob("*all.tar*"))
    assert not list(project.studio.settings.project.glob(".snapshot*"))


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_a_server_s_database_is_saved_another_way(studio, tmp_path):
    with pytest.raises(StudioError, match="pg_dump"):
        snapshots.write(studio, tmp_path / "all.tar", videos=False)


def test_only_admins_make_and_fetch_snapshots(project, tmp_path):
    studio = project.studio
    from app.services import users

    reviewer = users.create(studio, "rea")[0].id
    with pytest.raises(StudioError, match="Only an admin can make snapshots"):
        snapshots.start(studio, reviewer, videos=False)
    snapshots.start(studio, project.owner_id, videos=False)
    with pytest.raises(StudioError, match="being made already"):
        snapshots.start(studio, project.owner_id, videos=False)
    name = snapshots.listing(studio)[0].name
    target = studio.settings.project / "snapshots" / name
    snapshots.write(studio, target, videos=False)
    query = dict(
        part.split("=") for part in snapshots.address(studio.secret, name, 1).split("?")[1].split("&")
    )
    assert snapshots.addressed(studio, name, query["u"], query["s"]) == target
    assert snapshots.addressed(studio, name, query["u"], "0" * 64) is None
    assert snapshots.addressed(studio, "../studio.db", query["u"], query["s"]) is None
    assert snapshots.addressed(studio, name, "²", query["s"]) is None
    snapshots.delete(studio, name, project.owner_id)
    assert not target.exists()


def test_an_empty_project_comes_back_empty(tmp_path):
    studio = create_project(load(tmp_path / "old", {}))
    file = snapshots.write(studio, tmp_path / "all.tar", videos=True)
    studio.close()
    report = restore.restore(file, load(tmp_path / "new", {}))
    assert (report.clips, report.missing) == (0, {})
