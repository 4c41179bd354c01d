"""A throw-away PostgreSQL server from Debian's package, reached through a socket in a temporary folder."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from app.processes import bound_to_parent

PROGRAMS = max(
    Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: int(path.parent.name)
)
PATIENCE = 30.0


class PostgresServer:
    """One cluster; `stop` ends the server and removes its files.

    Trust authentication is no risk here: the server listens on a socket in a private folder only.
    """

    def __init__(self) -> None:
        assert PROGRAMS is not None
        self.folder = Path(tempfile.mkdtemp(prefix="fp-pg-"))
        # PostgreSQL refuses to run as root
        self.account: dict[str, Any] = {}
        if os.geteuid() == 0:
            self.account = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(self.folder, "postgres", "postgres")
        self.names = (f"test_{number}" for number in itertools.count())
        command = [PROGRAMS / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust"]
        options = ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]
        subprocess.run([*command, *options], check=True, capture_output=True, cwd="/", **self.account)
        self.process = self._start()

    def new_database(self, template: str = "template1") -> str:
        """Name of a new database, a copy of `template`."""
        name = next(self.names)
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected; hundreds of them would fill the disk."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        """SQLAlchemy's address of a database."""
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run a statement outside any transaction."""
        place = {"host": str(self.folder), "user": "postgres", "dbname": "postgres"}
        with psycopg.connect(**place, autocommit=True) as connection:
            connection.execute(statement)

    def crash(self) -> None:
        """End the server without a chance to tidy up, and start it again."""
        self._end(signal.SIGQUIT)
        self.process = self._start()

    def stop(self) -> None:
        """End the server and remove its files."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [PROGRAMS / "postgres", "-D", self.folder / "data", "-k", self.folder]
        # without fsync a killed server still loses nothing; only a power cut would show the difference
        options = ["-c", "listen_addresses=", "-c", "shared_buffers=16MB", "-c", "fsync=off"]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*command, *options], stdout=log, stderr=log, cwd="/",
                preexec_fn=bound_to_parent(os.getpid()), **self.account,
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.execute("SELECT 1")
                return process
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _end(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
