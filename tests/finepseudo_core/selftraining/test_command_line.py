"""A round from the command line, without the studio."""

import json
import sys

import pytest

from finepseudo_core.selftraining import __main__ as command_line
from finepseudo_core.selftraining.models import load_models
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config


def settings() -> list[str]:
    changes = tiny_config(self_training__iterations=0, pretraining__epochs=1).changes()
    return [part for name, value in changes.items() for part in ("--set", f"{name}={json.dumps(value)}")]


def test_it_leaves_model_figures_and_pseudo_labels(tmp_path, monkeypatch, capsys):
    make_clips(tmp_path / "dives")
    workspace = tmp_path / "round"
    arguments = [
        str(tmp_path / "dives"),
        "--workspace",
        str(workspace),
        "--labelled-share",
        "0.4",
        *settings(),
    ]
    monkeypatch.setattr(sys, "argv", ["selftraining", *arguments])
    assert command_line.main() == 0
    figures = json.loads((workspace / "result.json").read_text())
    load_models(workspace / "model.pt", sha256=figures["model_sha256"])
    lines = [json.loads(line) for line in (workspace / "pseudo-labels.jsonl").read_text().splitlines()]
    assert len(lines) >= 12
    assert {"key", "label", "confidence", "alignability", "accepted"} == set(lines[0])
    told = capsys.readouterr().err
    assert "alignability: " in told
    assert "accuracy" in told


def test_what_cannot_be_done_is_said_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["selftraining", str(tmp_path / "none"), "--workspace", str(tmp_path)])
    assert command_line.main() == 2
    assert "is not a folder" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["selftraining", "x", "--workspace", "y", "--set", "seed"])
    assert command_line.main() == 2
    assert "has no '='" in capsys.readouterr().err


@pytest.mark.parametrize("row", ["a.mp4,x,train,1,2", "gone.mp4,x,train,,"])
def test_a_row_that_cannot_be_used_stops_it(tmp_path, row):
    (tmp_path / "a.mp4").write_bytes(b"")
    (tmp_path / "labels.csv").write_text(f"path,label,split,start,end\n{row}\n")
    with pytest.raises(command_line.DatasetError, match="part of a video|no such file"):
        command_line.read_clips(tmp_path, None, 1.0, 0)
