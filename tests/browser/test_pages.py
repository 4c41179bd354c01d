"""The other pages in a real browser: they open, in both themes, and lead to each other."""

import sqlite3

import pytest
from playwright.sync_api import expect

from tests.browser.pages import ReviewPage
from tests.browser.test_review import verdicts, wait_for_rows

pytestmark = pytest.mark.browser

PAGES = {"": "Today", "browse": "Browse", "classes": "Classes", "rounds": "Rounds", "transfer": "Transfer"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_opens_without_an_error_and_asks_nobody_else(sign_in, server, scheme):
    page = sign_in().new_page()
    page.emulate_media(color_scheme=scheme)
    failures, foreign = [], []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda said: failures.append(said.text) if "Security Policy" in said.text else None)
    page.on("request", lambda request: foreign.append(request.url))
    for path, title in PAGES.items():
        page.goto(f"{server.address}/{path}")
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible(timeout=30_000)
        expect(page.get_by_text("This page failed")).to_have_count(0)
    page.goto(f"{server.address}/browse?clip={server.project.proposed[-1]}")
    expect(page.locator(".js-plotly-plot .bars").first).to_be_visible(timeout=30_000)
    ReviewPage(page, server.address).open()
    assert failures == []
    assert [url for url in foreign if not url.startswith((server.address, "data:", "blob:"))] == []


def test_an_empty_project_opens_too_and_says_what_to_do(browser, empty_server):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{empty_server.address}/?token={empty_server.project.token}")
    expect(page.get_by_text("How it works.")).to_be_visible(timeout=30_000)
    ReviewPage(page, empty_server.address).open(wait=False)
    expect(page.get_by_text("There are no clips yet.")).to_be_visible(timeout=30_000)
    context.close()


def test_enter_on_today_continues_reviewing(sign_in, server):
    page = sign_in().new_page()
    page.goto(server.address)
    expect(page.get_by_role("button", name="Review now")).to_be_visible(timeout=30_000)
    page.keyboard.press("Enter")
    page.locator(".query-clip[data-painted]").wait_for(timeout=30_000)


def test_a_thumbnail_plays_under_the_pointer_and_opens_its_clip(sign_in, server):
    page = sign_in().new_page()
    page.goto(f"{server.address}/browse")
    card = page.locator(".clip-card").first
    card.wait_for(timeout=30_000)
    clip_id = card.get_attribute("data-clip")
    card.hover()
    expect(card.locator("canvas[data-painted]")).to_be_visible()
    card.click()
    page.locator(".query-clip[data-painted]").wait_for(timeout=30_000)
    assert page.url.endswith(f"/browse?clip={clip_id}")
    page.reload()
    page.locator(".query-clip[data-painted]").wait_for(timeout=30_000)


def test_an_outsider_who_holds_the_write_lock_costs_patience_but_no_verdict(review, server):
    outsider = sqlite3.connect(server.project.studio.database.file, isolation_level=None)
    outsider.execute("BEGIN IMMEDIATE")
    first = review.clip
    review.press("a")
    expect(review.screen).not_to_have_attribute("data-clip", str(first))
    expect(review.page.locator(".status")).to_have_text("… saving")
    review.page.wait_for_timeout(1500)
    assert verdicts(server, review.reviewer_id) == []
    outsider.execute("ROLLBACK")
    outsider.close()
    assert [row.clip_id for row in wait_for_rows(server, review.reviewer_id, 1)] == [first]
    review.expect_saved()
