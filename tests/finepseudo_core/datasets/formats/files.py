"""Files for the readers' tests: videos that nothing opens, and annotations."""

import json
from pathlib import Path

from finepseudo_core.datasets.formats.listing import ImportList


def touch(folder: Path, *names: str) -> None:
    """Files that look like videos by name; their folders are made."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def write_json(path: Path, content: object) -> Path:
    """A JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def keys(found: ImportList) -> list[str]:
    """Keys of the usable clips."""
    return [clip.key for clip in found.clips]


def reasons(found: ImportList) -> dict[str, str]:
    """Reason by the clip's name."""
    return {problem.path: problem.reason for problem in found.problems}
