"""Runs the worker and the web app as siblings: starts both, restarts one that crashed, ends both together.

The web app never starts the worker and the worker never starts the web app. Whoever ends the supervisor, even
with kill -9, ends both (see `app.processes`).
"""

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app import logs, processes, web
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
POLL_SECONDS = 0.2
LONGEST_BACKOFF = 30.0
HEALTHY_SECONDS = 60.0
PATIENCE_SECONDS = 20.0


@dataclass
class Sibling:
    """One program under supervision.

    Args:
        name: what the user calls it, "worker" or "web app".
        command: program and arguments.
        environment: its whole environment.
        log: file that takes its output; None leaves the output in the terminal.
    """

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    log: Path | None = None
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    started_at: float = field(default=0.0, init=False)
    restart_at: float = field(default=0.0, init=False)
    backoff: float = field(default=1.0, init=False)

    def start(self) -> None:
        """Start the program; it dies with this process."""
        self.started_at = time.monotonic()
        if self.log is None:
            self.process = processes.start_bound(self.command, environment=self.environment, folder=ROOT)
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        logs.rotate(self.log)
        with self.log.open("ab") as output:
            self.process = processes.start_bound(
                self.command, environment=self.environment, output=output, folder=ROOT
            )

    def look_after(self) -> None:
        """Start the program again if it ended by itself, after a pause that doubles with every crash."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.restart_at:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        self.backoff = 1.0 if now - self.started_at > HEALTHY_SECONDS else self.backoff
        where = f"; see {self.log}" if self.log else ""
        how = processes.ending(code)
        print(
            f"The {self.name} stopped ({how}); starting it again in {self.backoff:.0f} s{where}.", flush=True
        )
        self.process, self.restart_at = None, now + self.backoff
        self.backoff = min(2 * self.backoff, LONGEST_BACKOFF)


def siblings(settings: Settings, environment: dict[str, str], address: str, port: int) -> list[Sibling]:
    """The worker and the web app of a project; the web app listens on address and port."""
    worker = [sys.executable, "-m", "app", "worker", "--project", str(settings.project)]
    pages = web.command(settings, address, port)
    return [
        Sibling("worker", worker, environment),
        Sibling("web app", pages, environment, settings.logs / "web.log"),
    ]


def supervise(family: Sequence[Sibling], ready_address: str, when_ready: Callable[[], None]) -> None:
    """Keep the siblings running until SIGINT or SIGTERM, then end them in order.

    Args:
        family: the programs, in the order they are started.
        ready_address: URL that answers once the studio can be used.
        when_ready: called once, when it does.
    """
    stop: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda caught, frame: stop.append(caught))
    try:
        for sibling in family:
            sibling.start()
        ready = False
        while not stop:
            for sibling in family:
                sibling.look_after()
            if not ready and answers(ready_address):
                ready = True
                when_ready()
            time.sleep(POLL_SECONDS)
        print("Stopping; a running round keeps its checkpoint and goes on at the next start.", flush=True)
    finally:
        processes.end([sibling.process for sibling in family if sibling.process], PATIENCE_SECONDS)


def answers(address: str) -> bool:
    """True when a web server answers at the URL, whatever it says."""
    try:
        with urllib.request.urlopen(address, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def free_port(address: str, wanted: int, tries: int = 50) -> int:
    """The wanted TCP port, or the next one nobody listens on.

    Raises:
        ValueError: none of the next ports is free.
    """
    for port in range(wanted, wanted + tries):
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
    raise ValueError(
        f"ports {wanted} to {wanted + tries - 1} on {address} are taken; give another with --port."
    )
