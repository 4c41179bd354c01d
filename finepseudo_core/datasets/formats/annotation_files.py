"""Annotation files in and out: text, JSON, and their fields, with errors that name the place."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from finepseudo_core.errors import DatasetError


def read_text(path: Path, advice: str = "Save it as UTF-8.") -> str:
    """Content of a UTF-8 file, with or without BOM.

    Raises:
        DatasetError: it can't be read, or is not UTF-8; the message ends with `advice`.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DatasetError(f"{path} can't be read ({error.strerror}). Check the path.") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 (byte {error.start}). {advice}") from error


def read_lines(path: Path) -> list[tuple[int, str]]:
    """(number from 1, stripped line) of every line that isn't blank."""
    lines = read_text(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]


def read_json(path: Path) -> Any:
    """Content of a JSON file.

    Raises:
        DatasetError: it can't be read or isn't JSON.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DatasetError(
            f"{path} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}. Download it again."
        ) from error
    except (RecursionError, ValueError) as error:
        raise DatasetError(f"{path} is not JSON that can be read ({error}). Download it again.") from error


def read_entries(path: Path) -> list[tuple[int, Mapping[str, Any]]]:
    """(place from 1, entry) of a JSON list of objects.

    Raises:
        DatasetError: it isn't one.
    """
    content = read_json(path)
    if not isinstance(content, list):
        raise DatasetError(f"{path} holds {kind(content)}, not a list of clips. Give the annotation file.")
    for place, entry in enumerate(content, start=1):
        if not isinstance(entry, dict):
            raise DatasetError(f"{path}: entry {place} is {kind(entry)}, not an object with named fields.")
    return list(enumerate(content, start=1))


def text_field(entry: Mapping[str, Any], name: str, where: str) -> str:
    """The non-empty text in a field; `where` names the entry in the error.

    Raises:
        DatasetError: there is none.
    """
    value = entry.get(name)
    if not isinstance(value, str) or not value.strip():
        raise DatasetError(
            f"{where}: `{name}` is {_shown(entry, name)}; it must be a text. Correct the file."
        )
    return value.strip()


def whole_field(entry: Mapping[str, Any], name: str, where: str) -> int:
    """The whole number, 0 or more, in a field; `where` names the entry in the error.

    Raises:
        DatasetError: there is none.
    """
    value = entry.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise DatasetError(
            f"{where}: `{name}` is {_shown(entry, name)}; it must be a whole number, 0 or more. "
            "Correct the file."
        )
    return value


def kind(value: object) -> str:
    """What a JSON value is, for an error message."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _shown(entry: Mapping[str, Any], name: str) -> str:
    if name not in entry:
        return f"missing (found: {', '.join(map(str, list(entry)[:8])) or 'nothing'})"
    return f"{entry[name]!r}"[:60]


def only_file(folder: Path, patterns: Sequence[str], what: str) -> Path:
    """The file of the folder that a pattern fits; of several the last by name, which is the newest version.

    Args:
        folder: where to look, not deeper.
        patterns: glob patterns, the preferred one first.
        what: what the file is, for the error.

    Raises:
        DatasetError: there is none.
    """
    found = optional_file(folder, patterns)
    if found is None:
        raise DatasetError(f"{folder} holds no {what} ({' or '.join(patterns)}). Put it there.")
    return found


def optional_file(folder: Path, patterns: Sequence[str]) -> Path | None:
    """Like `only_file`, None where there is none."""
    for pattern in patterns:
        found = sorted(path for path in folder.glob(pattern) if path.is_file())
        if found:
            return found[-1]
    return None


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file and its folder; it appears whole or not at all."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file and its folder; it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)


def json_text(content: object) -> str:
    """JSON as the datasets write it, one list entry a line."""
    if isinstance(content, list):
        rows = ",\n ".join(json.dumps(row, ensure_ascii=False) for row in content)
        return f"[{rows}]\n"
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
