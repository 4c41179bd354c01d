from pathlib import Path

import pytest

from finepseudo_core.datasets.formats import ssv2
from finepseudo_core.errors import DatasetError
from tests import real_annotations
from tests.finepseudo_core.datasets.formats.files import keys, reasons, touch, write_json

TRAIN = [
    {"id": "78687", "label": "holding potato next to vicks vaporub bottle",
     "template": "Holding [something] next to [something]",
     "placeholders": ["potato", "vicks vaporub bottle"]},
    {"id": "42326", "label": "putting a pen on a table", "template": "Putting [something] on a surface",
     "placeholders": ["a pen"]},
]  # fmt: skip
VALIDATION = [
    {"id": 151201, "label": "x", "placeholders": [], "template":
     "Putting [something similar to other things that are already on the table]"},
]  # fmt: skip
LABELS = {
    "Putting something similar to other things that are already on the table": "2",
    "Holding something next to something": "0",
    "Putting something on a surface": "1",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_json(tmp_path / "something-something-v2-train.json", TRAIN)
    write_json(tmp_path / "something-something-v2-validation.json", VALIDATION)
    write_json(tmp_path / "something-something-v2-test.json", [{"id": "1"}])
    write_json(tmp_path / "something-something-v2-labels.json", LABELS)
    touch(tmp_path, *(f"20bn/{number}.webm" for number in (78687, 42326, 151201, 1)))
    return tmp_path


def test_the_lists_become_clips(folder: Path) -> None:
    found = ssv2.read(folder)
    assert [(clip.key, clip.label, clip.split) for clip in found.clips] == [
        ("78687", "Holding something next to something", "train"),
        ("42326", "Putting something on a surface", "train"),
        ("151201", "Putting something similar to other things that are already on the table", "test"),
    ]
    assert found.problems == ()


def test_the_test_list_comes_in_unlabelled(folder: Path) -> None:
    found = ssv2.read(folder / "20bn", folder / "something-something-v2-test.json")
    assert [(clip.key, clip.label, clip.split) for clip in found.clips] == [("1", None, "test")]


def test_a_subset_is_taken_by_ids_or_by_classes(folder: Path) -> None:
    assert keys(ssv2.read(folder, only={"42326"})) == ["42326"]
    assert keys(ssv2.read(folder, only={"Holding something next to something"})) == ["78687"]


def test_missing_and_unknown_ones_are_told(folder: Path) -> None:
    (folder / "20bn/42326.webm").unlink()
    write_json(folder / "something-something-v2-labels.json", {"Putting something on a surface": 0})
    found = ssv2.read(folder)
    assert found.clips == ()
    assert "no video named 42326" in reasons(found)["42326"]
    assert "is not one of the 1 classes" in reasons(found)["78687"]


def test_what_is_written_is_read_back(folder: Path) -> None:
    found = ssv2.read(folder)
    given = ssv2.placeholders(folder / "something-something-v2-train.json")
    names = ssv2.classes(folder / "something-something-v2-labels.json")
    ssv2.write(found.clips, folder / "again", class_names=names, placeholders_of=given)
    assert ssv2.read(folder, folder / "again") == found
    assert ssv2.classes(folder / "again/something-something-v2-labels.json") == names
    assert ssv2.placeholders(folder / "again/something-something-v2-train.json") == given
    row = ssv2.read_entries(folder / "again/something-something-v2-train.json")[0][1]
    assert row["template"] == TRAIN[0]["template"]
    assert row["label"] == "Holding potato next to vicks vaporub bottle"
    with pytest.raises(DatasetError, match="78687 can't be written"):
        ssv2.write(found.clips, folder / "no", class_names=names[1:])


@pytest.mark.parametrize(("name", "content", "message"), [
    ("train", {"id": 1}, "holds an object, not a list"),
    ("train", [{"template": "x"}], "entry 1: `id` is missing"),
    ("train", [{"id": "1", "template": 3}], "entry 1: `template` is 3"),
    ("labels", ["a"], "holds a list, not an object"),
    ("labels", {"a": "x"}, "each class needs a whole number"),
    ("labels", {"a": 1}, "aren't 0 to 0"),
])  # fmt: skip
def test_a_malformed_file_is_refused(name: str, content: object, message: str, folder: Path) -> None:
    write_json(folder / f"something-something-v2-{name}.json", content)
    with pytest.raises(DatasetError, match=message):
        ssv2.read(folder)


def test_a_folder_without_lists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no train\.json"):
        ssv2.read(tmp_path)


def test_every_real_class_survives_being_written(tmp_path: Path) -> None:
    names = ssv2.classes(real_annotations.path("ssv2_label_map.txt"))
    assert len(set(names)) == 174
    touch(tmp_path, *(f"{number}.webm" for number in range(174)))
    rows = [{"id": str(number), "template": name} for number, name in enumerate(names)]
    write_json(tmp_path / "train.json", rows)
    found = ssv2.read(tmp_path)
    assert [clip.label for clip in found.clips] == list(names)
    ssv2.write(found.clips, tmp_path / "again", class_names=names)
    assert ssv2.read(tmp_path, tmp_path / "again") == found
    assert ssv2.classes(tmp_path / "again/something-something-v2-labels.json") == names
