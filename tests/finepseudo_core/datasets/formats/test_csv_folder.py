import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finepseudo_core.datasets.formats.csv_folder import ImportList, ListedClip, read
from finepseudo_core.errors import DatasetError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    for name in ("a.mp4", "b c.mp4", "deep/ü ½.mov", "notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    (folder.parent / "secret.mp4").write_bytes(b"x")
    return folder


def listed(folder: Path, text: str | bytes) -> ImportList:
    path = folder / "labels.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(folder, path)


def reasons(found: ImportList) -> dict[int, str]:
    return {problem.line: problem.reason for problem in found.problems}


def test_a_plain_folder_gives_every_video_unlabelled(folder: Path) -> None:
    (folder / ".hidden.mp4").write_bytes(b"x")
    (folder / "UPPER.MP4").write_bytes(b"x")
    found = read(folder)
    assert [clip.key for clip in found.clips] == ["UPPER.MP4", "a.mp4", "b c.mp4", "deep/ü ½.mov"]
    assert {clip.label for clip in found.clips} == {None}
    assert found.problems == ()


def test_one_folder_per_class_names_the_classes(tmp_path: Path) -> None:
    for name in ("pike/1.mp4", "pike/2.mp4", "tuck/1.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [(clip.key, clip.label) for clip in read(tmp_path).clips] == [
        ("pike/1.mp4", "pike"), ("pike/2.mp4", "pike"), ("tuck/1.mp4", "tuck"),
    ]  # fmt: skip


def test_a_single_folder_of_clips_is_no_class(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "1.mp4").write_bytes(b"x")
    assert [clip.label for clip in read(tmp_path).clips] == [None]


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a folder"):
        read(tmp_path / "nowhere")


def test_rows_become_clips(folder: Path) -> None:
    found = listed(folder, "path,label,split\na.mp4,tuck,train\nb c.mp4,,test\ndeep/ü ½.mov,pike,\n")
    assert found == ImportList(
        (
            ListedClip("a.mp4", folder / "a.mp4", "tuck", "train"),
            ListedClip("b c.mp4", folder / "b c.mp4", None, "test"),
            ListedClip("deep/ü ½.mov", folder / "deep/ü ½.mov", "pike", None),
        ),
        (),
    )


@pytest.mark.parametrize("text", [
    "\ufeffpath,label\r\na.mp4,tuck\r\n",
    "Path;Label\na.mp4;tuck\n",
    "label\tother\tpath\ntuck\tx,y;z\ta.mp4",
    'path,label\n"a.mp4","tuck"\n\n , \n',
    "path,judge,label\n./a.mp4, 7.5 , tuck \n",
    "path,label\ndeep/../a.mp4,tuck\n",
    "path,label\ndeep\\..\\a.mp4,tuck\n",
])  # fmt: skip
def test_many_ways_of_writing_the_same_list(text: str, folder: Path) -> None:
    assert listed(folder, text) == ImportList((ListedClip("a.mp4", folder / "a.mp4", "tuck"),), ())


def test_a_cut_is_part_of_the_key(folder: Path) -> None:
    found = listed(folder, 'path;label;start;end\na.mp4;t;0;1,5\na.mp4;t;1.5;3\n"a.mp4";t;3;\na.mp4;t;;\n')
    assert [(clip.key, clip.start, clip.end) for clip in found.clips] == [
        ("a.mp4#0-1.5", 0.0, 1.5), ("a.mp4#1.5-3", 1.5, 3.0), ("a.mp4#3-", 3.0, None), ("a.mp4", None, None),
    ]  # fmt: skip


def test_close_cuts_keep_different_keys(folder: Path) -> None:
    found = listed(folder, "path,start,end\na.mp4,1234.567,1234.568\na.mp4,1234.5671,1234.568\n")
    assert len({clip.key for clip in found.clips}) == 2


@pytest.mark.parametrize(("row", "reason"), [
    ("missing.mp4,t,,,", "no such file"),
    ("../secret.mp4,t,,,", "leads out of the folder"),
    ("/etc/passwd,t,,,", "leads out of the folder"),
    ("deep,t,,,", "not a regular file"),
    (",t,,,", "the path is empty"),
    ("a.mp4,t,validation,,", "split 'validation' is unknown"),
    ("a.mp4,t,,2,1", "start 2 is not before end 1"),
    ("a.mp4,t,,1,1", "start 1 is not before end 1"),
    ("a.mp4,t,,one,2", "start 'one' is not a number of seconds"),
    ("a.mp4,t,,-1,2", "start '-1' is not a number of seconds"),
    ("a.mp4,t,,0,inf", "end 'inf' is not a number of seconds"),
    ("b c.mp4,t,,,", "already on line 2"),
])  # fmt: skip
def test_a_bad_row_is_told_and_the_others_stay(row: str, reason: str, folder: Path) -> None:
    found = listed(folder, f"path,label,split,start,end\nb c.mp4,t,,,\n{row}\ndeep/ü ½.mov,t,,,\n")
    assert [clip.key for clip in found.clips] == ["b c.mp4", "deep/ü ½.mov"]
    assert list(reasons(found)) == [3]
    assert reason in reasons(found)[3]


def test_a_row_stays_known_where_only_its_file_is_missing(folder: Path) -> None:
    text = "path,label,split\na.mp4,t,train\ngone.mp4,u,test\n./gone.mp4,t,\n../secret.mp4,t,\na.mp4,t,odd\n"
    found = listed(folder, text)
    assert [(row.key, row.label, row.split) for row in found.rows] == [
        ("a.mp4", "t", "train"), ("gone.mp4", "u", "test"),
    ]  # fmt: skip
    assert "already on line 3" in reasons(found)[4]


def test_a_link_out_of_the_folder_is_refused_in_both_ways(folder: Path) -> None:
    (folder / "link.mp4").symlink_to(folder.parent / "secret.mp4")
    assert reasons(read(folder)) == {0: "the path leads out of the folder; copy the file into it"}
    assert "leads out" in reasons(listed(folder, "path\nlink.mp4\n"))[2]


def test_a_file_name_that_is_no_text_is_told(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.mp4")).write_bytes(b"x")
    found = read(folder)
    assert len(found.clips) == 3
    assert [problem.path for problem in found.problems] == ["caf?.mp4"]


def test_an_absolute_path_inside_the_folder_is_fine(folder: Path) -> None:
    assert [clip.key for clip in listed(folder, f"path\n{folder / 'a.mp4'}\n").clips] == ["a.mp4"]


def test_lines_are_counted_through_quoted_line_breaks(folder: Path) -> None:
    assert list(reasons(listed(folder, 'path,label\na.mp4,"two\nlines"\nmissing.mp4,t\n'))) == [4]


@pytest.mark.parametrize(("text", "message"), [
    ("file,label\na.mp4,t\n", "has no column named `path` .*found: file, label"),
    ("", "has no column named `path` .*found: nothing"),
    (b"path,label\n\xff\xfe,t\n", "is not UTF-8"),
])  # fmt: skip
def test_a_list_that_makes_no_sense_is_refused(text: str | bytes, message: str, folder: Path) -> None:
    with pytest.raises(DatasetError, match=message):
        listed(folder, text)


def test_a_missing_list_is_refused(folder: Path) -> None:
    with pytest.raises(DatasetError, match="can't be read"):
        read(folder, folder / "nothing.csv")


CELLS = st.sampled_from(["a.mp4", "b c.mp4", "../x", "1", "2.5", "train", "nan", '"', "=1+1", "\0", ""])
ROWS = st.lists(st.lists(st.text() | CELLS, max_size=6).map(",".join), max_size=8).map("\n".join)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text() | ROWS.map(lambda rows: f"path,label,split,start,end\n{rows}") | st.binary())
def test_no_text_crashes_the_reader(text: str | bytes, folder: Path) -> None:
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    try:
        found = listed(folder, content)
    except DatasetError:
        return
    assert len({clip.key for clip in found.clips}) == len(found.clips)
    assert all(clip.path.is_file() and clip.path.is_relative_to(folder) for clip in found.clips)
    assert all(problem.reason for problem in found.problems)
