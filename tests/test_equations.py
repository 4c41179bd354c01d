"""The page of equations names code that exists, and every choice that the paper leaves open."""

import contextlib
import dataclasses
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import finepseudo_core
from finepseudo_core.config import RoundConfig

PAGE = (Path(__file__).parent.parent / "docs" / "EQUATIONS.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`(finepseudo_core(?:\.\w+)+)`", PAGE)))


def open_choices(section: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for item in dataclasses.fields(section):
        value = getattr(section, item.name)
        if dataclasses.is_dataclass(value):
            yield from open_choices(value, f"{prefix}{item.name}.")
        elif item.metadata["help"].startswith("[A]"):
            yield prefix + item.name, value


def resolve(name: str) -> Any:
    """What a dotted name stands for: a module, or an attribute of one, or of a class in it.

    Raises:
        AttributeError: it stands for nothing.
    """
    parts, found = name.split("."), finepseudo_core
    for number, part in enumerate(parts[1:], start=2):
        if isinstance(found, ModuleType) and not hasattr(found, part):
            with contextlib.suppress(ModuleNotFoundError):
                importlib.import_module(".".join(parts[:number]))
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_what_the_page_names_exists(name):
    assert resolve(name) is not None


def test_a_method_is_looked_up_in_its_class_and_a_wrong_one_is_noticed():
    step = "finepseudo_core.selftraining.alignability_stage.AlignabilityStep"
    assert f"{step}.forward" in NAMES
    for name in (f"{step}.backward", f"{step}s", "finepseudo_core.no_such_module", f"{step}.forward.x"):
        with pytest.raises(AttributeError):
            resolve(name)


def test_no_line_of_the_paper_is_listed_twice():
    rows = re.findall(r"^\| ((?:Eq\.|Table|Sec\.|Algorithm)[^|]*) \|", PAGE, re.MULTILINE)
    assert sorted(row for row in set(rows) if rows.count(row) > 1) == ["Table 1"]  # FixMatch and TimeBalance


def test_every_open_choice_is_listed_with_its_default():
    listed = re.findall(r"^\| `([\w.]+)` \| `([^`]*)` \|", PAGE, re.MULTILINE)
    assert dict(listed) == {name: str(value) for name, value in open_choices(RoundConfig())}
    assert {f"Eq. {number}" for number in range(1, 10)} <= set(re.findall(r"Eq\. \d", PAGE))
