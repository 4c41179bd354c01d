from collections.abc import Iterator
from pathlib import Path

import pytest

from finepseudo_core.video.guard import DecodeGuard
from tests.zoo import make_zoo


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_zoo(tmp_path_factory.mktemp("zoo"))


@pytest.fixture(scope="session")
def guard() -> Iterator[DecodeGuard]:
    with DecodeGuard() as guard:
        yield guard
