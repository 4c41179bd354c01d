"""A real server on a filled project, and real Chromium in front of it."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from sqlalchemy import delete

from app import web
from app.services import users
from db.models import Lease
from tests.browser.pages import ARGUMENTS, ReviewPage
from tests.filled_project import Filled, empty_project, filled_project

ROOT = Path(__file__).parents[2]
expect.set_options(timeout=15_000)  # ms: what is late on a busy machine is not missing


class Server:
    """The web process of a project."""

    def __init__(self, project: Filled) -> None:
        self.project = project
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Start and wait until it serves."""
        settings = self.project.studio.settings
        settings.logs.mkdir(exist_ok=True)
        with (settings.logs / "web.log").open("ab") as log:
            self.process = subprocess.Popen(
                web.command(settings, "127.0.0.1", self.port), cwd=ROOT, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise AssertionError((settings.logs / "web.log").read_text())

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait."""
        self.process.send_signal(how)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server on one filled project for all tests; each takes clips nobody decided on yet."""
    server = Server(filled_project(tmp_path_factory.mktemp("studio") / "project", unlabelled=240))
    yield server
    server.stop()
    server.project.studio.close()


@pytest.fixture
def empty_server(tmp_path: Path) -> Iterator[Server]:
    """A server on a project without a clip."""
    server = Server(empty_project(tmp_path / "project"))
    yield server
    server.stop()
    server.project.studio.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium: the system's, or the one that Playwright installed."""
    system = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=system, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """A tab of somebody who is not signed in."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def sign_in(browser: Browser, server: Server) -> Iterator[Callable[[], BrowserContext]]:
    """Makes a new reviewer, signed in, with a window of their own."""
    contexts = []

    def make() -> BrowserContext:
        user, token = users.create(server.project.studio, f"reviewer {time.time_ns()}")
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{server.address}/?token={token}")
        page.close()
        context.reviewer_id = user.id
        return context

    yield make
    for context in contexts:
        context.close()
    with server.project.studio.database.write() as session:
        session.execute(delete(Lease))  # the next test's reviewer finds every open clip free


@pytest.fixture
def review(sign_in: Callable[[], BrowserContext], server: Server) -> ReviewPage:
    """The review page of a new reviewer, a clip on screen."""
    context = sign_in()
    page = ReviewPage(context.new_page(), server.address)
    page.reviewer_id = context.reviewer_id
    return page.open()
