from pathlib import Path

import pytest

from finepseudo_core.datasets.formats import finegym
from finepseudo_core.errors import DatasetError
from tests import real_annotations
from tests.finepseudo_core.datasets.formats.files import keys, reasons, touch, write_json

ONE, TWO = "A0xAXXysHUo_E_002184_002237_A_0035_0036", "AZ4wWG6Rcak_E_003643_003675_A_0024_0024"
VAULT = "2pBxfMAIaXY_E_001794_001801_A_0000_0006"
CATEGORIES = (
    "Clabel:   0; set:  1; Glabel:   1; (VT) round-off, salto forward\n"
    "Clabel:   1; set: 21; Glabel:  67; (FX) switch leap with 0.5 turn\n"
    "Clabel:   2; set: 33; Glabel: 300; (BB) salto backward tucked\n"
    "Clabel:   3; set: 35; Glabel: 400; (BB) salto backward tucked\n"
)
SECONDS = {
    "A0xAXXysHUo": {
        "E_002184_002237": {
            "event": 3,
            "timestamps": [[2184.25, 2237.5]],
            "segments": {"A_0035_0036": {"stages": 1, "timestamps": [[35.5, 36.75]]}},
        }
    },
    "AZ4wWG6Rcak": {"E_003643_003675": {"event": 1, "timestamps": [[3643.5, 3675.0]], "segments": None}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gym99_categories.txt").write_text(CATEGORIES)
    (tmp_path / "gym99_train_element_v1.1.txt").write_text(f"{ONE} 1\n{VAULT} 0\n")
    (tmp_path / "gym99_val_element.txt").write_text(f"{TWO} 3\n")
    touch(tmp_path, "videos/A0xAXXysHUo.mkv", "videos/AZ4wWG6Rcak.mp4", "videos/2pBxfMAIaXY.mp4")
    return tmp_path


def test_elements_are_cut_out_of_whole_videos(folder: Path) -> None:
    found = finegym.read(folder)
    assert [(clip.key, clip.label, clip.split, clip.start, clip.end) for clip in found.clips] == [
        (ONE, "(FX) switch leap with 0.5 turn", "train", 2219.0, 2221.0),
        (VAULT, "(VT) round-off, salto forward", "train", 1794.0, 1801.0),
        (TWO, "(BB) salto backward tucked [BB_dismounts]", "test", 3667.0, 3668.0),
    ]
    assert found.problems == ()


def test_the_seconds_of_the_annotation_are_exact(folder: Path) -> None:
    write_json(folder / "finegym_annotation_info_v1.1.json", SECONDS)
    cuts = {clip.key: (clip.start, clip.end) for clip in finegym.read(folder).clips}
    assert cuts[ONE] == (2184.25 + 35.5, 2184.25 + 36.75)
    assert cuts[TWO] == (3643.5 + 24, 3643.5 + 25)  # the event is known, the action isn't
    assert cuts[VAULT] == (1794.0, 1801.0)


def test_cut_events_and_elements_are_preferred(folder: Path) -> None:
    write_json(folder / "finegym_annotation_info_v1.1.json", SECONDS)
    touch(folder, f"elements/{TWO}.mp4", "events/A0xAXXysHUo_E_002184_002237.mp4")
    cuts = {clip.key: (clip.path.stem, clip.start, clip.end) for clip in finegym.read(folder).clips}
    assert cuts[ONE] == ("A0xAXXysHUo_E_002184_002237", 35.5, 36.75)
    assert cuts[TWO] == (TWO, None, None)


def test_a_subset_leaves_the_other_classes_out_without_a_word(folder: Path) -> None:
    assert keys(finegym.read(folder, subset="VT")) == [VAULT]
    assert keys(finegym.read(folder, subset="FX-S1")) == [ONE]
    assert finegym.read(folder, subset="UB-S1").clips == ()
    with pytest.raises(ValueError, match="known are gym99, gym288; VT, FX"):
        finegym.read(folder, subset="FX-S2")


def test_missing_videos_unknown_classes_and_bad_seconds_are_told(folder: Path) -> None:
    (folder / "videos/A0xAXXysHUo.mkv").unlink()
    (folder / "gym99_val_element.txt").write_text(f"{TWO} 99\n")
    content = {"2pBxfMAIaXY": {"E_001794_001801": {"timestamps": []}}}
    write_json(folder / "finegym_annotation_info_v1.1.json", content)
    found = finegym.read(folder)
    assert found.clips == ()
    assert "no video named" in reasons(found)[ONE]
    assert "class 99 is not in the category file" in reasons(found)[TWO]
    assert "its seconds in the annotation JSON are malformed" in reasons(found)[VAULT]


@pytest.mark.parametrize(("name", "text", "message"), [
    ("gym99_train_element_v1.1.txt", f"{ONE} 1\n\n{ONE}\n", "line 3: .* is not `<element> <class number>`"),
    ("gym99_train_element_v1.1.txt", "A0xAXXysHUo_E_002184_A_0035_0036 1\n", "line 1"),
    ("gym99_categories.txt", CATEGORIES + "5 salto\n", "line 5: '5 salto' is not `Clabel"),
    ("gym99_categories.txt", CATEGORIES + CATEGORIES, "has class 0 twice"),
    ("gym99_categories.txt", "\n", "has no class"),
    ("finegym_annotation_info_v1.1.json", "[]", "not an object of videos"),
])  # fmt: skip
def test_a_malformed_file_is_refused(name: str, text: str, message: str, folder: Path) -> None:
    (folder / name).write_text(text)
    with pytest.raises(DatasetError, match=message):
        finegym.read(folder)


def test_absent_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no category file of gym288"):
        finegym.read(tmp_path, variant="gym288")
    (tmp_path / "gym288_categories.txt").write_text(CATEGORIES)
    with pytest.raises(DatasetError, match="holds no gym288_train_element"):
        finegym.read(tmp_path, variant="gym288")


def test_what_is_written_is_read_back(folder: Path) -> None:
    found = finegym.read(folder)
    known = finegym.categories(folder / "gym99_categories.txt")
    finegym.write(found.clips, folder / "again", known=known)
    assert finegym.read(folder, folder / "again") == found
    assert (folder / "again/gym99_categories.txt").read_text() == CATEGORIES
    finegym.write(found.clips, folder / "own")
    assert finegym.read(folder, folder / "own") == found
    with pytest.raises(DatasetError, match="can't be written as FineGym"):
        finegym.write(found.clips, folder / "no", known=known[:1])


@pytest.mark.parametrize(("variant", "count"), [("gym99", 99), ("gym288", 288)])
def test_real_categories_have_unique_names_and_known_sets(variant: str, count: int) -> None:
    real = real_annotations.path(f"finegym/{variant}_categories.txt")
    found = finegym.categories(real)
    assert [category.label for category in found] == list(range(count))
    assert len({category.name for category in found}) == count
    assert {category.event for category in found} == {"VT", "FX", "BB", "UB"}
    assert {category.set for category in found} <= set(finegym.SETS)


def test_subsets_have_as_many_classes_as_the_paper_says() -> None:
    found = finegym.categories(real_annotations.path("finegym/gym99_categories.txt"))
    counts = {name: sum(category.set in sets for category in found) for name, sets in finegym.SUBSETS.items()}
    assert counts == {"VT": 6, "FX": 35, "UB-S1": 15, "FX-S1": 11}


def test_the_real_sets_are_the_known_ones() -> None:
    lines = real_annotations.path("finegym/set_categories.txt").read_text().splitlines()
    numbers = {int(line.split(";")[0].removeprefix("set:")) for line in lines if line.strip()}
    assert numbers == set(finegym.SETS)


@pytest.mark.parametrize("variant", finegym.VARIANTS)
def test_real_lists_are_read_and_written_without_a_difference(variant: str, tmp_path: Path) -> None:
    real = real_annotations.path("finegym")
    pairs = {
        "train_element_v1.1.head400": "train_element_v1.1", "val_element.head400": "val_element",
        "categories": "categories",
    }  # fmt: skip
    texts = {written: (real / f"{variant}_{given}.txt").read_text() for given, written in pairs.items()}
    videos = {line.split("_E_")[0] for text in texts.values() for line in text.split("\n") if "_E_" in line}
    touch(tmp_path, *(f"{video}.mp4" for video in videos))
    found = finegym.read(tmp_path, real, variant=variant)
    assert len(found.clips) == 800
    assert found.problems == ()
    assert all((clip.start or 0) < (clip.end or 0) for clip in found.clips)
    known = finegym.categories(real / f"{variant}_categories.txt")
    finegym.write(found.clips, tmp_path / "again", variant=variant, known=known)
    for name, text in texts.items():
        lines = (tmp_path / "again" / f"{variant}_{name}.txt").read_text().splitlines()
        assert lines == [line.rstrip() for line in text.splitlines() if line.strip()]
