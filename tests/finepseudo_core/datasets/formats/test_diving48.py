from pathlib import Path

import pytest

from finepseudo_core.datasets.formats import diving48
from finepseudo_core.datasets.formats.diving48 import Dive
from finepseudo_core.errors import DatasetError
from tests import real_annotations
from tests.finepseudo_core.datasets.formats.files import keys, reasons, touch, write_json
from tests.zoo import write_video

VOCABULARY = [["Back", "15som", "05Twis", "FREE"], ["Forward", "Dive", "NoTwis", "PIKE"]]
TRAIN = [
    {"vid_name": "-mmq0PT-u8k_00155", "label": 0, "start_frame": 0, "end_frame": 48},
    {"vid_name": "xc8trKEFIEY_00041", "label": 1, "start_frame": 0, "end_frame": 90},
]
TEST = [{"vid_name": "2x00lRzlTVQ_00000", "label": 1, "start_frame": 0, "end_frame": 12}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_json(tmp_path / "Diving48_vocab.json", VOCABULARY)
    write_json(tmp_path / "Diving48_V2_train.json", TRAIN)
    write_json(tmp_path / "Diving48_V2_test.json", TEST)
    touch(tmp_path, *(f"rgb/{row['vid_name']}.mp4" for row in (*TRAIN, *TEST)))
    return tmp_path


def test_the_lists_become_clips(folder: Path) -> None:
    found = diving48.read(folder)
    assert [(clip.key, clip.label, clip.split, clip.frames, clip.start) for clip in found.clips] == [
        ("-mmq0PT-u8k_00155", "Back+15som+05Twis+FREE", "train", (0, 48), None),
        ("xc8trKEFIEY_00041", "Forward+Dive+NoTwis+PIKE", "train", (0, 90), None),
        ("2x00lRzlTVQ_00000", "Forward+Dive+NoTwis+PIKE", "test", (0, 12), None),
    ]
    assert found.problems == ()


def test_one_list_can_be_read_alone(folder: Path) -> None:
    assert keys(diving48.read(folder / "rgb", folder / "Diving48_V2_test.json")) == ["2x00lRzlTVQ_00000"]


def test_missing_short_and_unknown_ones_are_told(folder: Path) -> None:
    (folder / "rgb/xc8trKEFIEY_00041.mp4").unlink()
    write_video(folder / "rgb/-mmq0PT-u8k_00155.mp4", range(16))
    row = {"vid_name": "odd", "label": 48, "start_frame": 0, "end_frame": 30}
    write_json(folder / "Diving48_V2_train.json", [*TRAIN, row])
    found = diving48.read(folder, least_frames=16)
    assert keys(found) == ["-mmq0PT-u8k_00155"]
    assert [(problem.source, problem.line) for problem in found.problems] == [
        ("Diving48_V2_train.json", 2), ("Diving48_V2_train.json", 3), ("Diving48_V2_test.json", 1),
    ]  # fmt: skip
    assert "no video named xc8trKEFIEY_00041" in reasons(found)["xc8trKEFIEY_00041"]
    assert "label 48 is not one of the 2 classes" in reasons(found)["odd"]
    assert "12 frames, fewer than the 16" in reasons(found)["2x00lRzlTVQ_00000"]


def test_a_clip_within_its_video_is_cut(folder: Path) -> None:
    write_video(folder / "rgb/long.mp4", range(30), rate=10)
    row = {"vid_name": "long", "label": 0, "start_frame": 5, "end_frame": 25}
    write_json(folder / "Diving48_V2_train.json", [row])
    clip = diving48.read(folder).clips[0]
    assert (clip.start, clip.end, clip.frames) == (0.5, 2.5, (5, 25))


def test_what_is_written_is_read_back(folder: Path) -> None:
    found = diving48.read(folder)
    diving48.write(found.clips, folder / "again")
    assert diving48.read(folder, folder / "again") == found
    assert diving48.classes(folder / "again/Diving48_vocab.json") == tuple(map("+".join, VOCABULARY))


def test_a_clip_that_cannot_be_written_is_named(folder: Path) -> None:
    clip = diving48.read(folder).clips[0]
    with pytest.raises(DatasetError, match="-mmq0PT-u8k_00155 can't be written"):
        diving48.write([clip], folder / "again", vocabulary=["another"])


@pytest.mark.parametrize(("name", "content", "message"), [
    ("Diving48_V2_train.json", {"vid_name": "a"}, "holds an object, not a list"),
    ("Diving48_V2_train.json", [TRAIN[0], 3], "entry 2 is a number"),
    ("Diving48_V2_train.json", [{"vid": "a", "label": 0}], "entry 1: `vid_name` is missing .found: vid"),
    ("Diving48_V2_train.json", [{**TRAIN[0], "label": "Back"}], "entry 1: `label` is 'Back'"),
    ("Diving48_V2_train.json", [{**TRAIN[0], "end_frame": -1}], "`end_frame` is -1"),
    ("Diving48_vocab.json", ["Back"], "class 0 is no list of attributes"),
    ("Diving48_vocab.json", [["Back"], ["Back"]], "names 'Back' twice"),
    ("Diving48_vocab.json", [], "names no class"),
])  # fmt: skip
def test_a_malformed_file_is_refused(name: str, content: object, message: str, folder: Path) -> None:
    write_json(folder / name, content)
    with pytest.raises(DatasetError, match=message):
        diving48.read(folder)


@pytest.mark.parametrize(("content", "message"), [
    (b'[{"vid_name": "a",\n}]', r"is not JSON: line 2, column 1"),
    (b"\xff", "is not UTF-8"),
    (b"[" * 100_000, "is not JSON"),
])  # fmt: skip
def test_a_file_that_is_no_json_says_where(content: bytes, message: str, folder: Path) -> None:
    (folder / "Diving48_V2_train.json").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        diving48.read(folder)


def test_a_folder_without_lists_or_vocabulary_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no vocabulary of Diving48"):
        diving48.read(tmp_path)
    write_json(tmp_path / "Diving48_vocab.json", VOCABULARY)
    with pytest.raises(DatasetError, match=r"no Diving48_V2_train\.json"):
        diving48.read(tmp_path)


def test_a_class_tells_its_attributes() -> None:
    dive = diving48.attributes("Reverse+15som+35Twis+FREE")
    assert dive == Dive("Reverse", "15som", "35Twis", "FREE")
    assert (dive.somersaults, dive.twists) == (1.5, 3.5)
    plain = diving48.attributes("Forward+Dive+NoTwis+STR")
    assert (plain.somersaults, plain.twists) == (0.5, 0.0)
    with pytest.raises(ValueError, match="has 1 parts"):
        diving48.attributes("Reverse")


def test_all_48_real_classes_have_readable_attributes() -> None:
    names = diving48.classes(real_annotations.path("diving48_label_map.txt"))
    dives = [diving48.attributes(name) for name in names]
    assert len(names) == 48
    assert {dive.takeoff for dive in dives} == {"Back", "Forward", "Inward", "Reverse"}
    assert {dive.position for dive in dives} == {"FREE", "PIKE", "STR", "TUCK"}
    assert {dive.somersaults for dive in dives} == {0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.5}
    assert {dive.twists for dive in dives} == {0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5}
