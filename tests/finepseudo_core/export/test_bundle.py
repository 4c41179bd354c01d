"""An exported model is whole, says what it is, and answers as the round's own."""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from finepseudo_core.config import RoundConfig
from finepseudo_core.errors import CheckpointError
from finepseudo_core.export import bundle, check, onnx_graph
from finepseudo_core.export.bundle import export_model, open_bundle
from finepseudo_core.export.manifest import FILES, MANIFEST, ExportError
from finepseudo_core.export.onnx_graph import open_graph
from finepseudo_core.export.weight_files import read_weights
from finepseudo_core.prediction import Predictor
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.models import Exemplars, Finished, Models, load_finished, save_models
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The clips and the result of a tiny round."""
    clips = make_clips(tmp_path_factory.mktemp("dives"))
    labelled, unlabelled, test = clips
    return clips, run(tiny_config(), labelled, unlabelled, tmp_path_factory.mktemp("round"), test=test)


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory) -> tuple[Path, check.Check]:
    """The round's model as files; read only."""
    (labelled, unlabelled, _), result = trained
    folder = tmp_path_factory.mktemp("exported") / "model"
    clips = [record.path for record in (*labelled, *unlabelled)]
    return folder, export_model(result.model, folder, sha256=result.model_sha256, clips=clips)


@pytest.fixture
def copied(exported, tmp_path) -> Path:
    """A copy of the exported model, to be spoilt."""
    return Path(shutil.copytree(exported[0], tmp_path / "copied"))


@pytest.fixture
def unwritten_graphs(monkeypatch, exported):
    """Graphs are copied from the exported model: writing them takes seconds, and is not what is tested."""

    def copy(network, clip, path, *, output, metadata):
        shutil.copy(exported[0] / path.name, path)

    monkeypatch.setattr(onnx_graph, "write_graph", copy)


def assert_same_networks(found: Finished, expected: Finished) -> None:
    ours = found.models.state_dict()
    theirs = {
        name: value
        for name, value in expected.models.state_dict().items()
        if not name.startswith("projection.")
    }
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    assert torch.equal(found.exemplars.embeddings, expected.exemplars.embeddings)
    assert torch.equal(found.exemplars.classes, expected.exemplars.classes)
    assert (found.exemplars.keys, found.classes) == (expected.exemplars.keys, expected.classes)
    assert found.config == expected.config
    assert not found.models.training


def test_every_file_is_there_and_nothing_else(exported):
    folder, _ = exported
    assert {path.name for path in folder.iterdir()} == {*FILES, MANIFEST}
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    modes = {path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert len(modes) == 1


@torch.no_grad()
def test_graphs_answer_as_the_networks_on_real_clips(trained, exported):
    (labelled, unlabelled, test), result = trained
    finished, (folder, found) = load_finished(result.model), exported
    with check.read_inputs(finished.config, [record.path for record in test]) as inputs:
        assert inputs.records
    assert (inputs.on, len(inputs.action)) == ("clips", len(test))
    logits = open_graph(folder / "f_E.onnx")(inputs.action)
    torch.testing.assert_close(logits, finished.models.action(inputs.action), atol=1e-5, rtol=1e-5)
    embeddings = open_graph(folder / "f_A.onnx")(inputs.alignability)
    torch.testing.assert_close(
        embeddings, finished.models.alignability(inputs.alignability), atol=1e-5, rtol=1e-5
    )
    assert (found.on, found.clips) == ("clips", 8)
    assert {(part.file, part.of) for part in found.differences} == {
        ("f_E.onnx", "logits"), ("f_E.onnx", "probabilities"),
        ("f_A.onnx", "embeddings"), ("f_A.onnx", "class probabilities"),
        ("f_E.safetensors", "weights"), ("f_A.safetensors", "weights"), ("f_A.safetensors", "exemplars"),
        ("f_E.safetensors", "answers of f_E"), ("f_A.safetensors", "answers of f_A"),
        ("f_E.safetensors and f_A.safetensors", "answers of both"),
    }  # fmt: skip
    assert all(part.largest <= part.tolerance for part in found.differences)


def test_safetensors_come_back_to_the_last_bit(trained, exported):
    assert_same_networks(open_bundle(exported[0]), load_finished(trained[1].model))


@pytest.mark.parametrize("by", ["f_E", "f_A", "both"])
def test_a_bundle_labels_clips_as_the_round_does(trained, exported, by):
    (_, _, test), result = trained
    ours, theirs = Predictor.from_bundle(exported[0], device="cpu"), Predictor(result.model, device="cpu")
    paths = [record.path for record in test[:2]]
    assert list(ours.predict(paths, by=by)) == list(theirs.predict(paths, by=by))


def test_a_bundle_whose_exemplars_lost_their_classes_is_not_written(
    trained, tmp_path, monkeypatch, unwritten_graphs
):
    (labelled, *_), result = trained
    finished = load_finished(result.model)
    sharp = finished.config.replace({"pseudo_labels.temperature": 1e-4})
    save_models(finished.models, sharp, finished.classes, tmp_path / "model.pt", finished.exemplars)

    def mixed_up(*arguments: object) -> Finished:
        found = read_weights(*arguments)
        exemplars = found.exemplars._replace(classes=found.exemplars.classes.flip(0))
        return found._replace(exemplars=exemplars)

    monkeypatch.setattr(check, "read_weights", mixed_up)
    with pytest.raises(ExportError, match=r"differ in answers of f_A of f_A\.safetensors by"):
        export_model(tmp_path / "model.pt", tmp_path / "new", clips=[labelled[0].path])
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def test_a_method_without_f_a_is_exported_with_the_answer_of_f_e_alone(trained, tmp_path, unwritten_graphs):
    (labelled, *_), result = trained
    finished = load_finished(result.model)
    config = finished.config.replace({"method": "fixmatch", "pseudo_labels.strategy": "confidence"})
    save_models(finished.models, config, finished.classes, tmp_path / "model.pt", finished.exemplars)
    found = export_model(tmp_path / "model.pt", tmp_path / "new", clips=[labelled[0].path])
    said = [part.of for part in found.differences if part.of.startswith("answers")]
    assert said == ["answers of f_E"]
    about = json.loads((tmp_path / "new" / MANIFEST).read_text(encoding="utf-8"))
    assert set(about["answer"]) == {"by", "f_E", "threshold", "below_threshold"}
    assert Predictor.from_bundle(tmp_path / "new", device="cpu").answers == ("f_E",)
    card = (tmp_path / "new" / "README.md").read_text(encoding="utf-8")
    assert "It was not trained, and answers nothing" in card
    assert '"both"' not in card


def test_model_json_tells_how_to_use_it(trained, exported):
    _, result = trained
    folder, found = exported
    about = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    config = load_finished(result.model).config
    assert about["classes"] == list(result.proposal.classes)
    assert RoundConfig.from_dict(about["config"]) == config
    look = about["preprocessing"]
    assert (look["f_E"]["frames"], look["f_E"]["stride"], look["f_E"]["size"]) == (4, 0, 24)
    assert (look["f_A"]["frames"], look["f_A"]["size"]) == (6, 24)
    assert (look["fit"], look["stored_side"], look["colour_order"]) == ("squash", 27, "RGB")
    assert look["layout"] == "(B, 3, T, H, W)"
    assert look["mean"] == [0.485, 0.456, 0.406]
    assert about["answer"]["by"] == "f_E"
    assert about["check"]["largest_difference"] == max(part.largest for part in found.differences)
    assert set(about["files"]) == set(FILES)
    assert set(about["versions"]) >= {"torch", "onnx", "onnxruntime", "safetensors"}


def test_the_snippets_of_the_card_run(trained, exported, tmp_path):
    (_, unlabelled, _), result = trained
    folder, _ = exported
    card = (folder / "README.md").read_text(encoding="utf-8")
    alone, with_ours = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    workplace = shutil.copytree(folder, tmp_path / "model")
    clip = shutil.copy(unlabelled[0].path, workplace / "clip.mp4")

    def say(source: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", source], cwd=workplace, capture_output=True, text=True,
            timeout=100, env={**os.environ, **environment},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    rows = [line.split(" ", 1) for line in say(alone).splitlines()]
    found = {name: float(probability) for probability, name in rows}
    finished = load_finished(result.model)
    config = finished.config.replace({"evaluation.clips": 1})
    save_models(finished.models, config, finished.classes, tmp_path / "one_view.pt", finished.exemplars)
    (expected,) = Predictor(tmp_path / "one_view.pt", device="cpu").predict([Path(clip)], by="f_E")
    assert found == pytest.approx(dict(expected.probabilities), abs=0.02)
    assert sum(found.values()) == pytest.approx(1, abs=0.01)
    (counts,) = Predictor(result.model, device="cpu").predict([Path(clip)])
    assert say(with_ours, PYTHONPATH=str(ROOT)) == f"{counts.confidence:.3f} {counts.best}\n"


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_noticed(copied, name):
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)
    with pytest.raises(ExportError, match=f"{name} in .* differs from its checksum"):
        open_bundle(copied)


def test_a_missing_file_and_an_odd_manifest_are_noticed(copied):
    about = json.loads((copied / MANIFEST).read_text(encoding="utf-8"))
    for changed, message in (
        ({**about, "format_version": 2}, "format version 2; this version reads 1"),
        ({**about, "format": "onnx"}, "describes no exported model"),
        ({**about, "files": {"../../x": {}}}, "does not list the files"),
    ):
        (copied / MANIFEST).write_text(json.dumps(changed), encoding="utf-8")
        with pytest.raises(ExportError, match=message):
            open_bundle(copied)
    (copied / MANIFEST).write_text(json.dumps(about), encoding="utf-8")
    (copied / "f_A.onnx").unlink()
    with pytest.raises(ExportError, match=r"lacks f_A\.onnx"):
        open_bundle(copied)
    (copied / MANIFEST).write_text("{", encoding="utf-8")
    with pytest.raises(ExportError, match=r"model\.json can't be read"):
        open_bundle(copied)


def test_a_taken_folder_is_refused_and_an_earlier_export_replaced_on_request(
    trained, copied, tmp_path, unwritten_graphs
):
    _, result = trained
    with pytest.raises(ExportError, match="is not empty"):
        export_model(result.model, copied)
    before = (copied / MANIFEST).read_bytes()
    (tmp_path / "file").write_text("taken")
    with pytest.raises(ExportError, match="is a file"):
        export_model(result.model, tmp_path / "file", replace=True)
    (copied / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match=r"more than an exported model \(notes.txt\)"):
        export_model(result.model, copied, replace=True)
    (copied / "notes.txt").unlink()
    assert (copied / MANIFEST).read_bytes() == before
    export_model(result.model, copied, replace=True)
    assert (copied / MANIFEST).read_bytes() != before
    open_bundle(copied)
    (tmp_path / "empty").mkdir()
    export_model(result.model, tmp_path / "empty")
    open_bundle(tmp_path / "empty")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copied", "empty", "file"]


@pytest.mark.parametrize("where", ["absent", "there"])
def test_a_model_that_answers_otherwise_is_not_written(
    trained, copied, tmp_path, monkeypatch, unwritten_graphs, where
):
    _, result = trained
    target = copied if where == "there" else tmp_path / "new"
    before = (copied / MANIFEST).read_bytes()

    def wrong(path: Path):
        answer = open_graph(path)
        return lambda clips: answer(clips) + 0.01

    monkeypatch.setattr(check, "open_graph", wrong)
    with pytest.raises(ExportError, match=r"differ in logits of f_E\.onnx by 0\.01, more than 0\.0001"):
        export_model(result.model, target, replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["copied"]
    assert (copied / MANIFEST).read_bytes() == before


def test_answers_that_are_no_numbers_never_pass(trained, tmp_path, monkeypatch, unwritten_graphs):
    monkeypatch.setattr(
        check, "open_graph", lambda path: lambda clips: open_graph(path)(clips) * float("nan")
    )
    with pytest.raises(ExportError, match=r"logits of f_E\.onnx by nan"):
        export_model(trained[1].model, tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_a_round_that_has_diverged_is_told_apart(trained, tmp_path, unwritten_graphs):
    finished = load_finished(trained[1].model)
    for value, error, message in (
        (3.4e38, ExportError, "own model answers with NaN"),
        (float("nan"), CheckpointError, "holds values that are not finite"),
    ):
        for weights in finished.models.action.classifier.parameters():
            torch.nn.init.constant_(weights, value)
        save_models(finished.models, finished.config, finished.classes, tmp_path / "m.pt", finished.exemplars)
        with pytest.raises(error, match=message):
            export_model(tmp_path / "m.pt", tmp_path / "new")
        assert [path.name for path in tmp_path.iterdir()] == ["m.pt"]


def test_nothing_is_left_of_an_export_that_is_broken_off(trained, tmp_path, monkeypatch):
    def interrupt(*arguments: object, **settings: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(onnx_graph, "write_graph", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export_model(trained[1].model, tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_an_earlier_export_stays_where_the_new_one_cannot_take_its_place(
    trained, copied, monkeypatch, unwritten_graphs
):
    before, rename = (copied / MANIFEST).read_bytes(), Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.name.endswith(".part"):
            raise OSError("no room")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="no room"):
        export_model(trained[1].model, copied, replace=True)
    assert (copied / MANIFEST).read_bytes() == before
    assert [path.name for path in copied.parent.iterdir()] == ["copied"]


def test_without_readable_clips_random_input_is_compared_and_said_so(trained, tmp_path, unwritten_graphs):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    clips = [tmp_path / "broken.mp4", tmp_path / "absent.mp4"]
    found = export_model(trained[1].model, tmp_path / "new", clips=clips)
    assert found.on == "random input"
    assert "random inputs, since there was no real clip" in (tmp_path / "new" / "README.md").read_text()
    assert json.loads((tmp_path / "new" / MANIFEST).read_text())["check"]["on"] == "random input"


def test_a_damaged_model_is_refused(trained, tmp_path):
    with pytest.raises(CheckpointError, match="damaged"):
        export_model(trained[1].model, tmp_path / "new", sha256="0" * 64)
    assert not list(tmp_path.iterdir())


def test_folders_of_weights_stay_at_home(trained, tmp_path, unwritten_graphs):
    finished = load_finished(trained[1].model)
    config = finished.config.replace({"alignability_encoder.weights": "/home/ada/secret/net.pt"})
    save_models(finished.models, config, finished.classes, tmp_path / "model.pt", finished.exemplars)
    export_model(tmp_path / "model.pt", tmp_path / "new")
    written = b"".join(path.read_bytes() for path in (tmp_path / "new").iterdir())
    assert b"net.pt" in written
    assert b"/home" not in written
    assert b"secret" not in written


@pytest.mark.slow
def test_a_large_encoder_is_exported_too(trained, tmp_path):
    """R(2+1)D-18 of torchvision, untrained, with a stride and cropped frames."""
    (labelled, *_), _ = trained
    config = tiny_config(
        action_encoder__name="r2plus1d_18", action_encoder__stride=2, action_encoder__size=32, fit="crop"
    )
    torch.manual_seed(0)
    models = Models(config, 2)
    exemplars = Exemplars(
        torch.nn.functional.normalize(torch.randn(2, 6, 8), dim=-1), torch.arange(2), ("a", "b")
    )
    save_models(models, config, ("x", "y"), tmp_path / "model.pt", exemplars)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        found = bundle.export_model(
            tmp_path / "model.pt", tmp_path / "new", clips=[record.path for record in labelled]
        )
    assert found.on == "clips"
    assert said.getvalue() == ""
    assert_same_networks(open_bundle(tmp_path / "new"), load_finished(tmp_path / "model.pt"))
