"""A folder of foreign videos becomes one that every reader here shows right, under the same names."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from finepseudo_core.datasets.formats import csv_folder
from finepseudo_core.errors import DatasetError
from finepseudo_core.video.__main__ import main, write_copies
from finepseudo_core.video.canonical import is_canonical
from finepseudo_core.video.decode import read_all
from tests.zoo import number_of

FOREIGN = {"edit.mp4": "edit list", "b/stream.ts": "transport stream", "b/clip.avi": "avi"}
ROWS = "path,label\n" + "".join(f"{name},dive\n" for name in FOREIGN)


@pytest.fixture
def source(zoo: dict[str, Path], tmp_path: Path) -> Path:
    folder = tmp_path / "foreign"
    (folder / "b").mkdir(parents=True)
    for name, animal in FOREIGN.items():
        shutil.copyfile(zoo[animal], folder / name)
    shutil.copyfile(zoo["tail cut off"], folder / "b" / "cut.mp4")
    (folder / "labels.csv").write_text(ROWS)
    (folder / ".hidden.mp4").write_bytes(b"x")
    return folder


def test_copies_keep_their_names_and_fit_the_annotation(source: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    copies = write_copies(source, tmp_path / "copies", lambda *done: seen.append(done))
    assert (copies.written, copies.kept) == (3, 0)
    assert seen == [(done, 4) for done in range(1, 5)]
    assert "cut.mp4" in copies.problems.pop("b/cut.mp4")
    assert copies.problems == {}
    listed = csv_folder.read(tmp_path / "copies", tmp_path / "copies" / "labels.csv")
    assert [clip.key for clip in listed.clips] == list(FOREIGN)
    assert all(is_canonical(clip.path) for clip in listed.clips)
    first = {name: number_of(read_all(tmp_path / "copies" / name)[0]) for name in FOREIGN}
    assert first == {"edit.mp4": 7, "b/stream.ts": 0, "b/clip.avi": 0}
    files = {path.relative_to(tmp_path / "copies").as_posix() for path in (tmp_path / "copies").rglob("*.*")}
    assert files == {*FOREIGN, "labels.csv"}


def test_what_is_there_is_kept_and_the_rest_goes_on(source: Path, tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "edit.mp4").write_bytes(b"mine")
    (tmp_path / "copies" / "labels.csv").write_text("mine")
    copies = write_copies(source, tmp_path / "copies")
    assert (copies.written, copies.kept) == (2, 1)
    assert (tmp_path / "copies" / "edit.mp4").read_bytes() == b"mine"
    assert (tmp_path / "copies" / "labels.csv").read_text() == "mine"


def test_copies_into_the_folder_itself_are_refused(source: Path) -> None:
    with pytest.raises(DatasetError, match="a folder beside it"):
        write_copies(source, source / "copies")
    with pytest.raises(DatasetError, match="is not a folder"):
        write_copies(source / "labels.csv", source)


def test_the_command_ends_well_unless_it_has_nothing_to_show(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(folder: Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["video", str(folder), str(tmp_path / "out")])
        return main(), capsys.readouterr().err

    broken = tmp_path / "broken"
    broken.mkdir()
    shutil.copyfile(source / "b" / "cut.mp4", broken / "cut.mp4")
    code, said = run(broken)
    assert code == 1
    assert "\ncut.mp4: " in said
    assert said.endswith("0 written, 0 there already, 1 left out\n")
    assert run(tmp_path / "nowhere")[0] == 2
    command = [sys.executable, "-m", "finepseudo_core.video", source, tmp_path / "out"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    assert ended.stderr.endswith("3 written, 0 there already, 1 left out\n")
