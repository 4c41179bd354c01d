"""From a folder of clips to labels that the next round learns from, as a person does it in the browser."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.app.worker.squares import draw_clips
from tests.browser.pages import ReviewPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
SHORT = {
    "action_encoder.frames": 4,
    "action_encoder.size": 24,
    "action_encoder.width": 4,
    "alignability_encoder.frames": 6,
    "alignability_encoder.size": 24,
    "pretraining.epochs": 2,
    "self_training.alignability_epochs": 10,
    "self_training.action_epochs": 5,
}
ROUND = 120_000  # milliseconds that a small round may take on a busy machine


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[str]:
    """The whole studio on an empty project, as `make studio` starts it; gives the sign-in address."""
    log = tmp_path / "studio.log"
    command = [
        sys.executable,
        "-m",
        "app",
        "studio",
        "--project",
        str(tmp_path / "project"),
        "--port",
        "8661",
    ]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=output,
            text=True,
        )
        try:
            yield _address(process, log)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    for _ in range(600):
        if found := re.search(r"http://\S+token=\S+", log.read_text()):
            return found.group()
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(log.read_text())


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of a person at a laptop."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()


def _fill(page: Page, key: str, value: object) -> None:
    """Type into the field of that key, and leave it."""
    field = page.locator(f".st-key-{re.sub(r'[^a-zA-Z0-9_-]', '-', key)} input")
    field.fill(str(value))
    field.press("Tab")


def _start_round(page: Page, base: str) -> None:
    """Start a short round by the form on the Rounds page."""
    page.goto(f"{base}/rounds")
    page.get_by_text("All settings").click()
    for name, value in SHORT.items():
        _fill(page, f"cpu-demo|{name}", value)
    page.wait_for_timeout(500)  # a field that is left draws the form anew, and a click meanwhile is lost
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.get_by_role("button", name="Start round").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible(timeout=30_000)


def test_clips_become_labels_that_the_next_round_learns_from(studio, page, tmp_path):
    base = studio.split("/?")[0]
    names = draw_clips(tmp_path / "clips", 24)
    with (tmp_path / "clips" / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *names.items()])
    page.goto(studio)

    # clips come in, after a dry run
    page.goto(f"{base}/transfer")
    _fill(page, "folder", tmp_path / "clips")
    slider = page.locator(".st-key-labelled input[type=range]")
    slider.press("Home")  # 1 %: two clips of each class, the least a round can learn from
    page.get_by_role("button", name="Check what comes in").click()
    expect(page.get_by_role("button", name="Import 24 clips")).to_be_visible()
    page.get_by_text("Start a first round when all clips are read").click()
    page.get_by_role("button", name="Import 24 clips").click()
    expect(page.get_by_text(re.compile("24.*ready")).first).to_be_visible(timeout=60_000)

    # the first round proposes labels for the 16 others
    _start_round(page, base)
    expect(page.locator("[class*=st-key-roll_back], [class*=st-key-card_1]").first).to_be_visible(
        timeout=ROUND
    )

    # people decide by keys
    review = ReviewPage(page, base).open()
    expect(page.get_by_text("16 waiting")).to_be_visible()
    review.press("a")
    expect(page.get_by_text("1 reviewed")).to_be_visible()
    review.press("2", "x", "a")
    review.expect_saved()
    expect(page.get_by_text("4 reviewed")).to_be_visible()

    # the next round starts from that
    _start_round(page, base)
    expect(page.locator("[class*=st-key-card_2]")).to_be_visible(timeout=ROUND)
    page.get_by_text("What changed between two rounds").click()
    expect(
        page.get_by_text(re.compile("flipped|newly accepted|dropped|Nothing", re.IGNORECASE)).first
    ).to_be_visible()

    # labels go out
    page.goto(f"{base}/transfer")
    page.get_by_role("tab", name="Export labels").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    sources = [row["source"] for row in rows]
    assert sources.count("imported") == 8
    assert sources.count("verdict") == 3  # the rejected clip has no label
    with page.expect_download() as download:
        page.get_by_role("button", name="Download JSON lines").click()
    lines = Path(download.value.path()).read_text("utf-8").splitlines()
    assert [json.loads(line)["source"] for line in lines] == sources

    # what people decided is in the second round's snapshot
    from app import settings
    from app.services.studio import open_studio
    from db.models import RoundClip

    place = open_studio(settings.load(tmp_path / "project"))
    with place.database.read() as session:
        decided = session.query(RoundClip).filter_by(round_id=2, source="verdict").count()
        assert decided == 3
        assert session.query(RoundClip).filter_by(round_id=1, source="verdict").count() == 0
    place.close()
