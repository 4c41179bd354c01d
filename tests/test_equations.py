"""The page of equations names code that exists, and every choice that the paper leaves open."""

import dataclasses
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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


@pytest.mark.parametrize("name", NAMES)
def test_what_the_page_names_exists(name):
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


def test_every_open_choice_is_listed_with_its_default():
    listed = re.findall(r"^\| `([\w.]+)` \| `([^`]*)` \|", PAGE, re.MULTILINE)
    assert dict(listed) == {name: str(value) for name, value in open_choices(RoundConfig())}
    assert {f"Eq. {number}" for number in range(1, 10)} <= set(re.findall(r"Eq\. \d", PAGE))
