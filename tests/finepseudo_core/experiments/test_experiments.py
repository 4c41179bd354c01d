"""A table runs, caches, resumes, and says what came out."""

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from finepseudo_core.config import ConfigError, RoundConfig
from finepseudo_core.datasets import synthetic_dives
from finepseudo_core.datasets.dataset import Dataset
from finepseudo_core.errors import DatasetError
from finepseudo_core.experiments import __main__ as command
from finepseudo_core.experiments import runs, sweep
from finepseudo_core.experiments.clips import divide, without_labels_of_some
from finepseudo_core.experiments.report import COLUMNS, markdown, overview, sign_flip_test, values
from finepseudo_core.experiments.tables import SCALES, TABLES, rows_of, settings_of
from tests.finepseudo_core.selftraining.tiny import tiny_config
from tests.zoo import write_video


@pytest.fixture(scope="module")
def dives(tmp_path_factory) -> Path:
    """A folder of 40 dives of four classes by five divers."""
    folder = tmp_path_factory.mktemp("experiment") / "dives"
    synthetic_dives.generate(folder, clips=40, classes=4, size=32, seed=1, processes=1)
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["path", "label", "diver"])
        writer.writeheader()
        for place, row in enumerate(rows):
            writer.writerow({"path": row["path"], "label": row["label"], "diver": f"d{place % 5}"})
    return folder


@pytest.mark.parametrize("table", TABLES)
def test_every_row_of_every_table_is_a_valid_round(table):
    for row in TABLES[table].rows:
        for settings in (settings for scale in SCALES.values() for settings in scale.values()):
            RoundConfig().replace({**settings, **TABLES[table].common, **row.changes})
    names = [row.name for row in TABLES[table].rows]
    assert len(set(names)) == len(names)
    assert set(TABLES[table].claim) <= set(names)
    assert set(TABLES[table].columns) <= set(COLUMNS)


def test_clips_are_divided_by_class_and_the_split_is_kept(dives, tmp_path):
    first = divide(Dataset(dives), 0.2, 0, hold_out=None, scratch=tmp_path)
    again = divide(Dataset(dives), 0.2, 0, hold_out=None, scratch=tmp_path)
    other = divide(Dataset(dives), 0.2, 1, hold_out=None, scratch=tmp_path)
    assert first == again
    assert first.test == other.test
    assert first.labelled != other.labelled
    assert len(first.labelled) + len(first.unlabelled) + len(first.test) == 40
    assert {record.label for record in first.labelled} == {record.truth for record in first.test}
    assert all(record.label is None for record in (*first.unlabelled, *first.test))
    assert (tmp_path / "labels-0.2-seed0.json").exists()
    by_diver = divide(Dataset(dives), 0.2, 0, hold_out="diver", scratch=tmp_path)  # a split of its own
    assert by_diver.test != first.test


def test_whole_groups_are_held_out_and_validation_never_sees_the_test_clips(dives, tmp_path):
    with (dives / "labels.csv").open(newline="", encoding="utf-8") as file:
        diver = {row["path"]: row["diver"] for row in csv.DictReader(file)}
    clips = divide(Dataset(dives), 0.2, 0, hold_out="diver", scratch=tmp_path)
    tested = {diver[record.key] for record in clips.test}
    assert len(tested) == 1
    assert tested.isdisjoint(diver[record.key] for record in (*clips.labelled, *clips.unlabelled))
    tuning = divide(Dataset(dives), 0.2, 0, hold_out="diver", validation=True, scratch=tmp_path)
    seen = {record.key for record in (*tuning.labelled, *tuning.unlabelled, *tuning.test)}
    assert seen.isdisjoint(record.key for record in clips.test)
    assert {diver[record.key] for record in tuning.test}.isdisjoint(tested)


def test_the_test_clips_of_a_data_set_are_taken_as_they_are(dives, tmp_path):
    with (dives / "labels.csv").open(newline="", encoding="utf-8") as file:
        diver = {row["path"]: row["diver"] for row in csv.DictReader(file)}
    clips = divide(Dataset(dives), 0.2, 0, hold_out="diver=d3", scratch=tmp_path)
    assert {record.key for record in clips.test} == {key for key, name in diver.items() if name == "d3"}
    tuning = divide(Dataset(dives), 0.2, 0, hold_out="diver=d3", validation=True, scratch=tmp_path)
    assert "d3" not in {diver[record.key] for record in (*tuning.test, *tuning.labelled, *tuning.unlabelled)}
    with pytest.raises(DatasetError, match="0 of 40 clips have diver 'd9'; name a value that some have"):
        divide(Dataset(dives), 0.2, 0, hold_out="diver=d9", scratch=tmp_path)


def test_a_missing_column_is_named(dives, tmp_path):
    with pytest.raises(DatasetError, match="no column 'speaker'.*; it has path, label, diver"):
        divide(Dataset(dives), 0.2, 0, hold_out="speaker", scratch=tmp_path)


def test_any_annotation_will_do_and_its_own_test_clips(tmp_path, capsys):
    for number in range(12):
        (tmp_path / f"v{number}.mp4").write_bytes(b"")
    (tmp_path / "Diving48_vocab.json").write_text(json.dumps([["Back"], ["Forward"]]))
    for split, numbers in (("train", [*range(8), 99]), ("test", range(8, 12))):
        entries = [
            {"vid_name": f"v{number}", "label": number % 2, "start_frame": 0, "end_frame": 30}
            for number in numbers
        ]
        (tmp_path / f"Diving48_V2_{split}.json").write_text(json.dumps(entries))
    data = Dataset(tmp_path, "diving48")
    clips = divide(data, 0.5, 0, hold_out="split=test", scratch=tmp_path / "scratch")
    assert {record.path.stem for record in clips.test} == {"v8", "v9", "v10", "v11"}
    assert len(clips.labelled) == len(clips.unlabelled) == 4
    assert {record.truth for record in clips.unlabelled} == {"Back", "Forward"}
    divide(data, 0.5, 1, hold_out="split=test", scratch=tmp_path / "scratch")
    assert capsys.readouterr().err.count("v99.*") == 1
    with pytest.raises(DatasetError, match="diving48 has no column 'speaker'; it has label and split"):
        divide(data, 0.5, 0, hold_out="speaker", scratch=tmp_path)


def test_a_missing_video_moves_no_other_clip(tmp_path):
    for number in range(24):
        (tmp_path / f"{number:02d}.mp4").write_bytes(b"")
    rows = [f"{number:02d}.mp4,{'ab'[number % 2]},{number // 4}" for number in range(24)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label,scene", *rows]) + "\n")
    whole = {
        hold_out: divide(Dataset(tmp_path), 0.4, 0, hold_out=hold_out, scratch=tmp_path / "scratch")
        for hold_out in (None, "scene")
    }
    first = whole[None]
    gone = {first.labelled[0].key, first.unlabelled[0].key, first.test[0].key}
    for key in gone:
        (tmp_path / key).unlink()
    for scratch in ("scratch", "fresh"):  # the split that is there, and one drawn now
        data = Dataset(tmp_path, cuts=tmp_path / scratch)
        for hold_out, before in whole.items():
            clips = divide(data, 0.4, 0, hold_out=hold_out, scratch=tmp_path / scratch)
            for name in ("labelled", "unlabelled", "test"):
                left = tuple(record for record in getattr(before, name) if record.key not in gone)
                assert getattr(clips, name) == left


def test_which_clips_of_a_folder_tells_results_apart(tmp_path):
    names = [Dataset(Path("gym"), name).name for name in ("finegym", "finegym288", "finegym288:VT")]
    assert names == ["gym", "gym-finegym288", "gym-finegym288-VT"]
    assert Dataset(Path("ssv2"), "ssv2:lists/mini.txt", least_frames=8).name == "ssv2-ssv2-mini-least8"
    lists = [tmp_path / folder / "mini.txt" for folder in "abc"]
    for place, content in zip(
        lists, ("Pushing something", "Pulling something", "Pushing something"), strict=True
    ):
        place.parent.mkdir()
        place.write_text(content)
    first, second, third = (Dataset(Path("ssv2"), f"ssv2:{place}").name for place in lists)
    assert first == third != second


def test_parts_of_videos_are_cut_out_for_an_experiment(tmp_path):
    write_video(tmp_path / "meet.mp4", range(80), rate=10)
    rows = [f"meet.mp4,{'ab'[second % 2]},{second},{second + 1},{second // 2}" for second in range(8)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label,start,end,heat", *rows]) + "\n")
    data = Dataset(tmp_path, cuts=tmp_path / "cuts")
    clips = divide(data, 0.5, 0, hold_out=None, scratch=tmp_path / "scratch")
    everything = (*clips.labelled, *clips.unlabelled, *clips.test)
    assert {record.path.parent for record in everything} == {tmp_path / "cuts"}
    assert len({record.path for record in everything}) == 8
    last = divide(data, 0.5, 0, hold_out="heat=3", scratch=tmp_path / "scratch").test
    assert [record.key for record in last] == ["meet.mp4#6-7", "meet.mp4#7-8"]


def test_groups_are_held_out_whatever_the_list_is_separated_by(tmp_path):
    for number in range(8):
        (tmp_path / f"{number}.mp4").write_bytes(b"")
    rows = [f"{number}.mp4;{'ab'[number % 2]};{number // 2}" for number in range(8)]
    (tmp_path / "labels.csv").write_text("\n".join(["path;label;scene", *rows]) + "\n", encoding="utf-8-sig")
    clips = divide(Dataset(tmp_path), 0.5, 0, hold_out="scene=3", scratch=tmp_path / "scratch")
    assert {record.key for record in clips.test} == {"6.mp4", "7.mp4"}


def test_clips_without_a_class_are_left_out(tmp_path, capsys):
    for number in range(9):
        (tmp_path / f"{number}.mp4").write_bytes(b"")
    labels = [f"{number}.mp4,{'ab'[number % 2]}" for number in range(8)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *labels, "8.mp4,"]) + "\n")
    clips = divide(Dataset(tmp_path), 0.5, 0, hold_out=None, scratch=tmp_path / "scratch")
    assert len(clips.labelled) + len(clips.unlabelled) + len(clips.test) == 8
    assert "left out: 1 clips without a class, 8.mp4 first" in capsys.readouterr().err
    (tmp_path / "none").mkdir()
    with pytest.raises(DatasetError, match="no clip whose class is known"):
        divide(Dataset(tmp_path / "none"), 0.5, 0, hold_out=None, scratch=tmp_path)


def test_a_table_runs_once_and_is_then_read(dives, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sweep, "settings_of", lambda scale, data: {})
    monkeypatch.setattr(sweep, "preset", lambda name: tiny_config())
    arguments = ["experiments", "6", "--data", str(dives), "--seeds", "2", "--shares", "0.25"]
    folders = ["--scratch", str(tmp_path / "scratch"), "--results", str(tmp_path / "results")]
    monkeypatch.setattr(sys, "argv", [*arguments, *folders])
    assert command.main() == 0
    printed = capsys.readouterr().out
    for row in TABLES["6"].rows:
        assert f"| {row.name} |" in printed
    assert "collaborative minus pseudo-labels of f_E (PL)" in printed
    content = json.loads((tmp_path / "results" / "dives" / "table-6-0.25.json").read_text())
    again = "python -m finepseudo_core.experiments 6 --data dives --seeds 2 --shares 0.25"
    assert content["command"] == again
    for row in TABLES["6"].rows:
        seeds = content["runs"][row.name]
        assert [run["config"]["seed"] for run in seeds] == [0, 1]
        for run in seeds:
            assert 0 <= run["metrics"]["test_top1"] <= 1
            assert run["coverage_counts"][-1] == run["clips"]["unlabelled"]
            assert run["coverage"]["f_E"][-1] == pytest.approx(run["metrics"]["accuracy_action"])
            assert sum(count for count, _ in run["accepted_per_class"].values()) == run["metrics"]["accepted"]
    assert [bar["name"] for bar in content["figure"]["data"]] == [
        "f_E",
        "f_A",
        "both",
        "paper (Diving48, 10 %)",
    ]

    monkeypatch.setattr(sys, "argv", [*arguments, "0.5", *folders, "--rows", "collaborative"])
    assert command.main() == 0
    printed = capsys.readouterr().out
    assert printed.count("-- ") == 4  # and the rows that were run before are reported
    beside = json.loads((tmp_path / "results" / "dives" / "table-6-0.25-0.5.json").read_text())
    assert beside["markdown"] in printed
    assert beside["command"].endswith("--shares 0.25 0.5")
    one = json.loads((tmp_path / "results" / "dives" / "table-6-0.5.json").read_text())
    assert one["command"].endswith("--shares 0.5 --rows collaborative")
    again = json.loads((tmp_path / "results" / "dives" / "table-6-0.25.json").read_text())
    assert again == content

    monkeypatch.setattr(sys, "argv", [*arguments, *folders, "--rows", "ours"])
    assert command.main() == 2
    assert "no row 'ours'; choose of pseudo-labels of f_E" in capsys.readouterr().err

    monkeypatch.setattr(sys, "argv", [*arguments, *folders])
    monkeypatch.setattr(runs, "run", lambda *_, **__: pytest.fail("a finished run must be read"))
    assert command.main() == 0
    assert capsys.readouterr().out.count("steps") == 0


def test_several_tables_run_in_processes_beside_each_other(dives, tmp_path, monkeypatch, capsys):
    settings = [f"{name}={json.dumps(value)}" for name, value in tiny_config().changes().items()]
    results, scratch = tmp_path / "results", tmp_path / "scratch"
    arguments = ["experiments", "9", "15", "--data", str(dives), "--seeds", "2", "--shares", "0.25"]
    arguments += ["--preset", "paper", "--processes", "2", "--set", *settings]
    monkeypatch.setattr(sys, "argv", [*arguments, "--scratch", str(scratch), "--results", str(results)])
    assert command.main() == 0
    printed = capsys.readouterr().out
    assert printed.count("dives, seed 0: done") == printed.count("dives, seed 1: done") == 1
    assert "Table 9" in printed
    assert "Table 15" in printed
    assert len(list((results / "dives" / "runs").glob("*.json"))) == 6  # GITDL is a row of both tables
    for seed in range(2):
        log = (scratch / "dives" / f"seed{seed}" / "log.txt").read_text()
        assert log.count("-- ") == 4

    monkeypatch.setattr(
        sys, "argv", [*arguments, "--results", str(results), "--scratch", str(tmp_path / "lost")]
    )
    (dives / "labels.csv").rename(dives / "away.csv")
    try:
        assert command.main() == 0  # everything is read
        monkeypatch.setattr(sys, "argv", [*sys.argv, "--seeds", "3"])
        assert command.main() == 2
    finally:
        (dives / "away.csv").rename(dives / "labels.csv")
    told = capsys.readouterr()
    assert "dives, seed 0: done" in told.out  # one that fails stops no other
    assert "labels.csv" in told.err


def wait_for(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_no_process_outlives_the_one_that_started_it(dives, tmp_path):
    results, scratch = str(tmp_path / "results"), tmp_path / "scratch"
    arguments = ["6", "--data", str(dives), "--seeds", "2", "--shares", "0.25", "--processes", "2"]
    main = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "finepseudo_core.experiments",
            *arguments,
            "--scratch",
            str(scratch),
            "--results",
            results,
        ]
    )
    logs = [scratch / "dives" / f"seed{seed}" / "log.txt" for seed in range(2)]
    wait_for(lambda: all(log.exists() for log in logs))
    children = Path(f"/proc/{main.pid}/task/{main.pid}/children").read_text().split()
    assert len(children) >= 2
    main.kill()
    main.wait()
    wait_for(lambda: not any(Path("/proc", child, "exe").exists() for child in children))


@pytest.mark.parametrize("number", ["4", "8", "13"])
def test_tables_that_measure_something_else_have_every_column(number, dives, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "settings_of", lambda scale, data: {})
    monkeypatch.setattr(sweep, "preset", lambda name: tiny_config())
    arguments = ["experiments", number, "--data", str(dives), "--seeds", "1", "--shares", "0.3"]
    folders = ["--scratch", str(tmp_path / "scratch"), "--results", str(tmp_path / "results")]
    monkeypatch.setattr(sys, "argv", [*arguments, *folders])
    assert command.main() == 0
    runs = json.loads((tmp_path / "results" / "dives" / f"table-{number}-0.3.json").read_text())["runs"]
    for row in TABLES[number].rows:
        for column in TABLES[number].columns:
            if column != "precision":
                assert np.isfinite(values(runs[row.name], column)).all(), (row.name, column)


def test_phases_are_looked_for_before_anything_is_trained(dives, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sweep, "settings_of", lambda scale, data: {})
    monkeypatch.setattr(sweep, "preset", lambda name: tiny_config())
    monkeypatch.setattr(runs, "run", lambda *_, **__: pytest.fail("nothing may be trained"))
    arguments = ["experiments", "13", "--data", str(dives), "--seeds", "1", "--shares", "0.3"]
    arguments += ["--scratch", str(tmp_path / "scratch"), "--results", str(tmp_path / "results")]
    (tmp_path / "other.csv").write_text("path,phase,start_frame,end_frame\nelsewhere.mp4,all,0,9\n")
    monkeypatch.setattr(sys, "argv", [*arguments, "--phases", str(tmp_path / "other.csv")])
    assert command.main() == 2
    assert "dives has no clip to measure on (it has no phases; annotate it" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", [*arguments, "--phases", str(tmp_path / "none.csv")])
    assert command.main() == 2
    assert "none.csv can't be read" in capsys.readouterr().err


def test_novel_classes_keep_no_label_and_stay_among_the_unlabelled(dives, tmp_path):
    clips = divide(Dataset(dives), 0.3, 0, hold_out=None, scratch=tmp_path)
    opened = without_labels_of_some(clips, 0.25, 0)
    known = {record.label for record in opened.labelled}
    assert len(known) == 3
    novel = [record for record in opened.unlabelled if record.truth not in known]
    assert {record.label for record in novel} == {None}
    assert len(novel) == sum(record.truth not in known for record in (*clips.labelled, *clips.unlabelled))
    assert len(opened.labelled) + len(opened.unlabelled) == len(clips.labelled) + len(clips.unlabelled)


def test_settings_that_do_not_exist_are_refused(dives, tmp_path, monkeypatch, capsys):
    arguments = ["experiments", "6", "--data", str(dives), "--set", "pretraining.epoch=1"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--scratch", str(tmp_path), "--results", str(tmp_path)])
    assert command.main() == 2
    assert "unknown setting" in capsys.readouterr().err


def test_the_paired_test_is_exact():
    assert sign_flip_test(np.array([1.0, 2.0, 3.0])) == pytest.approx(2 / 8)
    assert sign_flip_test(np.array([1.0, -1.0])) == 1
    assert sign_flip_test(np.ones(5)) == pytest.approx(2 / 32)


def test_the_table_gives_mean_and_deviation_and_leaves_unknowns_empty():
    table = TABLES["9"]
    found = {
        row.name: [
            {
                "config": {"seed": seed},
                "metrics": {"test_top1": 0.5 + place + seed / 10},
                "coverage": {judge: [1 - place / 2] * 7 for judge in ("f_E", "f_A", "both")},
            }
            for seed in range(3)
        ]
        for place, row in enumerate(table.rows)
    }
    text = markdown(table, 0.1, found)
    assert "| without Gaussian | 35.42 | 60.0 ± 10.0 |  |" in text
    assert "- f_E: +100.0 points (from +100.0 to +100.0), p = 0.25" in text
    assert "- f_A" not in text
    assert "| | 5% | 10% | 20% | 30% | 50% | 75% | 100% |" in text
    assert "| with Gaussian, by both | 50.0 ± 0.0 | 50.0 ± 0.0 |" in text
    assert np.isnan(values(found["with Gaussian"], "precision")).all()
    found["with Gaussian"][0]["metrics"]["precision"] = 0.25
    assert "| 25.0 (1 of 3 seeds) |" in markdown(table, 0.1, found)


def test_shares_stand_beside_each_other_and_are_tested_together():
    table = TABLES["9"]
    without, with_gaussian = (row.name for row in table.rows)

    def runs(*tops: float) -> list[dict[str, dict[str, float]]]:
        return [{"config": {"seed": seed}, "metrics": {"test_top1": top}} for seed, top in enumerate(tops)]

    by_share = {
        0.05: {without: runs(0.3, 0.2), with_gaussian: runs(0.4, 0.4)},
        0.2: {without: runs(0.5, 0.5), with_gaussian: runs(0.6, 0.5)},
    }
    text = overview(table, by_share)
    assert "| | f_E, 5% | f_E, 20% | both, 5% | both, 20% | precision, 5% | precision, 20% |" in text
    assert f"| {with_gaussian} | 40.0 ± 0.0 | 55.0 ± 7.1 |  |  |  |  |" in text
    assert (
        "- f_E: +10.0 points (from +0.0 to +20.0), p = 0.5" in text
    )  # a seed's shares change sign together: 2 of 4
    with pytest.raises(ValueError, match="different seeds can't be paired"):
        overview(table, {0.05: {without: runs(0.3, 0.2)[::-1], with_gaussian: runs(0.4, 0.4)}})
    by_share[0.2].pop(without)
    assert without not in overview(table, by_share)  # a row that one share lacks
    assert overview(table, {0.05: {}, 0.2: {}}).count("\n") == 3
    assert markdown(table, 0.1, {}).startswith("### Table 9")


def test_a_row_may_be_of_any_of_the_tables():
    chosen = rows_of([TABLES["1"], TABLES["7"]], ["UPS", "all"])
    assert [[row.name for row in rows] for rows in chosen] == [["UPS"], ["all"]]
    with pytest.raises(ConfigError, match="Table 1.*Table 7.*has no row 'some'; choose of supervised"):
        rows_of([TABLES["1"], TABLES["7"]], ["some"])


def test_every_scale_has_settings_for_any_folder():
    assert settings_of("large", "lips")["alignability_encoder.frames"] == 16
    assert settings_of("small", "somewhere else")["action_encoder.width"] == 8
