"""True excerpts of public annotation files for tests that want them; the tests skip where they are absent."""

import os
from pathlib import Path

import pytest

_PLACES = (os.environ.get("FINEPSEUDO_TEST_ANNOTATIONS", ""), "../shared/annotations")


def path(name: str) -> Path:
    """The excerpt `name`, such as "finegym/gym99_categories.txt"; skips the test where absent."""
    for place in filter(None, _PLACES):
        found = Path(place).resolve() / name
        if found.exists():
            return found
    pytest.skip(f"the annotation excerpt {name!r} is not on this machine")
