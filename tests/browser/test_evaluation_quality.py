"""Evaluation and Quality in a real browser: figures are drawn, and rows lead to their clips."""

import re

import pytest
from playwright.sync_api import Page, expect

from app.services import datasets, evaluation, review, review_quality, users
from tests.app.services.test_review import event
from tests.browser.test_classes import owner_page

pytestmark = pytest.mark.browser

SECONDS = 20_000


def choose_first_row(page: Page, table: int = 0) -> None:
    """Click the box of a table's first row."""
    shown = page.locator("[data-testid=stDataFrame]").nth(table)
    expect(shown.locator("canvas").first).to_be_visible(timeout=SECONDS)
    page.wait_for_timeout(300)  # the table lays its columns out once more
    box = shown.bounding_box()
    page.mouse.click(box["x"] + 17, box["y"] + 48)


def test_the_most_frequent_mix_up_leads_to_its_clips(browser, server):
    studio = server.project.studio
    found = evaluation.confusion(studio, 1, on_test=False)
    most = found.mix_ups[0]
    page = owner_page(browser, server)
    page.goto(f"{server.address}/evaluation?view=confusion&round=1")
    page.get_by_text("Accepted proposals", exact=True).click(timeout=SECONDS)
    expect(page.locator(".js-plotly-plot .heatmaplayer image").first).to_be_attached(timeout=SECONDS)
    choose_first_row(page)
    cards = page.locator(".clip-card")
    expect(cards).to_have_count(min(24, most.clips), timeout=SECONDS)
    clips, _ = evaluation.confused_clips(studio, 1, most.said_id, most.is_id, on_test=False, limit=24)
    assert int(cards.first.get_attribute("data-clip")) == clips[0].id
    assert page.locator("img[src=x]").count() == 0, "names of classes are text"
    cards.first.click()
    page.wait_for_url(re.compile(rf"/browse\?clip={clips[0].id}$"), timeout=SECONDS)
    page.context.close()


def test_a_conflict_leads_to_its_clip_and_to_the_queue(browser, server):
    studio = server.project.studio
    people = [users.create(studio, f"quality {place}")[0].id for place in range(2)]
    kinds = [class_id for class_id, _ in review.classes(studio)]
    clip = datasets.clips(studio, datasets.ClipFilter(label="proposed"), limit=500).clips[-1]
    given = [event("correct", clip.id, class_id=kinds[place]) for place in range(2)]
    try:
        for who, sent in zip(people, given, strict=True):
            review.record(studio, who, [sent])
        assert review_quality.conflicts(studio)[0][0].clip_id == clip.id
        page = owner_page(browser, server)
        page.goto(f"{server.address}/quality?view=conflicts")
        choose_first_row(page)
        page.wait_for_url(re.compile(rf"/browse\?clip={clip.id}$"), timeout=SECONDS)
        page.goto(f"{server.address}/quality?view=conflicts")
        page.get_by_role("button", name="Settle in Review").click(timeout=SECONDS)
        page.wait_for_url(re.compile(r"/review\?queue=conflicts"), timeout=SECONDS)
        page.context.close()
    finally:
        for who, sent in zip(people, given, strict=True):
            review.record(studio, who, [event("undo", clip.id, undoes_uuid=sent["uuid"])])
