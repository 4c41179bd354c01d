"""model.json of an exported model: what is in its folder, and whether it still is. Free of torch."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from finepseudo_core.errors import FinePseudoError

FORMAT = "finepseudo-model"
FORMAT_VERSION = 1
MANIFEST, CARD = "model.json", "README.md"
ACTION_WEIGHTS, ALIGNABILITY_WEIGHTS = "f_E.safetensors", "f_A.safetensors"
ACTION_GRAPH, ALIGNABILITY_GRAPH = "f_E.onnx", "f_A.onnx"
FILES = (ACTION_WEIGHTS, ALIGNABILITY_WEIGHTS, ACTION_GRAPH, ALIGNABILITY_GRAPH, CARD)


class ExportError(FinePseudoError):
    """A model can't be exported, or an exported one can't be trusted."""


def listed(folder: Path, names: Iterable[str] = FILES) -> dict[str, dict[str, Any]]:
    """Size in bytes and sha256 of the files of a folder, by name."""
    found = {}
    for name in names:
        with (folder / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        found[name] = {"bytes": (folder / name).stat().st_size, "sha256": digest}
    return found


def write(folder: Path, contents: dict[str, Any]) -> None:
    """Write model.json beside the other files, with their checksums."""
    whole = {"format": FORMAT, "format_version": FORMAT_VERSION, **contents, "files": listed(folder)}
    text = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> dict[str, Any]:
    """model.json of a folder.

    Raises:
        ExportError: there is none, or it is another format or a newer version of this one.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ExportError(f"{path} can't be read ({error}). Give the folder of an exported model.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ExportError(f"{path} describes no exported model. Give the folder that export-model wrote.")
    if content.get("format_version") != FORMAT_VERSION:
        raise ExportError(
            f"{path} has format version {content.get('format_version')!r}; this version reads "
            f"{FORMAT_VERSION}. Use the version of FinePseudo Studio that wrote it, or export the model anew."
        )
    return content


def verified(folder: Path) -> dict[str, Any]:
    """model.json of a folder whose files are those that were exported.

    Raises:
        ExportError: as `read`, or a file is missing or differs from its checksum.
    """
    content = read(folder)
    files = content.get("files")
    if not isinstance(files, dict) or set(files) != set(FILES):
        raise ExportError(f"{folder / MANIFEST} does not list the files of a model; export the model anew.")
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ExportError(f"{folder} lacks {', '.join(missing)}; copy the whole folder, or export anew.")
    changed = [name for name, found in listed(folder).items() if found != files[name]]
    if changed:
        raise ExportError(
            f"{', '.join(changed)} in {folder} differs from its checksum in {MANIFEST}: it was changed or "
            "damaged. Copy the folder again, or export the model anew."
        )
    return content
