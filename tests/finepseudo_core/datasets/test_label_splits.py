import json
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from math import floor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finepseudo_core.datasets import label_splits
from finepseudo_core.datasets.formats import csv_folder
from finepseudo_core.datasets.formats.listing import ImportList, ListedClip
from finepseudo_core.datasets.label_splits import SEEDS, SHARES, hold_out, labels_of, split
from finepseudo_core.errors import DatasetError
from tests import real_clips
from tests.finepseudo_core.datasets.formats.files import touch

LABELS = {
    f"{name}/{number:02d}": name
    for name, count in (("a", 25), ("b", 40), ("c", 2))
    for number in range(count)
}
SIZES = st.dictionaries(st.text(max_size=4), st.integers(2, 60), min_size=1, max_size=5)


def counts(found: label_splits.LabelSplit) -> dict[str, int]:
    return Counter(LABELS[key] for key in found.labelled)


@pytest.mark.parametrize(("share", "expected"), [
    (0.05, {"a": 2, "b": 2, "c": 2}),
    (0.1, {"a": 3, "b": 4, "c": 2}),  # 2.5 is rounded up
    (0.2, {"a": 5, "b": 8, "c": 2}),
    (1, {"a": 25, "b": 40, "c": 2}),
])  # fmt: skip
def test_every_class_gives_its_share_and_two_at_least(share: float, expected: dict[str, int]) -> None:
    assert counts(split(LABELS, share, 0)) == expected


@settings(deadline=None)
@given(sizes=SIZES, percent=st.integers(1, 100), seed=st.integers(0, 5))
def test_a_split_is_stratified_whatever_the_classes(sizes: dict[str, int], percent: int, seed: int) -> None:
    labels = {f"{name} {number}": name for name, size in sizes.items() for number in range(size)}
    found = split(labels, percent / 100, seed)
    assert Counter(labels[key] for key in found.labelled) == {
        name: max(2, floor(Fraction(percent * size, 100) + Fraction(1, 2))) for name, size in sizes.items()
    }
    assert found.labelled == tuple(sorted(set(found.labelled)))


def test_the_draw_is_the_same_for_ever() -> None:
    assert split(LABELS, 0.05, 0).labelled == ("a/20", "a/23", "b/23", "b/37", "c/00", "c/01")
    assert split(LABELS, 0.05, 1).labelled == ("a/04", "a/22", "b/34", "b/37", "c/00", "c/01")
    assert split(LABELS, 0.05, 0).dataset.startswith("c1f8ba9984567093")


def test_the_order_of_the_clips_does_not_matter() -> None:
    assert split(dict(reversed(LABELS.items())), 0.1, 0) == split(LABELS, 0.1, 0)


def test_three_seeds_give_three_splits() -> None:
    for share in SHARES:
        assert len({split(LABELS, share, seed).labelled for seed in SEEDS}) == 3


def test_a_smaller_share_lies_within_the_larger() -> None:
    found = [set(split(LABELS, share, 2).labelled) for share in SHARES]
    assert found[0] < found[1] < found[2]


def test_another_class_moves_no_clip_of_the_others() -> None:
    without = {key: label for key, label in LABELS.items() if label != "b"}
    assert set(split(without, 0.2, 0).labelled) <= set(split(LABELS, 0.2, 0).labelled)


@pytest.mark.parametrize(("share", "seed"), [(0, 0), (1.1, 0), (float("nan"), 0), (0.1, -1)])
def test_a_share_or_seed_out_of_range_is_refused(share: float, seed: int) -> None:
    with pytest.raises(ValueError, match="must"):
        split(LABELS, share, seed)


def test_a_class_with_too_few_clips_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"1 classes have fewer than 2 clips \(rare\)"):
        split(LABELS | {"x": "rare"}, 0.1, 0)
    assert "x" in split(LABELS | {"x": "rare"}, 0.1, 0, least=1).labelled
    with pytest.raises(DatasetError, match="no labelled training clips"):
        split({}, 0.1, 0)


def test_a_file_gives_the_split_back(tmp_path: Path) -> None:
    found = split(LABELS, 0.1, 2)
    label_splits.write(found, tmp_path / "deep" / "split.json")
    assert label_splits.read(tmp_path / "deep" / "split.json", LABELS) == found


@pytest.mark.parametrize(("labels", "message"), [
    ({key: label for key, label in LABELS.items() if label != "a"}, "3 of its 9 clips are not here"),
    (LABELS | {"new": "a"}, "its classes or clips differ; here are 68 clips of 3 classes"),
    (LABELS | {"a/00": "b"}, "its classes or clips differ"),
])  # fmt: skip
def test_a_split_of_another_dataset_is_refused(labels: dict[str, str], message: str, tmp_path: Path) -> None:
    label_splits.write(split(LABELS, 0.1, 0), tmp_path / "split.json")
    with pytest.raises(DatasetError, match=message):
        label_splits.read(tmp_path / "split.json", labels)


@pytest.mark.parametrize(("change", "message"), [
    ({"labelled": ["a/00", "a/00"]}, "or one twice"),
    ({"labelled": ["a/00", "z/00"]}, "clips that the dataset doesn't have"),
    ({"labelled": [["a/00"]]}, "clips that the dataset doesn't have"),
    ({"seed": "one"}, "is no label split"),
    ({"share": None}, "is no label split"),
])  # fmt: skip
def test_a_malformed_file_is_refused(change: dict[str, object], message: str, tmp_path: Path) -> None:
    label_splits.write(split(LABELS, 0.1, 0), tmp_path / "split.json")
    content = json.loads((tmp_path / "split.json").read_text()) | change
    (tmp_path / "split.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=message):
        label_splits.read(tmp_path / "split.json", LABELS)


def test_clips_are_divided_in_their_order() -> None:
    clips = [ListedClip(key, Path(key), label) for key, label in LABELS.items()]
    labelled, unlabelled = split(LABELS, 0.1, 0).divide(clips)
    assert len(labelled) == 9
    assert sorted(labelled + unlabelled, key=clips.index) == clips
    assert labelled == sorted(labelled, key=clips.index)


def test_test_clips_and_unlabelled_ones_are_not_drawn_from() -> None:
    rows = [("a", "t", "train"), ("b", "t", None), ("c", "t", "test"), ("d", None, "train")]
    listed = ImportList(tuple(ListedClip(key, Path(key), label, place) for key, label, place in rows), ())
    assert labels_of(listed) == {"a": "t", "b": "t"}


GROUPS = st.dictionaries(st.integers(0, 999).map(str), st.sampled_from("ABCDEFG"), min_size=2, max_size=80)


@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(groups=GROUPS.filter(lambda groups: len(set(groups.values())) > 1), percent=st.integers(1, 99))
def test_no_group_is_on_both_sides(groups: dict[str, str], percent: int) -> None:
    held = hold_out(groups, percent / 100, 0)
    inside, outside = {groups[key] for key in held}, {groups[key] for key in groups.keys() - held}
    assert inside
    assert outside
    assert not inside & outside
    assert hold_out(dict(reversed(groups.items())), percent / 100, 0) == held


def test_groups_of_one_size_give_the_share_asked_for() -> None:
    groups = {f"{speaker}/{number}": speaker for speaker in "ABCDEFGHIJ" for number in range(7)}
    assert [len(hold_out(groups, share, 0)) for share in (0.01, 0.1, 0.2, 0.5, 0.99)] == [7, 7, 14, 35, 63]
    assert len({hold_out(groups, 0.2, seed) for seed in SEEDS}) == 3


def test_holding_out_needs_two_groups() -> None:
    with pytest.raises(DatasetError, match="1 groups"):
        hold_out({"a": "A"}, 0.2, 0)
    with pytest.raises(ValueError, match="must lie"):
        hold_out({"a": "A", "b": "B"}, 1, 0)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "finepseudo_core.datasets.label_splits", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_line_writes_a_split(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{number}.mp4" for number in range(20)))
    rows = [f"{number}.mp4,{'odd' if number % 2 else 'even'}" for number in range(21)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *rows]))
    ended = run(tmp_path, "--share", "0.2", "--seed", "1", "--out", tmp_path / "split.json")
    assert ended.returncode == 0, ended.stderr
    assert "4 labelled clips of 2 classes" in ended.stdout
    assert "there is no such file" in ended.stderr
    labels = labels_of(csv_folder.read(tmp_path, tmp_path / "labels.csv"))
    assert label_splits.read(tmp_path / "split.json", labels) == split(labels, 0.2, 1)
    again = run(tmp_path / "labels.csv", "--share", "0.2", "--seed", "1", "--out", tmp_path / "again.json")
    assert again.returncode == 0
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "split.json").read_bytes()


def test_a_split_does_not_depend_on_which_videos_are_there(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{number}.mp4" for number in range(20)))
    rows = [f"{number}.mp4,{'odd' if number % 2 else 'even'}" for number in range(20)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *rows]))
    arguments = (tmp_path, "--share", "0.2", "--out")
    assert run(*arguments, tmp_path / "whole.json").returncode == 0
    labels = labels_of(csv_folder.read(tmp_path, tmp_path / "labels.csv"))
    drawn = label_splits.read(tmp_path / "whole.json", labels)
    other = next(key for key in labels if key not in drawn.labelled)
    for gone in (other, drawn.labelled[0]):
        (tmp_path / gone).unlink()
    ended = run(*arguments, tmp_path / "again.json")
    assert "4 labelled clips of 2 classes, 1 of them without a usable video here" in ended.stdout
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "whole.json").read_bytes()
    assert label_splits.read(tmp_path / "whole.json", labels_of(csv_folder.read(
        tmp_path, tmp_path / "labels.csv"
    ))) == drawn  # fmt: skip


def test_all_writes_every_share_and_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, *(f"{label}/{number}.mp4" for label in "ab" for number in range(40)))
    folder = tmp_path / "splits"
    monkeypatch.setattr(sys, "argv", ["label_splits", str(tmp_path), "--all", str(folder)])
    label_splits.main()
    labels = labels_of(csv_folder.read(tmp_path))
    assert len(labels) == 80
    for share in SHARES:
        for seed in SEEDS:
            file = folder / f"labels-{share:g}-seed{seed}.json"
            assert label_splits.read(file, labels) == split(labels, share, seed)
    assert len(list(folder.iterdir())) == 9
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--seed", "0"])
    with pytest.raises(SystemExit):
        label_splits.main()


def test_the_command_line_says_what_is_wrong(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4")
    ended = run(tmp_path, "--out", tmp_path / "split.json")
    assert ended.returncode == 1
    assert ended.stderr == "There are no labelled training clips to draw from. Give a list with labels.\n"
    assert not (tmp_path / "split.json").exists()


def test_the_real_lips_split_by_speaker_and_by_class() -> None:
    folder = real_clips.folder("lips")
    labels = labels_of(csv_folder.read(folder, folder / "labels.csv"))
    speakers = {key: Path(key).stem.split("_")[0] for key in labels}
    held = hold_out(speakers, 0.2, 0)
    assert len(held) == 400
    training = {key: label for key, label in labels.items() if key not in held}
    found = split(training, 0.1, 0)
    assert set(Counter(training[key] for key in found.labelled).values()) == {8}
