"""A person without a mouse does the main thing of every page; what opens closes, and the focus comes back."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.keyboard import HERE, focus, press, tab_to, walk
from tests.browser.pages import ReviewPage
from tests.browser.test_classes import owner_page
from tests.browser.test_review import verdicts

pytestmark = pytest.mark.browser

SECONDS = 20_000


@pytest.fixture
def page(sign_in) -> Page:
    """A tab of a new reviewer."""
    context = sign_in()
    page = context.new_page()
    page.reviewer_id = context.reviewer_id
    return page


def test_reviewing(page, server):
    page.goto(server.address)
    expect(page.get_by_role("button", name="Review now")).to_be_visible(timeout=SECONDS)
    press(page, "Enter")
    page.locator(".query-clip[data-painted]").wait_for(timeout=SECONDS)
    review = ReviewPage(page, server.address)
    review.expect_saved()
    press(page, "a", "2", "/")
    page.keyboard.type("pike")
    press(page, "Enter", "f")
    page.keyboard.type("blurred")
    press(page, "Enter")
    clip = review.clip
    press(page, "s", "u")
    review.expect_clip(clip)
    review.expect_saved()
    kinds = [row.kind for row in verdicts(server, page.reviewer_id)]
    assert kinds[3:] == ["flag", "skip", "undo"]
    assert "accept" in kinds
    assert {row.note for row in verdicts(server, page.reviewer_id)} == {None, "blurred"}


def test_what_opens_over_review_takes_the_focus_and_gives_it_back(page, server):
    review = ReviewPage(page, server.address).open()
    here = tab_to(page, "Flag")
    for key, first in (("?", "Change the key"), ("/", "Search a class"), ("f", "Note")):
        press(page, key)
        assert focus(page).name.startswith(first)
        press(page, "Shift+Tab", "Shift+Tab", "Tab", "Tab")
        assert focus(page).name.startswith(first), "Tab stays in the sheet"
        press(page, "Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert focus(page) == here
    tab_to(page, "^Keys$")
    press(page, "Enter", "Tab", "Enter")  # "Off" of the first key
    expect(page.locator(".action.main kbd")).to_be_hidden()
    tab_to(page, "Reset all keys")
    press(page, "Enter")
    tab_to(page, "^Close$")
    press(page, "Enter")
    assert focus(page).name == "Keys"
    assert review.clip, "no key that was meant for the sheet became a verdict"
    assert verdicts(server, page.reviewer_id) == []


def test_choosing_a_queue(page, server):
    review = ReviewPage(page, server.address).open()
    before = page.url
    tab_to(page, "^Queue$")
    press(page, "ArrowDown", "ArrowDown", "Escape")
    queue = page.get_by_label("Queue", exact=True)
    assert queue.evaluate("node => node.selectedIndex") == 0
    assert page.url == before
    tab_to(page, "^Queue$", key="Shift+Tab")
    press(page, "ArrowDown", "ArrowDown")
    assert focus(page).name == "Queue", "nothing is chosen on the way"
    chosen = queue.input_value()
    press(page, "Enter")
    expect(page).to_have_url(re.compile(f"queue={chosen}"), timeout=SECONDS)
    assert review.screen.is_visible()


def test_comparing(page, server):
    a, b = server.project.proposed[:2]
    page.goto(f"{server.address}/compare?a={a}&b={b}")
    screen = page.locator(".compare[data-state=aligned]")
    screen.wait_for(timeout=SECONDS)
    play = page.locator(".tool")
    press(page, " ")
    expect(play).to_have_attribute("aria-label", "Play")
    shown = page.locator(".pictures").get_attribute("data-frames")
    press(page, "ArrowRight")
    expect(page.locator(".pictures")).not_to_have_attribute("data-frames", shown)
    press(page, "k")
    expect(page.get_by_role("button", name="Clear anchors")).to_be_visible()
    here = tab_to(page, "^Place$")
    press(page, "ArrowRight", "m")
    page.keyboard.type("keyboard entry")
    press(page, "Enter")
    expect(page.locator('.phase[data-phase="keyboard entry"]')).to_have_attribute("aria-current", "true")
    assert focus(page) == here
    press(page, "?")
    assert focus(page).name == "Close"
    press(page, "Escape")
    assert focus(page) == here
    expect(screen).to_have_attribute("data-saved", "saved", timeout=SECONDS)
    press(page, "Delete")
    expect(page.locator(".phase")).to_have_count(0)
    expect(screen).to_have_attribute("data-saved", "saved", timeout=SECONDS)


def test_browsing(page, server):
    page.goto(f"{server.address}/browse")
    cards = page.locator(".clip-card")
    cards.first.wait_for(timeout=SECONDS)
    tab_to(page, "File name")
    page.keyboard.type("clip 10")
    press(page, "Enter")
    expect(cards).to_have_count(10, timeout=SECONDS)
    expect(page).to_have_url(re.compile("name=clip"))
    for _ in range(40):
        press(page, "Tab")
        if focus(page).tag == "a" and focus(page).own:
            break
    press(page, " ", "ArrowRight", " ")
    expect(page.get_by_text("2 selected")).to_be_visible(timeout=SECONDS)
    assert focus(page).visible
    press(page, "Escape")
    expect(page.get_by_text("2 selected")).to_have_count(0, timeout=SECONDS)
    press(page, "Enter")
    page.locator(".query-clip[data-painted]").wait_for(timeout=SECONDS)
    assert "clip=" in page.url


def test_a_class_and_its_examples(browser, server):
    page = owner_page(browser, server)
    page.goto(f"{server.address}/classes")
    expect(page.get_by_label("Open a class")).to_be_visible(timeout=SECONDS)
    tab_to(page, "Fullscreen")
    press(page, "Tab")
    page.wait_for_timeout(600)
    assert "class=" not in page.url, "the focus alone opens nothing"
    tab_to(page, "Open a class", key="Shift+Tab")
    page.keyboard.type("backward")
    press(page, "Enter")
    page.wait_for_url(re.compile("class="), timeout=SECONDS)
    page.locator(".clip-card").first.wait_for(timeout=SECONDS)
    tab_to(page, "^Pin$")
    clip = page.evaluate_handle(HERE).evaluate("node => node.closest('li').querySelector('a').dataset.clip")
    button = page.locator(f'li:has([data-clip="{clip}"]) button').first
    for label in ("Unpin", "Pin"):  # and back, for the tests to come: the focus stays on the button
        press(page, "Enter")
        expect(button).to_have_text(label, timeout=SECONDS)
        assert focus(page).name == label
    page.context.close()


def test_rounds_evaluation_quality_and_transfer(browser, server):
    page = owner_page(browser, server)
    page.goto(f"{server.address}/rounds")
    slider = page.get_by_role("slider").first
    expect(slider).to_be_visible(timeout=SECONDS)
    tab_to(page, "All settings")
    press(page, "Enter")
    expect(page.locator("[data-testid=stExpander] details").first).to_have_attribute("open", "")
    before = slider.get_attribute("aria-valuenow")
    tab_to(page, "threshold")
    press(page, "ArrowRight")
    expect(slider).not_to_have_attribute("aria-valuenow", before)
    for address, first, second in (
        ("evaluation", "Rounds side by side", "view=classes"),
        ("quality", "Do people agree", "view=conflicts"),
    ):
        page.goto(f"{server.address}/{address}")
        expect(page.get_by_text(first)).to_be_visible(timeout=SECONDS)
        tab_to(page, f"^{first}")
        press(page, "ArrowRight", "Enter")
        page.wait_for_url(re.compile(second), timeout=SECONDS)
    page.goto(f"{server.address}/transfer")
    expect(page.get_by_label("Folder", exact=True)).to_be_visible(timeout=SECONDS)
    tab_to(page, "^Folder$")
    page.keyboard.type("/no/such/folder")
    press(page, "Enter")
    tab_to(page, "^Check")
    press(page, "Enter")
    expect(page.get_by_text("/no/such/folder").first).to_be_visible(timeout=SECONDS)
    page.context.close()


def test_nothing_is_out_of_reach_at_200_percent(page, server):
    page.set_viewport_size({"width": 683, "height": 384})  # what 1366 x 768 has left at 200 %
    for address, sign in (
        ("review", ".query-clip[data-painted]"),
        ("browse", ".clip-card"),
        ("evaluation", "[data-testid=stDataFrame]"),
    ):
        page.goto(f"{server.address}/{address}")
        page.locator(sign).first.wait_for(timeout=SECONDS)
        main = page.locator("[data-testid=stMain]")
        assert main.evaluate("node => node.scrollWidth <= node.clientWidth"), address
        met = [one.name for one in walk(page)]
        if address == "review":
            assert {"Queue", "Pause", "A Accept", "Keys"} <= set(met)
            press(page, "?")
            expect(page.get_by_role("dialog").locator(".sheet-title")).to_be_in_viewport()
            press(page, "Escape")
