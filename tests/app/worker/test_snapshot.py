"""A snapshot made by the worker, restored by the command line: the clips are there and are read again."""

from app import cli
from app.services import datasets, snapshots, users
from app.services.studio import open_studio
from app.settings import load
from tests.app.worker import squares


def test_the_worker_makes_it_and_the_command_line_restores_it(imported, tmp_path, capsys):
    users.ensure_owner(imported)
    owner = users.listing(imported)[0].id
    assert squares.work(imported, snapshots.start(imported, owner, videos=True)) == "succeeded"
    card = snapshots.listing(imported)[0]
    file = imported.settings.project / "snapshots" / card.name
    assert card.bytes == file.stat().st_size > 0
    assert cli.main(["restore", str(file), "--project", str(tmp_path / "new")]) == 0
    assert "holds 24 clips" in capsys.readouterr().out
    restored = open_studio(load(tmp_path / "new", {}))
    assert datasets.clips(restored).clips == datasets.clips(imported).clips
    assert snapshots.listing(restored)[0].state == "cancelled", "it was at work when it copied the database"
    restored.close()


def test_without_videos_the_worker_reads_the_sources_again(imported, tmp_path, capsys):
    file = tmp_path / "small.tar"
    project = ["--project", str(imported.settings.project)]
    assert cli.main(["snapshot", str(file), *project]) == 0
    assert cli.main(["snapshot", str(file), *project]) == cli.REFUSED
    assert (
        cli.main(["restore", str(file), "--project", str(tmp_path / "new"), "--videos", "nonsense"])
        == cli.REFUSED
    )
    assert cli.main(["restore", str(file), "--project", str(tmp_path / "new")]) == 0
    assert "24 videos are not in the snapshot" in capsys.readouterr().out
    restored = open_studio(load(tmp_path / "new", {}))
    assert squares.work(restored, datasets.imports(restored)[0].job_id) == "succeeded"
    assert [(card.key, card.sha256, card.state) for card in datasets.clips(restored).clips] == [
        (card.key, card.sha256, card.state) for card in datasets.clips(imported).clips
    ]
    restored.close()
