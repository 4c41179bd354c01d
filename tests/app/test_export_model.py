"""`export-model` on a project with a finished round."""

import contextlib
import io
import json
import re
import shutil
from pathlib import Path

import pytest

from app import artifacts
from app.cli import main
from app.services import model_exports
from app.services.studio import create_project, open_studio
from app.settings import load
from finepseudo_core.export.bundle import open_bundle
from finepseudo_core.export.manifest import FILES, MANIFEST
from tests.app.worker import squares


@pytest.fixture(scope="module")
def finished_project(imported_project, tmp_path_factory):
    """A project with a finished round; read only."""
    project = tmp_path_factory.mktemp("finished") / "project"
    shutil.copytree(imported_project, project)
    opened = open_studio(load(project, {}))
    job = squares.queue_round(opened, pseudo_labels__threshold=0.0)
    assert squares.work(opened, job, seconds=200) == "succeeded"
    opened.close()
    return project


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture(scope="module")
def exported(finished_project, tmp_path_factory) -> tuple[Path, str]:
    """The folder that `export-model` wrote of it, and what the command said; read only."""
    target = tmp_path_factory.mktemp("models") / "models" / "squares"
    arguments = "export-model", "--project", str(finished_project), str(target), "--data-licence", "ours"
    said, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        assert (main(arguments), complained.getvalue()) == (0, "")
    return target, said.getvalue()


def test_a_finished_round_is_exported_with_what_its_project_knows(capsys, finished_project, exported, drawn):
    target, out = exported
    assert "f_E.onnx: logits differ by " in out
    assert " at most, on 8 clips" in out
    assert out.splitlines()[-1].startswith(f"{target} holds the model of round 1")
    assert {path.name for path in target.iterdir()} == {*FILES, MANIFEST}
    assert open_bundle(target).classes == tuple(sorted(squares.DIRECTIONS))

    about = json.loads((target / MANIFEST).read_text(encoding="utf-8"))["round"]
    assert about["labelled"] == dict.fromkeys(sorted(squares.DIRECTIONS), 2)
    assert (about["unlabelled"], about["test"], about["proposed"], about["counted"]) == (12, 4, 12, "clips")
    assert sum(about["accepted"].values()) == about["known_precision"]["of"] == 12
    assert (about["round"], about["preset"], about["device"], about["continues"]) == (
        1,
        "cpu-demo",
        "cpu",
        None,
    )
    assert about["project"] == "project"
    assert about["sources"] == [{"folder": drawn[0].name, "annotation": None, "clips": 24}]
    assert about["reviewed_precision"] is None
    studio = open_studio(load(finished_project, {}))
    with studio.database.read() as session:
        metrics = squares.rounds.active(session).metrics
    studio.close()
    assert about["top1"]["f_E"]["right"] / 4 == pytest.approx(metrics["test_top1"])
    card = (target / "README.md").read_text(encoding="utf-8")
    assert re.search(r"- f_E: \d\.\d{3} \[.*\], \d of 4 clips", card)
    assert "- data: ours" in card
    assert f"- project: project\n- clips of {drawn[0].name}: 24\n" in card
    for path in target.iterdir():
        assert str(drawn[0].parent).encode() not in path.read_bytes(), path.name

    code, _, err = run(capsys, "export-model", "--project", finished_project, target)
    assert (code, err.count("\n")) == (2, 1)
    assert "is not empty" in err


def test_an_exported_model_predicts_as_its_round_and_needs_no_project(
    capsys, finished_project, exported, drawn, tmp_path
):
    target, _ = exported
    clip = shutil.copy(drawn[0] / "00_down.mp4", tmp_path / "new.mp4")
    guessed = {}
    for name, where in (("round", ("--project", finished_project)), ("bundle", ("--model", target))):
        code, guessed[name], _ = run(capsys, "predict", clip, *where, "--by", "both", "--format", "jsonl")
        assert code == 0
    assert guessed["bundle"] == guessed["round"]
    assert json.loads(guessed["bundle"])["nearest"]
    code, _, err = run(capsys, "predict", clip, "--model", tmp_path)
    assert code == 2
    assert "Give the folder of an exported model" in err


def test_clips_that_took_no_part_are_not_counted(finished_project, tmp_path):
    project = shutil.copytree(finished_project, tmp_path / "project")
    studio = open_studio(load(project, {}))
    keys = artifacts.round_folder(studio.settings, 1) / "embedding_keys.json"
    listed = json.loads(keys.read_text())
    gone = "02_right.mp4", "08_down.mp4", "23_up.mp4"  # labelled, for testing, and unlabelled
    keys.write_text(json.dumps([key for key in listed if key not in gone]))
    fewer = model_exports.source(studio, 1).facts
    keys.unlink()
    unsure = model_exports.source(studio).facts
    studio.close()
    assert (sum(fewer.labelled.values()), fewer.unlabelled, fewer.test) == (7, 11, 3)
    assert (unsure.counted, unsure.test, unsure.top1) == ("snapshot", 4, {})


def test_without_a_finished_round_it_says_what_to_do(capsys, tmp_path):
    create_project(load(tmp_path / "project", {})).close()
    code, _, err = run(capsys, "export-model", "--project", tmp_path / "project", tmp_path / "out")
    assert (code, err.count("\n")) == (2, 1)
    assert "train one first" in err
    code, _, err = run(
        capsys, "export-model", "--project", tmp_path / "project", "--round", 7, tmp_path / "out"
    )
    assert code == 2
    assert "no finished round 7" in err
    assert not (tmp_path / "out").exists()
