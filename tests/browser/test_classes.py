"""The Classes page and the questions of the class search, in a real browser."""

import itertools
import statistics
import time
import uuid

import pytest
from playwright.sync_api import expect

from app.components import join
from app.services import class_changes, class_exemplars, review, users
from app.services.class_questions import left, question_tree
from app.views.class_search import _plain
from tests.browser.test_review import verdicts
from tests.filled_project import CLASSES

pytestmark = pytest.mark.browser

KNOWN = {
    name: {"takeoff": takeoff, "position": position}
    for name, takeoff, position in (
        (CLASSES[0], "forward", "tuck"), (CLASSES[1], "forward", "pike"), (CLASSES[2], "backward", "tuck"),
        (CLASSES[5], "reverse", "free"),
    )
}  # fmt: skip
DIVES = [
    (number, f"{takeoff} {turns} somersaults, {twists} twists, {position}",
     {"takeoff": takeoff, "somersaults": turns, "twists": twists, "position": position})
    for number, (takeoff, turns, twists, position) in enumerate(itertools.product(
        ("forward", "back", "reverse", "inward"), ("1½", "2", "2½", "3", "3½", "4½"), ("0", "1", "2"),
        ("tuck", "pike", "straight", "free"),
    ), start=1)
]  # fmt: skip
SEARCH = """(given) => {
  window.chosen = [];
  window.search = new ClassSearch((id) => window.chosen.push(id));
  document.body.append(element("div", { class: "fps review" }, window.search.panel));
  window.search.open(given.classes, given.questions);
}"""
MEASURE = """(text) => new Promise((done) => {
  const { input, list } = window.search;
  const begun = performance.now();
  input.value = text;
  input.dispatchEvent(new Event("input"));
  list.getBoundingClientRect(); // laid out too, not only written
  const laid = performance.now() - begun;
  const found = () => done([laid, list.querySelectorAll("[role=option]").length]);
  requestAnimationFrame(() => requestAnimationFrame(found));
})"""


@pytest.fixture
def described(server):
    """The server, with attributes for four of its six classes."""
    studio = server.project.studio
    ids = {name: class_id for class_id, name in review.classes(studio)}
    values = {ids[name]: attributes for name, attributes in KNOWN.items()}
    class_changes.set_attributes(studio, server.project.owner_id, values, str(uuid.uuid4()))
    return server


@pytest.fixture
def search(browser):
    """The class search alone on a page, with 288 dives."""
    page = browser.new_page()
    page.add_style_tag(content=join(["tokens.css", "clip_review/style.css"]))
    page.add_script_tag(content=join(["dom.js", "overlay.js", "clip_review/class_search.js"]))
    known = {number: attributes for number, _, attributes in DIVES}
    page.evaluate(
        SEARCH, {"classes": [list(dive) for dive in DIVES], "questions": _plain(question_tree(known))}
    )
    yield page
    page.close()


def class_list(server) -> tuple[tuple[int, str], ...]:
    """(id, name) of every class."""
    return review.classes(server.project.studio)


def owner_page(browser, server):
    """A window of the project's owner."""
    token = users.new_token(server.project.studio, server.project.owner_id)
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.goto(f"{server.address}/?token={token}")
    return page


def test_answers_narrow_the_list_to_the_class_that_is_taken(described, review):
    review.press("/")
    page = review.page
    asked = page.locator(".question-name")
    expect(asked).to_have_text("position?")
    page.locator(".answer", has_text="tuck").click()
    expect(asked).to_have_text("takeoff?")
    options = page.locator(".search-list [role=option]")
    expect(options).to_have_count(4)  # two of them are not described, and stay
    page.keyboard.press("Alt+2")  # forward
    expect(page.locator(".given-answer")).to_have_count(2)
    expect(options).to_have_count(3)
    page.keyboard.type("somersaults")
    expect(options).to_have_count(1)
    page.keyboard.press("Enter")
    review.expect_saved()
    (row,) = verdicts(described, review.reviewer_id)
    assert dict(class_list(described))[row.class_id] == CLASSES[0]


def test_an_answer_is_taken_back_with_all_after_it(search):
    count = search.locator(".found-count")
    for place in (1, 2):
        search.locator(".asked .answer").nth(place).click()
    before = count.inner_text()
    search.locator(".asked .answer").first.click()
    expect(search.locator(".given-answer")).to_have_count(3)
    search.keyboard.press("Backspace")
    expect(count).to_have_text(before)
    search.locator(".given-answer").first.click()
    expect(count).to_have_text("288 of 288 classes")
    expect(search.locator(".given-answer")).to_have_count(0)


def test_the_browser_leaves_the_classes_that_the_tree_leaves(search):
    known = {number: attributes for number, _, attributes in DIVES}
    answers = {}
    while search.locator(".asked").is_visible():
        name = search.locator(".question-name").inner_text().removesuffix("?")
        chip = search.locator(".asked .answer").last
        answers[name] = chip.get_attribute("data-answer")
        chip.click()
        shown = {int(row.get_attribute("data-class")) for row in search.locator("[role=option]").all()}
        expected = left(known, answers)
        assert shown <= expected
        assert len(shown) == min(60, len(expected))
    assert len(answers) == 4
    assert len(shown) == 1


def test_markup_in_answers_is_text(search):
    hostile = {"<img src=x onerror=alert(1)>": "<b>x</b>", "constructor": "__proto__"}
    other = dict.fromkeys(hostile, "y")
    known = {1: hostile, 2: other, 3: {}}
    classes = [[1, "<i>one</i>", hostile], [2, "two", other], [3, "three", {}]]
    search.evaluate("(given) => window.search.open(given.classes, given.questions)",
                    {"classes": classes, "questions": _plain(question_tree(known))})  # fmt: skip
    search.locator(".asked .answer", has_text="<b>x</b>").or_(
        search.locator(".asked .answer", has_text="__proto__")
    ).first.click()
    expect(search.locator("[role=option]")).to_have_count(2)
    assert search.locator(".search img, .search b, .search i").count() == 0


def test_288_classes_are_searched_within_50_ms(search):
    texts = ["f", "fo", "for", "back", "back 2", "back 2½ pi", "twists", "", "inward 4½ 2 fr", "e s t"]

    def measure() -> list[float]:
        found = [search.evaluate(MEASURE, text) for text in texts * 3]
        assert found[0][1] > 0
        return [laid for laid, _ in found]

    measure()
    best = measure()
    for _ in range(3):  # other work on the machine only ever adds time
        if max(best) <= 50:
            break
        best = [min(pair) for pair in zip(best, measure(), strict=True)]
    print(f"search of 288 classes: median {statistics.median(best):.1f} ms, longest {max(best):.1f} ms")
    assert max(best) <= 50


def test_a_pin_is_saved_and_shown(browser, server):
    studio = server.project.studio
    class_id = review.classes(studio)[1][0]
    page = owner_page(browser, server)
    page.goto(f"{server.address}/classes?class={class_id}")
    card = page.locator("li", has=page.locator(".clip-card")).first
    card.wait_for(timeout=30_000)
    clip_id = int(card.locator(".clip-card").get_attribute("data-clip"))
    card.get_by_role("button", name="Pin", exact=True).click()
    expect(card.get_by_role("button", name="Unpin")).to_be_visible()
    expect(page.get_by_text("compares clips with the one you pinned")).to_be_visible()

    def choice() -> str | None:
        found, _ = class_exemplars.of_class(studio, class_id)
        return next(one.choice for one in found if one.clip.id == clip_id)

    assert choice() == "pinned"
    page.locator(f"li:has([data-clip='{clip_id}'])").get_by_role("button", name="Ban").click()
    expect(
        page.locator(f"li:has([data-clip='{clip_id}'])").get_by_role("button", name="Lift ban")
    ).to_be_visible()
    assert choice() == "banned"
    page.locator(f"li:has([data-clip='{clip_id}'])").get_by_role("button", name="Lift ban").click()
    expect(page.get_by_role("button", name="Lift ban")).to_have_count(0)
    assert choice() is None
    page.context.close()


def test_classes_open_from_the_table_and_from_the_bars(browser, server):
    page = owner_page(browser, server)
    page.goto(f"{server.address}/classes")
    expect(page.locator(".js-plotly-plot .heatmaplayer image").first).to_be_attached(timeout=30_000)
    table = page.locator("[data-testid=stDataFrame]").first
    box = table.bounding_box()
    page.mouse.click(box["x"] + 17, box["y"] + 35 + 50)  # the box of the second row
    expect(page.locator("h3", has_text=CLASSES[1])).to_be_visible()
    bars = page.locator(".js-plotly-plot .barlayer .point path")
    bars.first.wait_for(timeout=15_000)
    before = page.url
    bars.nth(bars.count() - 2).click(force=True)  # the longest but its own
    deadline = time.monotonic() + 10
    while page.url == before and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    assert page.url != before
    assert page.locator("img[src=x]").count() == 0
    page.context.close()
