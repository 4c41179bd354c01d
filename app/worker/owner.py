"""The name under which a worker holds its jobs: the same after a crash, never shared by two that live."""

import fcntl
import itertools
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True)
class Owner:
    """A worker's name, held through a locked file until `release` or the end of the process.

    The kernel gives the lock up when the process dies, however it dies. Whoever gets it next knows that
    every job still held under this name was left behind, and need not wait for the lease to run out.
    """

    name: str
    file: IO[str]

    def release(self) -> None:
        """Let another worker have the name."""
        self.file.close()


def take_name(folder: Path) -> Owner:
    """The first name in `folder` that no living worker holds; a new one where all are held."""
    folder.mkdir(parents=True, exist_ok=True)
    host = socket.gethostname()
    for number in itertools.count(1):
        file = (folder / f"worker-{host}-{number}.lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        file.seek(0)
        token = file.read()
        if not token:  # random, since two machines with one host name may share a database but no folder
            token = secrets.token_hex(4)
            file.write(token)
            file.flush()
        return Owner(f"{host}-{number}-{token}", file)
    raise AssertionError("itertools.count ends never")
