from pathlib import Path

import pytest

from finepseudo_core.datasets.formats import kinetics
from finepseudo_core.errors import DatasetError
from tests import real_annotations
from tests.finepseudo_core.datasets.formats.files import keys, reasons, touch

HEADER = "label,youtube_id,time_start,time_end,split,is_cc\n"
TRAIN = HEADER + (
    '"massaging back",8DCQtlJPwdM,12,22,train,0\n'
    "abseiling,-mDipHL1Bi0,19,29,train,1\n"
    "abseiling,a_b_c_d_e_f,0,10,train,0\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.csv").write_text(TRAIN)
    touch(
        tmp_path,
        "train/massaging_back/8DCQtlJPwdM_000012_000022.mp4",
        "train/abseiling/-mDipHL1Bi0_19_29.mkv",
        "whole/a_b_c_d_e_f.webm",
    )
    return tmp_path


def test_clips_are_found_under_all_their_names(folder: Path) -> None:
    found = kinetics.read(folder)
    assert [(c.key, c.label, c.split, c.path.suffix, c.start, c.end) for c in found.clips] == [
        ("8DCQtlJPwdM_000012_000022", "massaging back", "train", ".mp4", None, None),
        ("-mDipHL1Bi0_000019_000029", "abseiling", "train", ".mkv", None, None),
        ("a_b_c_d_e_f_000000_000010", "abseiling", "train", ".webm", 0, 10),
    ]
    assert found.problems == ()


def test_a_clip_of_two_classes_is_taken_from_its_own_folder(folder: Path) -> None:
    touch(folder, "train/a/8DCQtlJPwdM_000012_000022.mp4")
    assert kinetics.read(folder).clips[0].path.parent.name == "massaging_back"


def test_validation_is_what_is_tested_on(folder: Path) -> None:
    (folder / "val.csv").write_text(
        "label,youtube_id,time_start,time_end,split\nabseiling,AAAAAAAAAAA,1,11,validate\n"
    )
    (folder / "test.csv").write_text("youtube_id,time_start,time_end,split\nBBBBBBBBBBB,1,11,test\n")
    touch(folder, "AAAAAAAAAAA_000001_000011.mp4", "BBBBBBBBBBB_000001_000011.mp4")
    found = {clip.key[:11]: (clip.label, clip.split) for clip in kinetics.read(folder).clips}
    assert found["AAAAAAAAAAA"] == ("abseiling", "test")
    assert found["BBBBBBBBBBB"] == (None, "test")
    assert len(found) == 5


def test_missing_and_senseless_clips_are_told(folder: Path) -> None:
    (folder / "train.csv").write_text(TRAIN + "x,CCCCCCCCCCC,5,15,train,0\nx,DDDDDDDDDDD,9,9,train,0\n")
    found = kinetics.read(folder)
    assert len(found.clips) == 3
    assert [problem.line for problem in found.problems] == [5, 6]
    assert "no video named" in reasons(found)["CCCCCCCCCCC_000005_000015"]
    assert "a start before its end" in reasons(found)["DDDDDDDDDDD_000009_000009"]


def test_what_is_written_is_read_back(folder: Path) -> None:
    (folder / "val.csv").write_text(HEADER + '"a ""b"", c",AAAAAAAAAAA,1,11,val,0\n')
    touch(folder, "AAAAAAAAAAA_000001_000011.mp4")
    found = kinetics.read(folder)
    kinetics.write(found.clips, folder / "again")
    assert kinetics.read(folder, folder / "again") == found
    assert (folder / "again/val.csv").read_text().endswith(",AAAAAAAAAAA,1,11,validate\n")
    with pytest.raises(DatasetError, match="can't be written as Kinetics"):
        kinetics.write([found.clips[0].__class__("a.mp4", folder / "a.mp4", "x", "train")], folder / "no")


@pytest.mark.parametrize(("text", "message"), [
    ("label,id,start\na,b,1\n", "is no Kinetics list: line 1 must name .*found: label, id, start"),
    ("", "found: nothing"),
    ("a/b.mp4 3\na/c.mp4\n", r"line 2 isn't: 'a/c.mp4'"),
    (HEADER + "a,AAAAAAAAAAA,one,11,train,0\n", "line 2: time_start 'one'"),
    (HEADER + "a,AAAAAAAAAAA\n", "line 2: time_start None"),
])  # fmt: skip
def test_a_malformed_list_is_refused(text: str, message: str, folder: Path) -> None:
    (folder / "train.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        kinetics.read(folder)


def test_a_folder_without_a_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no CSV of Kinetics"):
        kinetics.read(tmp_path)


def test_a_list_of_paths_is_read_with_and_without_class_names(folder: Path) -> None:
    lists = folder / "lists"
    lists.mkdir()
    path = lists / "train.csv"
    path.write_text(
        "/x/train/massaging_back/8DCQtlJPwdM_000012_000022.mp4 1\r\n-mDipHL1Bi0_19_29.mp4,0\r\nx.mp4\t7\r\n"
    )
    found = kinetics.read(folder, path)
    assert [(clip.key, clip.label, clip.split) for clip in found.clips] == [
        ("8DCQtlJPwdM_000012_000022", "massaging back", "train"), ("-mDipHL1Bi0_19_29", "0", "train"),
    ]  # fmt: skip
    (lists / "kinetics_label_map.txt").write_text("abseiling\nback massage\n")
    found = kinetics.read(folder, path)
    assert [clip.label for clip in found.clips] == ["back massage", "abseiling"]
    assert "class 7 is not one of the 2 class names" in reasons(found)["x"]


def test_the_real_list_is_read_beside_lists_of_other_datasets(tmp_path: Path) -> None:
    real = real_annotations.path("kinetics400_list.head20.csv")
    names = [
        line.split("videos_train/")[1].rsplit(" ", 1)[0] for line in real.read_text().splitlines() if line
    ]
    touch(tmp_path, *names[:-1])
    found = kinetics.read(tmp_path, real)
    assert len(names) == 20
    assert keys(found) == [Path(name).stem for name in names[:-1]]
    assert [problem.line for problem in found.problems] == [20]
    assert {clip.split for clip in found.clips} == {"train"}
    assert found.clips[0].label == "massaging back"
    kinetics.write(found.clips, tmp_path / "again")
    assert set(kinetics.read(tmp_path, tmp_path / "again").clips) == set(found.clips)
