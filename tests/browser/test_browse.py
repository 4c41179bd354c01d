"""Browsing in a real browser: selecting with mouse and keys, the address, many clips at once."""

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.services import clip_listing
from app.services.clip_cards import ClipFilter
from db.models import Verdict
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

FEW = "name=clip%202"  # 52 clips: 200 to 251


@pytest.fixture
def page(sign_in, server: Server) -> Page:
    """A tab of a new reviewer."""
    context = sign_in()
    page = context.new_page()
    page.reviewer_id = context.reviewer_id
    return page


def open_grid(page: Page, server: Server, query: str = "") -> None:
    page.goto(f"{server.address}/browse?{query}")
    page.locator(".clip-card").first.wait_for(timeout=30_000)


def chosen(page: Page) -> list[int]:
    """Places of the cards that are marked."""
    boxes = page.locator(".check").evaluate_all("all => all.map((one) => one.ariaChecked)")
    return [place for place, checked in enumerate(boxes) if checked == "true"]


def test_clips_are_selected_by_mouse_and_by_keys_across_pages(page, server):
    open_grid(page, server)
    checks = page.locator(".check")
    top = page.locator(".clip-card").first.bounding_box()["y"]
    checks.nth(2).click()
    checks.nth(5).click(modifiers=["Shift"])
    expect(page.get_by_text("4 selected")).to_be_visible()
    assert chosen(page) == [2, 3, 4, 5]
    assert page.locator(".clip-card").first.bounding_box()["y"] == top, "selecting moves nothing"
    page.locator(".clip-card").nth(8).click(modifiers=["Shift"])
    checks.nth(3).click()
    assert chosen(page) == [2, 4, 5, 6, 7, 8]
    page.locator(".clip-card").first.focus()
    for key in ("ArrowRight", "Space", "ArrowDown", "ArrowLeft", "Space"):
        page.keyboard.press(key)
    tops = page.locator(".clip-card").evaluate_all("all => all.map((one) => one.getBoundingClientRect().top)")
    below = next(place for place, top in enumerate(tops) if top > tops[0])
    expect(page.get_by_text(re.compile("^[78] selected"))).to_be_visible()
    assert 1 in chosen(page)
    assert below in chosen(page)
    page.keyboard.press("Control+a")
    expect(page.get_by_text("60 selected")).to_be_visible()
    page.get_by_role("button", name="Later").first.click()
    expect(page).to_have_url(re.compile("page=2"))
    expect(page.get_by_text("60 selected")).to_be_visible()
    expect(page.locator(".clip-note", has_text="clip 060")).to_be_visible()
    assert chosen(page) == []
    checks.nth(0).click()
    expect(page.get_by_text("61 selected")).to_be_visible()
    page.go_back()
    expect(page.locator(".clip-note", has_text="clip 000")).to_be_visible()
    expect(page.locator(".check[aria-checked=true]")).to_have_count(60)
    page.keyboard.press("Escape")
    expect(page.get_by_text("a check mark selects")).to_be_visible()
    page.locator(".clip-card").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("clip="))


def test_the_address_restores_the_view_and_back_undoes_a_filter(page, server):
    open_grid(page, server, "label=unlabelled&confidence=40-100&sort=confidence")
    notes = page.locator(".clip-note").all_inner_texts()
    which = ClipFilter(label="unlabelled", least_confidence=0.4)
    found = clip_listing.clips(server.project.studio, which, sort="confidence", descending=True)
    assert notes == [clip.key for clip in found.clips]
    page.get_by_role("button", name="confidence 40 to 100").click()
    expect(page).not_to_have_url(re.compile("confidence=40"))
    expect(page.get_by_role("button", name="confidence 40 to 100")).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("button", name="confidence 40 to 100")).to_be_visible()
    expect(page.locator(".clip-note").first).to_have_text(notes[0])
    page.locator(".clip-card").first.click()
    expect(page.get_by_text("Similar means")).to_be_visible()
    link = page.locator(".card-link").first
    assert re.fullmatch(r"/compare\?a=\d+&b=\d+", link.get_attribute("href"))
    page.get_by_role("button", name="All clips").click()
    expect(page.get_by_role("button", name="confidence 40 to 100")).to_be_visible()


def test_many_are_accepted_after_a_sample_looked_at_with_keys_and_taken_back(page, server):
    open_grid(page, server, f"{FEW}&label=unlabelled")
    page.keyboard.press("Control+a")
    page.get_by_role("button", name="Accept the proposals").click()
    sample = page.locator(".sample")
    page.locator(".sample-film[data-painted]").wait_for(timeout=15_000)
    expect(page.get_by_role("button", name="Accept the other")).to_have_count(0)
    for key in "axuaaaaaaax":  # as fast as the browser takes them
        page.keyboard.press(key)
    expect(page.get_by_text("9 of 10 looked at")).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_text(re.compile(r"9 of 10 right: between 60 % and 98 % of these"))).to_be_visible(
        timeout=15_000
    )
    expect(sample).to_have_attribute("data-open", "0")
    page.get_by_role("button", name="Accept the other").click()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible(timeout=30_000)
    kinds = [row.kind for row in _log(server, page.reviewer_id)]
    assert (kinds.count("reject"), kinds.count("undo")) == (2, 1)
    in_bulk = [row for row in _log(server, page.reviewer_id) if row.note and "[bulk " in row.note]
    assert len(in_bulk) > 20
    undo.click()
    expect(page.get_by_text(f"{len(in_bulk)} clips taken back")).to_be_visible(timeout=30_000)
    mine = clip_listing.clips(server.project.studio, ClipFilter(reviewer_id=page.reviewer_id))
    assert mine.total == 10, "what was looked at stays"


def _log(server: Server, reviewer_id: int) -> list[Verdict]:
    with server.project.studio.database.read() as session:
        rows = select(Verdict).where(Verdict.reviewer_id == reviewer_id).order_by(Verdict.id)
        return list(session.scalars(rows))
