"""Where processes write what they did: PROJECT/logs/*.log. Configured only where a process starts."""

import logging
import os
import sys
from logging.handlers import WatchedFileHandler
from pathlib import Path

MOST_BYTES = 10 << 20
KEPT = 3


def rotate(path: Path, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> None:
    """Move a log that has grown too large to `.1`, and older ones one further; at most `kept` stay.

    Only the process that owns the log calls this. Others that write to the same file notice the move, because
    they hold it through `WatchedFileHandler`.
    """
    if not path.exists() or path.stat().st_size < most_bytes:
        return
    for number in range(kept, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        newer = path.with_name(f"{path.name}.{number - 1}") if number > 1 else path
        if newer.exists():
            os.replace(newer, older)


def configure(path: Path) -> None:
    """Send this process's log to a file; warnings, and what is marked `announce`, also to standard error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = WatchedFileHandler(path, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    console = logging.StreamHandler(sys.stderr)
    console.setFormatter(logging.Formatter("%(message)s"))
    console.addFilter(_for_the_console)
    logging.basicConfig(level=logging.INFO, handlers=[file, console], force=True)


ANNOUNCE = {"announce": True}
"""Pass as `extra=` to show an info line in the terminal as well."""


def _for_the_console(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or getattr(record, "announce", False)
