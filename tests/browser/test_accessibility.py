"""No page has a barrier that axe calls serious or critical, in light or dark, and none catches the focus."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from app.services import review, users
from tests.app.services.test_review import event
from tests.browser.conftest import Server
from tests.browser.keyboard import walk
from tests.browser.pages import ReviewPage
from tests.browser.test_classes import owner_page

pytestmark = pytest.mark.browser

PAGES = {
    "": ".fps-tiles",
    "review": ".query-clip[data-painted]",
    "compare?a={0}&b={1}": ".compare[data-state]",
    "browse?label=unlabelled&confidence=20-100": ".clip-card",
    "browse?clip={0}": ".query-clip[data-painted]",
    "classes": ".js-plotly-plot .heatmaplayer image",
    "classes?class={class_id}": ".clip-card",
    "rounds": "[data-testid=stSlider]",
    "evaluation?view=rounds": "[data-testid=stDataFrame] canvas",
    "evaluation?view=classes": "h1",
    "evaluation?view=confusion": "h1",
    "evaluation?view=confidence": "h1",
    "evaluation?view=cost": "h1",
    "quality?view=agreement": "[data-testid=stDataFrame] canvas",
    "quality?view=conflicts": "[data-testid=stDataFrame] canvas",
    "quality?view=audit": "h1",
    "quality?view=pace": "h1",
    "transfer": "[data-testid=stTextInput]",
    "admin": "h1",
}
SECONDS = 20_000
AXE = {"resultTypes": ["violations"], "elementRef": False}


@pytest.fixture(scope="module")
def judged(server: Server) -> Iterator[Server]:
    """The project with two clips about which two people disagree."""
    studio = server.project.studio
    people = [users.create(studio, f"accessible {place}")[0].id for place in range(2)]
    kinds = [class_id for class_id, _ in review.classes(studio)]
    given = [
        (people[place], event("correct", clip_id, class_id=kinds[place], round_id=1, seconds=2.0))
        for clip_id in server.project.proposed[-2:]
        for place in range(2)
    ]
    for who, sent in given:
        review.record(studio, who, [sent])
    yield server
    for who, sent in given:
        review.record(studio, who, [event("undo", sent["clip_id"], undoes_uuid=sent["uuid"])])


@pytest.fixture
def page(browser: Browser, judged: Server) -> Iterator[Page]:
    """A tab of the project's owner, who sees every page."""
    page = owner_page(browser, judged)
    yield page
    page.context.close()


def barriers(page: Page, where: str) -> list[str]:
    """What axe finds on the page as it stands, one line each."""
    found = Axe().run(page, options=AXE).response["violations"]
    return [
        f"{where}: {rule['id']}: {node['target']}: {node['html'][:120]}: {node['failureSummary']}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def settle(page: Page, sign: str) -> None:
    """Wait until a page is drawn: its last piece is there, and the server has nothing more to say."""
    page.locator(sign).first.wait_for(state="attached", timeout=SECONDS)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=SECONDS)
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0, timeout=SECONDS)
    expect(page.get_by_text("This page failed")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_barrier_and_tab_leads_through_each(page, judged, scheme):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    clips = judged.project.proposed
    class_id = review.classes(judged.project.studio)[0][0]
    found = []
    for address, sign in PAGES.items():
        page.goto(f"{judged.address}/{address.format(*clips, class_id=class_id)}")
        settle(page, sign)
        found += barriers(page, f"{address} {scheme}")
        if scheme == "light":
            walk(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_in_what_opens_over_review_and_compare(page, judged, scheme):
    page.emulate_media(color_scheme=scheme)
    found = []
    review_page = ReviewPage(page, judged.address).open()
    for key in ("?", "/", "f"):
        review_page.press(key)
        expect(page.get_by_role("dialog")).to_be_visible()
        found += barriers(page, f"review {key} {scheme}")
        review_page.press("Escape")
    page.goto(f"{judged.address}/compare?a={judged.project.proposed[0]}&b={judged.project.proposed[1]}")
    page.locator(".compare[data-state=aligned]").wait_for(timeout=SECONDS)
    for key in ("?", "m"):
        page.keyboard.press(key)
        expect(page.get_by_role("dialog")).to_be_visible()
        found += barriers(page, f"compare {key} {scheme}")
        page.keyboard.press("Escape")
    assert not found, "\n".join(found)
