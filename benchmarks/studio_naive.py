"""The same reviewing with Streamlit's native buttons and st.video, measured in between."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.services import users
from benchmarks import machine
from benchmarks.studio_scripts import KEY_TO_VIDEO
from benchmarks.studio_visitors import Visitors


@contextmanager
def naive_server(project: Path, port: int) -> Iterator[str]:
    """The native screen with Streamlit's own defaults."""
    command = [
        sys.executable, "-m", "streamlit", "run", "benchmarks/naive_review.py",
        "--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true",
        "--browser.gatherUsageStats", "false",
    ]  # fmt: skip
    environment = {**os.environ, "NAIVE_PROJECT": str(project), "PYTHONPATH": "."}
    with subprocess.Popen(
        command, env=environment, cwd=machine.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_until_served(f"http://127.0.0.1:{port}/_stcore/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_until_served(address: str) -> None:
    """Return once the address answers."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{address} does not answer; is the port in use?")


def naive_reviewing(visitors: Visitors, address: str, verdicts: int, fast: int) -> tuple[list[float], int]:
    """Milliseconds from key to the next video, and how many of `fast` keys 50 ms apart became verdicts."""
    context = visitors.browser.new_context(viewport={"width": 1366, "height": 768})
    context.add_init_script(KEY_TO_VIDEO)
    page = context.new_page()
    page.goto(address)
    page.locator("video").wait_for()
    page.wait_for_timeout(2000)
    for _ in range(verdicts):
        page.keyboard.press("a")
        page.wait_for_timeout(600)
    taken = page.evaluate("window.latencies")
    newest = max(
        user.id for user in users.listing(visitors.server.project.studio) if user.name[:5] == "naive"
    )
    before = len(visitors.verdicts(newest))
    for _ in range(fast):
        page.keyboard.press("a")
        page.wait_for_timeout(50)
    page.wait_for_timeout(3000)
    kept = len(visitors.verdicts(newest)) - before
    context.close()
    return taken, kept
