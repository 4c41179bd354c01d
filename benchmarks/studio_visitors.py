"""Signed-in reviewers with a window of their own, and what the database has of them."""

import time

from playwright.sync_api import Browser, BrowserContext
from sqlalchemy import func, select

from app.services import users
from db.models import Verdict
from tests.browser.conftest import Server


class Visitors:
    """Makes signed-in reviewers, each with a window of their own."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self.browser, self.server = browser, server

    def new(self, script: str = "", **options: object) -> tuple[BrowserContext, int]:
        """A window and the reviewer's id."""
        user, token = users.create(self.server.project.studio, f"reviewer {time.time_ns()}")
        context = self.browser.new_context(viewport={"width": 1366, "height": 768}, **options)
        context.set_default_timeout(60_000)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.goto(f"{self.server.address}/?token={token}")
        page.close()
        return context, user.id

    def verdicts(self, reviewer_id: int) -> list[tuple[int, str]]:
        """(clip, kind) of everything the database has of a reviewer, in order."""
        with self.server.project.studio.database.read() as session:
            mine = select(Verdict.clip_id, Verdict.kind).where(Verdict.reviewer_id == reviewer_id)
            return [(row.clip_id, row.kind) for row in session.execute(mine.order_by(Verdict.id))]

    def wait_for(self, reviewer_id: int, count: int, seconds: float = 60) -> float:
        """Return once the database has that many verdicts of a reviewer, or `seconds` are over."""
        counted = select(func.count()).select_from(Verdict).where(Verdict.reviewer_id == reviewer_id)
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            with self.server.project.studio.database.read() as session:
                if session.scalar(counted) >= count:
                    break
            time.sleep(0.004)
        return time.perf_counter()
