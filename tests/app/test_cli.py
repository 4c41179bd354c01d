"""The command line, in-process and with a real project."""

import csv
import json
import shutil
import sqlite3

import pytest

from app import artifacts
from app.cli import main
from app.services import users
from app.services.studio import create_project, open_studio
from app.settings import load
from db.repositories import clips

SMALL = (
    "action_encoder.width=4", "action_encoder.frames=4", "action_encoder.size=24",
    "alignability_encoder.frames=6", "alignability_encoder.size=24", "pretraining.epochs=1",
    "self_training.alignability_epochs=2", "self_training.action_epochs=2", "self_training.epochs=1",
    "pseudo_labels.threshold=0.0", "device=cpu",
)  # fmt: skip


@pytest.fixture
def project(tmp_path):
    create_project(load(tmp_path / "project", {})).close()
    return tmp_path / "project"


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    code = main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_wrong_project_is_one_sentence_and_no_traceback(capsys, tmp_path):
    code, out, err = run(capsys, "users", "list", "--project", tmp_path / "nowhere")
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert "There is no project in" in err


def test_people_are_added_listed_given_a_new_token_and_removed(capsys, project):
    code, out, _ = run(capsys, "users", "add", "--project", project, "Ada", "--role", "admin")
    assert code == 0
    first = out.rpartition("token=")[2].strip()
    run(capsys, "users", "add", "--project", project, "Max")
    _, out, _ = run(capsys, "users", "list", "--project", project)
    assert [line.split("\t")[:2] for line in out.splitlines()] == [["Ada", "admin"], ["Max", "reviewer"]]
    _, out, _ = run(capsys, "users", "token", "--project", project, "Ada")
    second = out.rpartition("token=")[2].strip()
    studio = open_studio(load(project, {}))
    assert users.sign_in(studio, first) is None
    assert users.sign_in(studio, second).name == "Ada"
    studio.close()
    assert run(capsys, "users", "remove", "--project", project, "Max")[0] == 0
    _, out, _ = run(capsys, "users", "list", "--project", project)
    assert "Max" not in out
    code, _, err = run(capsys, "users", "remove", "--project", project, "Max")
    assert (code, err) == (2, "There is nobody called 'Max'; `users list` shows who is there.\n")


def test_a_backup_is_a_complete_database(capsys, project, tmp_path):
    run(capsys, "users", "add", "--project", project, "Ada")
    target = tmp_path / "copy.db"
    assert run(capsys, "backup", "--project", project, "--output", target)[1] == f"{target}\n"
    with sqlite3.connect(target) as copy:
        assert copy.execute("select name from users").fetchall() == [("Ada",)]
        assert copy.execute("pragma integrity_check").fetchone() == ("ok",)
    copy.close()


def test_upgrading_a_current_database_changes_nothing(capsys, project):
    assert run(capsys, "upgrade", "--project", project) == (0, "The database is current.\n", "")


def test_the_doctor_names_the_clip_whose_file_is_gone(capsys, imported_project, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(imported_project, project)
    studio = open_studio(load(project, {}))
    with studio.database.read() as session:
        clip = clips.get(session, clip_id=3)
    studio.close()
    artifacts.inside(studio.settings, clip.path).unlink()
    code, out, _ = run(capsys, "doctor", "--project", project)
    assert code == 1
    found = {line.split(":")[0]: line for line in out.splitlines()}
    assert found["PROBLEM clips"] == (
        f"PROBLEM clips: 1 files are missing ({clip.key}, …); import them again"
    )
    assert "ok      verdicts" in found
    assert "ok      database" in found
    assert "PROBLEM worker" in found


def test_the_doctor_says_how_to_make_a_project(capsys, tmp_path):
    code, out, _ = run(capsys, "doctor", "--project", tmp_path / "nowhere")
    assert code == 1
    assert "PROBLEM project: There is no project in" in out


def test_a_dry_run_changes_nothing_and_lists_bad_rows(capsys, drawn, tmp_path):
    folder, names = drawn
    listed = tmp_path / "list.csv"
    rows = [f"{name},{direction}" for name, direction in names.items()]
    listed.write_text("\n".join(["path,label", *rows, "gone.mp4,up"]) + "\n")
    create_project(load(tmp_path / "project", {})).close()
    code, out, _ = run(
        capsys, "import", "--project", tmp_path / "project", folder, "--labels", listed, "--dry-run"
    )
    assert code == 0
    assert out.splitlines()[0].startswith("left out: line 26: ")
    assert "gone.mp4" in out.splitlines()[0]
    assert out.splitlines()[1].startswith("24 clips of 4 classes come in: 24 labelled, 0 with their label")
    studio = open_studio(load(tmp_path / "project", {}))
    with studio.database.read() as session:
        assert clips.keys(session) == set()
    studio.close()


def test_from_folder_to_round_to_export_without_the_web_app(capsys, drawn, tmp_path):
    folder, names = drawn
    listed, project = tmp_path / "list.csv", tmp_path / "project"
    listed.write_text("path,label\n" + "".join(f"{name},{direction}\n" for name, direction in names.items()))
    code, out, _ = run(
        capsys, "import", "--project", project, folder, "--labels", listed, "--labelled-share", "0.5",
        "--test-share", "0.2", "--wait",
    )  # fmt: skip
    assert code == 0
    assert "import succeeded: 24 clips ready, 0 unreadable" in out
    changes = [part for setting in SMALL for part in ("--set", setting)]
    code, out, _ = run(capsys, "round", "--project", project, "--preset", "cpu-demo", "--wait", *changes)
    assert code == 0
    lines = out.splitlines()
    assert any(line.startswith("round 1 succeeded in ") and line.endswith(" s on cpu") for line in lines)
    assert "accepted 8 of 8 pseudo-labels" in lines
    assert any(line.startswith("precision 0.") and line.endswith(" of 8 with known truth") for line in lines)
    assert any(line.startswith("test top-1 ") for line in lines)
    code, out, _ = run(capsys, "export", "--project", project, "--output", tmp_path / "labels.csv")
    assert code == 0
    assert len((tmp_path / "labels.csv").read_text().splitlines()) > 16

    code, out, _ = run(
        capsys, "predict", folder, "--project", project, "--by", "both", "--least", "0",
        "--output", tmp_path / "guessed.csv",
    )  # fmt: skip
    assert code == 0
    assert out == ""  # progress goes to standard error, where it spoils no result
    with (tmp_path / "guessed.csv").open(newline="", encoding="utf-8") as file:
        guessed = {row["path"]: row for row in csv.DictReader(file)}
    assert guessed.keys() == names.keys()
    assert {row["label"] for row in guessed.values()} <= set(names.values())
    assert all(
        0 <= float(row["confidence"]) <= 1 and row["nearest"].count(";") == 4 for row in guessed.values()
    )
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "=1+1.mp4").write_bytes(b"no video")
    code, _, err = run(
        capsys, "predict", tmp_path / "odd", "--project", project, "--format", "jsonl",
        "--output", tmp_path / "odd.jsonl",
    )  # fmt: skip
    assert code == 1
    assert "=1+1.mp4" in err
    row = json.loads((tmp_path / "odd.jsonl").read_text())
    assert (row["path"], row["label"], row["confidence"]) == ("=1+1.mp4", None, None)
    assert row["problem"]


def test_predicting_without_a_finished_round_says_what_to_do(capsys, project, tmp_path):
    code, _, err = run(capsys, "predict", tmp_path, "--project", project)
    assert (code, err.count("\n")) == (2, 1)
    assert "train one first" in err
    code, _, err = run(capsys, "predict", tmp_path, "--project", project, "--round", "7")
    assert code == 2
    assert "no finished round 7" in err


def test_a_wrong_setting_is_named(capsys, project):
    code, _, err = run(capsys, "round", "--project", project, "--set", "pseudo_labels.treshold=0.7")
    assert code == 2
    assert "unknown setting 'pseudo_labels.treshold'" in err
    code, _, err = run(capsys, "round", "--project", project, "--set", "threshold")
    assert (code, err) == (2, "--set 'threshold' has no '='; write it like pseudo_labels.threshold=0.7.\n")
