import re
import subprocess
import sys
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest

from finepseudo_core.datasets.formats import FORMATS, annotation_format, read_listed
from finepseudo_core.errors import DatasetError
from tests.finepseudo_core.datasets.formats.files import touch, write_json


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_reads_and_writes_in_the_same_way(name: str) -> None:
    module = annotation_format(name)
    parameters = list(signature(module.read).parameters.values())
    assert [parameter.name for parameter in parameters[:1]] == ["folder"]
    assert parameters[1].default is None
    assert signature(module.read).parameters["least_frames"].default == 0
    assert list(signature(module.write).parameters)[:2] == ["clips", "target"]
    assert module.__doc__


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no format 'ucf101'; there are csv_folder, diving48"):
        annotation_format("ucf101")


def gym(folder: Path) -> Path:
    """A vault and a leap of FineGym99 and of FineGym288."""
    names = [f"video_E_000000_000010_A_000{number}_000{number}" for number in range(2)]
    for variant in ("gym99", "gym288"):
        (folder / f"{variant}_categories.txt").write_text(
            f"Clabel: 0; set: 1; Glabel: 1; (VT) {variant}\nClabel: 1; set: 21; Glabel: 9; (FX) {variant}\n"
        )
        (folder / f"{variant}_train_element_v1.1.txt").write_text(f"{names[0]} 0\n{names[1]} 1\n")
    touch(folder, *(f"{name}.mp4" for name in names))
    return folder


@pytest.mark.parametrize(("name", "labels"), [
    ("finegym", ["(VT) gym99", "(FX) gym99"]),
    ("finegym99", ["(VT) gym99", "(FX) gym99"]),
    ("finegym288", ["(VT) gym288", "(FX) gym288"]),
    ("finegym:VT", ["(VT) gym99"]),
    ("finegym288:FX-S1", ["(FX) gym288"]),
])  # fmt: skip
def test_variants_and_parts_are_asked_for_by_name(name: str, labels: list[str], tmp_path: Path) -> None:
    assert [clip.label for clip in read_listed(gym(tmp_path), name).clips] == labels


def test_a_part_of_something_something_is_a_file_of_classes(tmp_path: Path) -> None:
    rows = [
        {"id": str(n), "template": f"{word} [something]"} for n, word in enumerate(("Push", "Pull", "Lift"))
    ]
    write_json(tmp_path / "train.json", rows)
    touch(tmp_path, "0.webm", "1.webm", "2.webm")
    (tmp_path / "mini.txt").write_text("Lift something\nPush [something]\n")
    found = read_listed(tmp_path, f"ssv2:{tmp_path / 'mini.txt'}")
    assert [clip.label for clip in found.clips] == ["Push something", "Lift something"]
    (tmp_path / "mini.txt").write_text("Throw something\n")
    with pytest.raises(DatasetError, match="mini.txt names no class or id of .*; give one a line"):
        read_listed(tmp_path, f"ssv2:{tmp_path / 'mini.txt'}")


@pytest.mark.parametrize(("name", "message"), [
    ("ucf101", "there is no format 'ucf101'; there are csv_folder"),
    ("finegym99-VT", "there is no format 'finegym99-VT'"),
    ("diving48:VT", "NAME:PART is a format .*; finegym, finegym99, finegym288, ssv2 have some"),
    ("finegym:", "NAME:PART is a format"),
    ("finegym:XX", "known are gym99, gym288; VT, FX"),
])  # fmt: skip
def test_names_of_no_format_or_part_are_refused(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read_listed(gym(tmp_path), name)


@pytest.mark.parametrize("command", [
    "datasets.label_splits", "selftraining", "experiments", "evaluation.open_world_run",
    "evaluation.phases_run",
])  # fmt: skip
def test_every_command_takes_all_formats_and_a_least_number_of_frames(command, monkeypatch, capsys) -> None:
    module = import_module(f"finepseudo_core.{command}")
    module = import_module(f"{module.__name__}.__main__") if hasattr(module, "__path__") else module
    monkeypatch.setattr(sys, "argv", [command, "--help"])
    with pytest.raises(SystemExit):
        module.main()
    assert {"--format NAME[:PART]", "--least-frames N"} <= set(
        re.findall(r"--[a-z-]+ \S+", capsys.readouterr().out)
    )
    for wrong, told in (
        ("--format", "there is no format 'x'"),
        ("--least-frames", "'x' is not a whole number"),
    ):
        monkeypatch.setattr(sys, "argv", [command, wrong, "x"])
        with pytest.raises(SystemExit):
            module.main()
        assert told in capsys.readouterr().err


def test_offering_the_formats_loads_no_decoder_and_no_torch() -> None:
    program = (
        "import sys; from finepseudo_core.datasets.formats import FORMATS, csv_folder; "
        "sys.exit(bool({'decord', 'av', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
