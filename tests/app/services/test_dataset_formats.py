"""Public datasets come in under readable names, and go out so that they read back as they were."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services import datasets, export, export_formats, import_formats, review
from app.services.datasets import ImportRequest
from app.services.import_formats import FORMATS, dive_code, readable
from app.services.studio import StudioError
from finepseudo_core.datasets.formats import FORMATS as READERS
from tests.app.services.test_datasets import read_all
from tests.zoo import write_video

DIVES = [
    ["Back", "15som", "05Twis", "FREE"],
    ["Forward", "Dive", "NoTwis", "PIKE"],
    ["Inward", "35som", "NoTwis", "TUCK"],
]
WORDS = ("Back, 1½ somersaults, ½ twist, free", "Forward, dive, pike", "Inward, 3½ somersaults, tuck")
GYM = "A0xAXXysHUo_E_00{0}184_00{0}237_A_0035_0036"


def diving48(folder: Path) -> Path:
    """Six clips of three dives, one of them absent and one with a class that is none."""
    folder.mkdir()
    rows = [
        {"vid_name": f"dive{number}", "label": number % 3, "start_frame": 0, "end_frame": 50}
        for number in range(6)
    ]
    (folder / "Diving48_vocab.json").write_text(json.dumps(DIVES))
    wrong = {"vid_name": "odd", "label": 7, "start_frame": 0, "end_frame": 50}
    (folder / "Diving48_V2_train.json").write_text(json.dumps([*rows, wrong]))
    for number in range(5):
        (folder / f"dive{number}.mp4").write_bytes(b"\0")
    return folder


def finegym(folder: Path) -> Path:
    """Four elements of two classes."""
    folder.mkdir()
    names = [GYM.format(number) for number in range(4)]
    (folder / "gym99_train_element_v1.1.txt").write_text(
        "".join(f"{name} {place % 2}\n" for place, name in enumerate(names))
    )
    (folder / "gym99_categories.txt").write_text(
        "Clabel: 0; set: 1; Glabel: 1; (VT) round-off, stretched\n"
        "Clabel: 1; set: 21; Glabel: 9; (FX) switch leap\n"
    )
    for name in names:
        (folder / f"{name}.mp4").write_bytes(b"\0")
    return folder


def unpacked(files: export_formats.DatasetFiles, folder: Path, videos: Path) -> Path:
    """The exported files beside the videos they speak of."""
    folder.mkdir()
    zipfile.ZipFile(io.BytesIO(files.content)).extractall(folder)
    for video in videos.glob("*.mp4"):
        (folder / video.name).write_bytes(b"\0")
    return folder


def test_every_reader_of_the_core_is_offered_with_what_it_needs():
    assert {chosen.reader for chosen in FORMATS.values()} == READERS.keys() - {"finegym"}  # is finegym99
    assert all(chosen.needs.endswith(".") for chosen in FORMATS.values())


def test_a_dry_run_lists_every_row_that_stays_out(studio, tmp_path):
    plan = datasets.plan(studio, ImportRequest(diving48(tmp_path / "dives"), format="diving48"))
    assert dict(plan.classes) == {WORDS[0]: 2, WORDS[1]: 2, WORDS[2]: 1}
    assert [(row.line, row.path) for row in plan.problems] == [
        (6, "dive5 (Diving48_V2_train.json)"), (7, "odd (Diving48_V2_train.json)"),
    ]  # fmt: skip
    assert "no video named dive5" in plan.problems[0].reason


def test_a_part_of_a_dataset_comes_in_without_its_short_clips(studio, tmp_path):
    folder = finegym(tmp_path / "gym")
    plan = datasets.plan(studio, ImportRequest(folder, format="finegym99:VT"))
    assert dict(plan.classes) == {"(VT) round-off, stretched": 2}
    write_video(folder / f"{GYM.format(0)}.mp4", range(9))
    write_video(folder / f"{GYM.format(2)}.mp4", range(7))
    plan = datasets.plan(studio, ImportRequest(folder, format="finegym99:VT", least_frames=8))
    assert dict(plan.classes) == {"(VT) round-off, stretched": 1}
    assert ["7 frames, fewer than the 8" in row.reason for row in plan.problems] == [True]
    with pytest.raises(StudioError, match="NAME:PART is a format with a part"):
        datasets.plan(studio, ImportRequest(folder, format="diving48:VT"))


def test_a_file_that_is_missing_is_named(studio, tmp_path):
    with pytest.raises(StudioError, match="vocabulary of Diving48"):
        datasets.plan(studio, ImportRequest(tmp_path, format="diving48"))
    with pytest.raises(StudioError, match="no format 'nonsense'"):
        datasets.plan(studio, ImportRequest(tmp_path, format="nonsense"))


@pytest.mark.parametrize(("make", "name"), [(diving48, "diving48"), (finegym, "finegym99")])
def test_what_went_out_reads_back_with_the_same_labels(studio, ada, tmp_path, make, name):
    folder = make(tmp_path / "in")
    datasets.start_import(studio, ImportRequest(folder, format=name), ada)
    read_all(studio)
    files = export_formats.dataset_files(studio, name)
    assert files.left_out == ()
    again = import_formats.read(unpacked(files, tmp_path / "out", folder), None, name)
    assert again.problems == ()
    assert {clip.key: clip.label for clip in again.clips} == {
        row.key: row.label for row in export.rows(studio)
    }
    assert len(again.clips) == files.clips == len(export.rows(studio)) >= 4


def test_diving48_keeps_its_own_codes(studio, ada, tmp_path):
    datasets.start_import(studio, ImportRequest(diving48(tmp_path / "in"), format="diving48"), ada)
    read_all(studio)
    archive = zipfile.ZipFile(io.BytesIO(export_formats.dataset_files(studio, "diving48").content))
    assert sorted(json.loads(archive.read("Diving48_vocab.json"))) == sorted(DIVES)


def test_what_a_format_can_not_hold_stays_out_with_its_reason(studio, ada, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "meet.mp4").write_bytes(b"\0")
    (folder / "labels.csv").write_text(
        "path,label,start,end\nmeet.mp4,a,0,2\nmeet.mp4,b,4,6\nmeet.mp4,a,8,9\n"
    )
    datasets.start_import(studio, ImportRequest(folder), ada)
    read_all(studio)
    dives = export_formats.dataset_files(studio, "diving48")
    assert dives.clips == 1
    assert [reason.split(",")[0] for _, reason in dives.left_out] == [
        "it is the beginning of a longer video", "another clip of the same video is in the list",
    ]  # fmt: skip
    gym = export_formats.dataset_files(studio, "finegym99")
    assert (gym.clips, gym.content, len(gym.left_out)) == (0, b"", 3)
    assert len(review.classes(studio)) == 2


@given(
    st.sampled_from(["Back", "Forward", "Inward", "Reverse"]),
    st.sampled_from(["Dive", "1som", "15som", "2som", "25som", "35som", "45som", "05som"]),
    st.sampled_from(["NoTwis", "05Twis", "1Twis", "15Twis", "2Twis", "25Twis", "35Twis"]),
    st.sampled_from(["FREE", "PIKE", "TUCK", "STR"]),
)
def test_a_dive_in_words_leads_back_to_its_code(takeoff, somersault, twist, position):
    code = f"{takeoff}+{somersault}+{twist}+{position}"
    words = readable(code, "diving48")
    assert "+" not in words
    assert dive_code(words) == code


@pytest.mark.parametrize(
    "label", ["", "dive", "Back+15som", "Back+15som+05Twis+NONE", "a, b", "Back, x, tuck", ", , "]
)
def test_other_names_stay_as_they_are(label):
    assert readable(label, "diving48") == label
    assert dive_code(label) is None
