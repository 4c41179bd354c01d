"""A round from the command line, without the studio."""

import json
import sys

from finepseudo_core.datasets import label_splits
from finepseudo_core.datasets.dataset import Dataset
from finepseudo_core.selftraining import __main__ as command_line
from finepseudo_core.selftraining.models import load_models
from finepseudo_core.video.decode import read_frames
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config
from tests.zoo import number_of, write_video


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
    per_class = figures["accepted_per_class"]
    assert len(per_class) == 4
    assert sum(accepted for accepted, _ in per_class.values()) == figures["metrics"]["accepted"]
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


def test_parts_of_a_video_are_cut_out_and_short_clips_left_out(tmp_path, monkeypatch, capsys):
    write_video(tmp_path / "a.mp4", range(40), rate=10)
    rows = ["a.mp4,x,train,0,1", "a.mp4,x,train,2,3", "a.mp4,y,train,3,4", "a.mp4,y,train,1,1.2"]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label,split,start,end", *rows]) + "\n")
    trained = {}
    monkeypatch.setattr(command_line, "run", lambda config, *lists, **_: trained.update(lists=lists))
    monkeypatch.setattr(command_line, "write", lambda *_: None)
    arguments = [str(tmp_path), "--workspace", str(tmp_path / "round"), "--least-frames", "5"]
    monkeypatch.setattr(sys, "argv", ["selftraining", *arguments])
    assert command_line.main() == 0
    labelled, unlabelled, _ = trained["lists"]
    assert [record.key for record in labelled] == ["a.mp4#0-1", "a.mp4#2-3", "a.mp4#3-4"]
    assert {record.path.parent for record in labelled} == {tmp_path / "round" / "cuts"}
    assert [number_of(read_frames(record.path, [0])[0]) for record in labelled] == [0, 20, 30]
    assert unlabelled == []
    assert "a.mp4#1-1.2: the clip has 2 frames, fewer than the 5 asked for" in capsys.readouterr().err


def test_missing_videos_are_told_and_left_out(tmp_path, capsys):
    for name in "abcd":
        (tmp_path / f"{name}.mp4").write_bytes(b"")
    rows = ["a.mp4,x", "b.mp4,x", "gone.mp4,x", "c.mp4,y", "d.mp4,y"]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    labelled, unlabelled, test = command_line.read_clips(Dataset(tmp_path), 1.0, 0)
    assert sorted(record.key for record in labelled) == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]
    assert not unlabelled
    assert not test
    assert "left out: line 4: gone.mp4: there is no such file" in capsys.readouterr().err


def test_a_split_file_says_what_is_labelled(tmp_path):
    for number in range(12):
        (tmp_path / f"{number}.mp4").write_bytes(b"")
    rows = [f"{number}.mp4,{'xy'[number % 2]}" for number in range(12)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    drawn = label_splits.split({row.split(",")[0]: row.split(",")[1] for row in rows}, 0.5, seed=7)
    label_splits.write(drawn, tmp_path / "split.json")
    split = tmp_path / "split.json"
    labelled, unlabelled, _ = command_line.read_clips(Dataset(tmp_path), 1.0, 0, split=split)
    assert tuple(sorted(record.key for record in labelled)) == drawn.labelled
    assert len(unlabelled) == 6
    assert {record.truth for record in unlabelled} == {"x", "y"}
    labelled[0].path.unlink()
    unlabelled[0].path.unlink()
    fewer, others, _ = command_line.read_clips(Dataset(tmp_path), 1.0, 0, split=split)
    assert (fewer, others) == (labelled[1:], unlabelled[1:])


def test_any_annotation_will_do(tmp_path):
    names = [f"v{number}" for number in range(4)]
    for name in names:
        (tmp_path / f"{name}.mp4").write_bytes(b"")
    (tmp_path / "Diving48_vocab.json").write_text(json.dumps([["Back"], ["Forward"]]))
    entries = [
        {"vid_name": name, "label": place % 2, "start_frame": 0, "end_frame": 30}
        for place, name in enumerate([*names, "gone"])
    ]
    (tmp_path / "Diving48_V2_train.json").write_text(json.dumps(entries))
    labelled, _, _ = command_line.read_clips(Dataset(tmp_path, "diving48"), 1.0, 0)
    assert sorted((record.path.name, record.label) for record in labelled) == [
        ("v0.mp4", "Back"),
        ("v1.mp4", "Forward"),
        ("v2.mp4", "Back"),
        ("v3.mp4", "Forward"),
    ]
