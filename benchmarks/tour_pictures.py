"""Takes the pictures of docs/tour.md from a running studio: python -m benchmarks.tour_pictures

Draws the practice clips, imports them, runs two rounds, and lets two made-up reviewers decide on some
proposals by the known classes, one of them sloppily. Then opens every page in Chromium, light and dark.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from playwright.sync_api import Page, Playwright, sync_playwright
from sqlalchemy import select

from app.services import datasets, queue, review, users
from app.services.studio import Studio, create_project, open_studio
from app.settings import load
from benchmarks.machine import ROOT
from benchmarks.studio import READY
from benchmarks.studio_project import Season
from db.models import Truth
from finepseudo_core.datasets import synthetic_dives
from tests.browser.conftest import Server
from tests.browser.pages import ARGUMENTS

PICTURES = ROOT / "docs" / "screenshots"
SHOWN = {
    "today": "",
    "review": "review",
    "browse": "browse?sort=confidence",
    "rounds": "rounds",
    "classes": "classes",
    "evaluation": "evaluation",
    "confusion": "evaluation?view=confusion",
    "quality": "quality",
    "transfer": "transfer",
    "admin": "admin",
}
AT_NIGHT = ("review", "compare", "evaluation", "today")


def run(project: Path, *words: str) -> None:
    """A command of the studio."""
    subprocess.run(
        [sys.executable, "-m", "app", *words, "--project", str(project), "--wait"], cwd=ROOT, check=True
    )


def decide(studio: Studio, reviewer: int, count: int, careless: float, seed: int) -> None:
    """Verdicts by the known class; a careless reviewer accepts what was proposed all the same."""
    chance = random.Random(seed)
    with studio.database.read() as session:
        truth = {row.clip_id: row.class_id for row in session.scalars(select(Truth))}
    for _ in range(count):
        found = queue.next_items(studio, reviewer, limit=1)
        if not found.items:
            return
        item = found.items[0]
        proposed = getattr(item, "class_id", None)
        right = truth.get(item.clip_id, proposed)
        said = proposed if proposed and chance.random() < careless else right
        event = {
            "uuid": str(uuid.uuid4()), "clip_id": item.clip_id, "round_id": found.round_id,
            "kind": "accept" if said == proposed else "correct", "class_id": said,
            "predicted_class_id": proposed, "blind": proposed is None,
            "seconds": chance.lognormvariate(0.9, 0.5),
        }  # fmt: skip
        review.record(studio, reviewer, [event])


def second_opinions(studio: Studio, reviewer: int, first: int, count: int, careless: float) -> None:
    """Verdicts on clips that another reviewer decided on."""
    chance, ids = random.Random(0), [class_id for class_id, _ in review.classes(studio)]
    for card in datasets.clips(studio, datasets.ClipFilter(reviewer_id=first), limit=count).clips:
        said = chance.choice(ids) if chance.random() < careless else card.label_id
        event = {
            "uuid": str(uuid.uuid4()), "clip_id": card.id, "kind": "correct", "class_id": said,
            "seconds": chance.lognormvariate(1.2, 0.5),
        }  # fmt: skip
        review.record(studio, reviewer, [event])


def make(project: Path) -> Season:
    """The demo project after two rounds, with verdicts."""
    folder = project.parent / "clips"
    synthetic_dives.generate(folder)
    studio = create_project(load(project, {}))
    token = users.ensure_owner(studio)
    owner = users.listing(studio)[0].id
    ada = users.create(studio, "Ada")[0].id
    run(project, "import", str(folder), "--labelled-share", "0.1", "--test-share", "0.2")
    for number in range(2):
        run(project, "round", "--preset", "cpu-demo")
        decide(studio, owner, 24, careless=0.0, seed=number)
        decide(studio, ada, 16, careless=0.15, seed=number + 10)
    second_opinions(studio, ada, owner, 30, careless=0.15)
    return Season(studio, owner, token)


def take(page: Page, address: str, name: str, theme: str) -> None:
    """One page at rest."""
    page.goto(address)
    page.locator('[data-testid="stMainBlockContainer"]').wait_for()
    page.locator(READY).wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=PICTURES / f"{name}-{theme}.png")


def addresses(studio: Studio) -> dict[str, str]:
    """Picture -> what follows the studio's address."""
    page = datasets.clips(studio, datasets.ClipFilter(label="accepted"), limit=1).clips
    labelled = datasets.clips(studio, datasets.ClipFilter(label="labelled"), limit=2).clips
    one, other = labelled[0].id, labelled[1].id
    first = review.classes(studio)[0][0]
    return {
        **SHOWN,
        "clip": f"browse?clip={page[0].id if page else one}",
        "class": f"classes?class={first}",
        "compare": f"compare?a={one}&b={other}",
    }


def main() -> None:
    """Make the project or open one, and take all pictures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--project", type=Path, help="a project with rounds; none makes one")
    asked = options.parse_args()
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        if asked.project:
            studio = open_studio(load(asked.project, {}))
            season = Season(studio, users.listing(studio)[0].id, users.ensure_owner(studio))
        else:
            season = make(Path(folder) / "project")
        server = Server(season)
        work = [sys.executable, "-m", "app", "worker", "--project", str(season.studio.settings.project)]
        worker = subprocess.Popen(work, cwd=ROOT)  # a studio has one
        try:
            take_all(playwright, server, season)
        finally:
            worker.terminate()
            server.stop()
            season.studio.close()


def take_all(playwright: Playwright, server: Server, season: Season) -> None:
    """Every page, light and dark."""
    browser = playwright.chromium.launch(
        executable_path=os.environ.get("CHROMIUM") or "/usr/bin/chromium", args=ARGUMENTS
    )
    places = addresses(season.studio)
    for theme, wanted in (("light", places), ("dark", AT_NIGHT)):
        context = browser.new_context(viewport={"width": 1366, "height": 768}, color_scheme=theme)
        page = context.new_page()
        page.goto(f"{server.address}/?token={season.token}")
        for name in wanted:
            take(page, f"{server.address}/{places[name]}", name, theme)
        context.close()
    browser.close()


if __name__ == "__main__":
    main()
