"""Files received by the browser, kept in a folder of the project under names the server makes."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from uuid import uuid4


class Received(Protocol):
    """A file as Streamlit hands it over."""

    name: str

    def getbuffer(self) -> memoryview: ...


def safe_name(name: str) -> str:
    """The last part of a name, without anything a file system or a shell could take amiss."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return re.sub(r"[^\w .()+-]", "_", last).lstrip(". ")[-120:] or "file"


def keep(folder: Path, files: Sequence[Received]) -> tuple[Path, Path | None]:
    """Write the files into a new folder below `folder`; returns it, and the CSV among them."""
    target = folder / uuid4().hex
    target.mkdir(parents=True)
    labels = None
    for file in files:
        path = _free(target / safe_name(file.name))
        path.write_bytes(file.getbuffer())
        if path.suffix.lower() == ".csv":
            labels = path
    return target, labels


def _free(path: Path) -> Path:
    """The path, or the next one with a number behind its stem that is not taken."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem} ({number})")
    return free
