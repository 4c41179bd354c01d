"""What the studio's promises to reviewers are worth, in real Chromium: python -m benchmarks.studio

A project with 100,000 clips and 288 classes is served as users have it; keys, clicks and drags go through the
browser, verdicts are counted in the database. The same reviewing with Streamlit's native buttons and st.video
runs in between. Prints a table, and writes benchmarks/results/studio.json.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from playwright.sync_api import Error, Page, WebSocketRoute, sync_playwright

from app.services import users
from app.signatures import COOKIE, make_cookie
from benchmarks import machine, studio_project
from benchmarks.studio_naive import naive_reviewing, naive_server
from benchmarks.studio_scripts import (
    DRAG,
    IS_BARE,
    KEY_TO_CLIP,
    ON_SCREEN,
    PICTURES_IN_SIGHT,
    SEARCH,
)
from benchmarks.studio_visitors import Visitors
from benchmarks.wire_reviewer import WireReviewer
from tests.browser.conftest import Server
from tests.browser.pages import ARGUMENTS, ReviewPage

RESULTS = Path(__file__).parent / "results" / "studio.json"
KINDS = {"a": "accept", "x": "reject", "n": "novel", "s": "skip"}
BEAT = 2.0  # seconds that a person takes for a clip
PAGES = ("", "review", "compare", "browse", "classes", "rounds", "evaluation", "quality", "transfer")
READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'


@dataclass(frozen=True)
class Line:
    """A row of the table. `goal` is the most that is allowed, None where there is none."""

    what: str
    measured: float
    unit: str
    goal: float | None = None
    naive: float | None = None


def percentile(values: Sequence[float], share: int) -> float:
    """The value that `share` percent stay below."""
    return statistics.quantiles(values, n=100)[share - 1]


def reviewing(visitors: Visitors, verdicts: int) -> tuple[list[float], list[float]]:
    """Milliseconds from key to the next clip's pixels, and from key to the row."""
    context, reviewer = visitors.new(KEY_TO_CLIP)
    review = ReviewPage(context.new_page(), visitors.server.address).open()
    saved = []
    for number in range(verdicts + 3):
        pressed = time.perf_counter()
        review.press("1")  # also answers a blind check
        saved.append(1000 * (visitors.wait_for(reviewer, number + 1) - pressed))
        review.page.wait_for_timeout(120)
    shown = review.page.evaluate("window.latencies")
    context.close()
    return shown[3:], saved[3:]  # the first ones find cold caches


def hard_times(visitors: Visitors, verdicts: int) -> tuple[int, int]:
    """How many verdicts were given, 50 ms apart, and how many of them the database has."""
    context, reviewer = visitors.new()
    page, sockets = context.new_page(), []

    def pass_on(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    def restart() -> None:
        visitors.server.stop()
        visitors.server.start()

    page.route_web_socket("**/_stcore/stream**", pass_on)
    review = ReviewPage(page, visitors.server.address).open()
    troubles = {
        verdicts // 4: lambda: sockets[-1].close(),
        verdicts // 3: restart,
        verdicts // 2: lambda: sockets[-1].close(),
        4 * verdicts // 5: review.open,
    }
    given: list[tuple[int, str]] = []
    while len(given) < verdicts:
        if trouble := troubles.pop(len(given), None):
            trouble()
        clip = clip_on_screen(page)
        if not clip:
            page.wait_for_timeout(20)  # nothing to decide on
            continue
        key = "n" if page.evaluate(IS_BARE) else "aaxn"[len(given) % 4]
        review.press(key)
        page.wait_for_timeout(50)
        if clip_on_screen(page) != clip:  # else no key was taken: the page was loading, or a dialog open
            given.append((clip, KINDS[key]))
    visitors.wait_for(reviewer, verdicts)
    kept = set(visitors.verdicts(reviewer))
    context.close()
    return len(given), sum(one in kept for one in given)


def clip_on_screen(page: Page) -> int:
    """Id of the clip under review, 0 where there is none or the page is just loading."""
    try:
        return page.evaluate(ON_SCREEN)
    except Error:
        return 0


def crowd(visitors: Visitors, reviewers: int, rounds: int) -> tuple[list[float], list[float], int]:
    """One person at a browser among people who speak its protocol, each with a verdict every two seconds.

    Milliseconds from key to the next clip in the browser, from verdict to acknowledgement for the others, and
    how many verdicts of anybody were lost.
    """
    server, studio = visitors.server, visitors.server.project.studio
    context, reviewer = visitors.new(KEY_TO_CLIP)
    review = ReviewPage(context.new_page(), server.address).open()
    ids = [users.create(studio, f"wire {time.time_ns()}")[0].id for _ in range(reviewers - 1)]
    cookies = [f"{COOKIE}={make_cookie(studio.secret, each)}" for each in ids]
    people = [WireReviewer(server.address, cookie) for cookie in cookies]

    def work(person: WireReviewer) -> list[float]:
        time.sleep(BEAT * people.index(person) / len(people))  # not all at once
        taken = []
        for _ in range(rounds):
            taken.append(1000 * person.decide())
            time.sleep(max(0.0, BEAT - taken[-1] / 1000))
        return taken

    with ThreadPoolExecutor(len(people)) as pool:
        at_work = [pool.submit(work, person) for person in people]
        for _ in range(rounds):
            review.press("1")
            review.page.wait_for_timeout(1000 * BEAT)
        answered = [taken for each in at_work for taken in each.result()]
    for person in people:
        person.close()
    visitors.wait_for(reviewer, rounds)
    lost = sum(rounds - len(visitors.verdicts(each)) for each in (reviewer, *ids))
    shown = review.page.evaluate("window.latencies")
    context.close()
    return shown, answered, lost


def page_opens(visitors: Visitors, times: int) -> dict[str, float]:
    """Median milliseconds from an address to a page at rest, the browser and the server being warm."""
    context, _ = visitors.new()
    page, found = context.new_page(), {}
    for name in PAGES:
        taken = []
        for _ in range(times + 1):
            began = time.perf_counter()
            page.goto(f"{visitors.server.address}/{name}")
            page.locator("h1, .review, .compare").first.wait_for()
            page.locator(READY).wait_for()
            taken.append(1000 * (time.perf_counter() - began))
        found[name or "today"] = statistics.median(taken[1:])
    context.close()
    return found


def browsing(visitors: Visitors, times: int) -> float:
    """Median milliseconds from a click on Browse to all of its pictures in sight."""
    context, _ = visitors.new()
    page, taken = context.new_page(), []
    for _ in range(times + 1):
        page.goto(f"{visitors.server.address}/transfer")
        page.locator("h1").first.wait_for()
        page.locator(READY).wait_for()
        began = time.perf_counter()
        page.get_by_role("link", name="Browse").click()
        page.locator(".clip-card").first.wait_for()
        page.wait_for_function(PICTURES_IN_SIGHT)
        taken.append(1000 * (time.perf_counter() - began))
    context.close()
    return statistics.median(taken[1:])


def searching(visitors: Visitors) -> float:
    """95th percentile of the milliseconds from a letter to the list of classes that match."""
    context, _ = visitors.new()
    review = ReviewPage(context.new_page(), visitors.server.address).open()
    review.press("/")
    review.page.evaluate(SEARCH)
    for words in ("rev 2 pike", "arm back tw", "inward 4 tuck", "forw no"):
        review.page.keyboard.type(words, delay=60)
        for _ in words:
            review.press("Backspace")
            review.page.wait_for_timeout(60)
    taken = review.page.evaluate("window.searches")
    context.close()
    return percentile(taken, 95)


def dragging(visitors: Visitors) -> float:
    """95th percentile of the milliseconds between two frames while the matrix is dragged."""
    context, _ = visitors.new()
    page = context.new_page()
    page.goto(f"{visitors.server.address}/compare?a=1&b=11")
    page.locator('.compare[data-state="aligned"]').wait_for()
    page.locator(".compare-clip[data-painted]").first.wait_for()
    box = page.locator(".cost-matrix").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.evaluate(DRAG)
    for step in range(120):
        share = 0.05 + 0.9 * abs((step % 60) / 30 - 1)
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] * share)
    page.mouse.up()
    page.evaluate("window.dragging = false")
    frames = page.evaluate("window.frames")
    context.close()
    return percentile(frames[2:], 95)


def measure(visitors: Visitors, verdicts: int, reviewers: int) -> list[Line]:
    """The whole table."""
    tell = Progress()
    tell("reviewing by key")
    shown, saved = reviewing(visitors, verdicts)
    tell("the naive way")
    with naive_server(visitors.server.project.studio.settings.project, visitors.server.port + 1) as address:
        videos, kept_naive = naive_reviewing(visitors, address, verdicts // 4, verdicts)
    tell("dropped sockets, a restart, a reload")
    given, kept = hard_times(visitors, verdicts)
    tell(f"{reviewers} reviewers")
    clicks, answered, lost = crowd(visitors, reviewers, verdicts // 5)
    tell("pages")
    opens = page_opens(visitors, 5)
    return [
        Line(
            "key to the next clip's pixels, median",
            statistics.median(shown),
            "ms",
            60,
            statistics.median(videos),
        ),
        Line("key to the next clip's pixels, p95", percentile(shown, 95), "ms", 100, percentile(videos, 95)),
        Line("key to the row in the database, p95", percentile(saved, 95), "ms", 300),
        Line(f"of {given} verdicts 50 ms apart, lost", given - kept, "", 0, verdicts - kept_naive),
        Line(f"{reviewers} reviewers: key to the next clip, median", statistics.median(clicks), "ms", 100),
        Line(f"{reviewers} reviewers: verdict to answer, median", statistics.median(answered), "ms", 100),
        Line(f"{reviewers} reviewers: verdict to answer, p95", percentile(answered, 95), "ms"),
        Line(f"{reviewers} reviewers: verdicts lost", lost, "", 0),
        *(Line(f"page {name} opens, warm", taken, "ms", 1500) for name, taken in opens.items()),
        Line("Browse: click to all pictures in sight", browsing(visitors, 5), "ms", 1000),
        Line("class search, letter to list, p95", searching(visitors), "ms", 50),
        Line("matrix drag, time between frames, p95", dragging(visitors), "ms", 33),
    ]


class Progress:
    """Says what is being measured, and since when."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self, what: str) -> None:
        print(f"{time.monotonic() - self.began:6.0f} s  {what}", flush=True)


def table(lines: Sequence[Line]) -> str:
    """Markdown."""
    rows = ["| what | measured | at most | buttons and st.video |", "|---|---|---|---|"]
    for line in lines:
        values = (line.measured, line.goal, line.naive)
        cells = ("" if value is None else f"{value:.0f} {line.unit}".strip() for value in values)
        rows.append(f"| {line.what} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def main() -> None:
    """Make the project, serve it, measure."""
    options = argparse.ArgumentParser(description=__doc__)
    for name, default in (("clips", 100_000), ("classes", 288), ("verdicts", 200), ("reviewers", 20)):
        options.add_argument(f"--{name}", type=int, default=default)
    options.add_argument("--results", type=Path, default=RESULTS)
    size = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(studio_project.make(Path(folder) / "project", size.clips, size.classes))
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or "/usr/bin/chromium", args=ARGUMENTS
        )
        try:
            lines = measure(Visitors(browser, server), size.verdicts, size.reviewers)
        finally:
            browser.close()
            server.stop()
            server.project.studio.close()
    about = {"machine": machine.description(), "clips": size.clips, "classes": size.classes}
    size.results.write_text(json.dumps({**about, "lines": [asdict(line) for line in lines]}, indent=1) + "\n")
    print(table(lines))


if __name__ == "__main__":
    main()
