"""Queues, flags, blind checks and keys of one's own, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.services import queue, review_queues, rounds, users
from db.models import AuditDraw, Round, Verdict
from tests.browser.conftest import Server
from tests.browser.pages import ReviewPage
from tests.browser.test_review import enumerate_classes, verdicts
from tests.filled_project import filled_project

pytestmark = pytest.mark.browser

MARKUP = "<img src=x onerror=alert(1)> <b>odd</b> & 'late'"


@pytest.fixture(scope="module")
def audited_server(tmp_path_factory) -> Iterator[Server]:
    """A server whose round has blind checks, and nothing else to review for long."""
    project = filled_project(tmp_path_factory.mktemp("audited") / "project", unlabelled=60, audited=True)
    server = Server(project)
    yield server
    server.stop()
    project.studio.close()


@pytest.fixture
def audited(browser, audited_server) -> Iterator[ReviewPage]:
    """The review page of a new reviewer of that server."""
    user, token = users.create(audited_server.project.studio, "ann")
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.goto(f"{audited_server.address}/?token={token}")
    review = ReviewPage(page, audited_server.address).open()
    review.reviewer_id = user.id
    yield review
    context.close()


def test_a_queue_is_chosen_on_the_page_and_kept_in_the_address(review, server):
    before = review.clip
    review.page.get_by_label("Queue", exact=True).select_option("random")
    expect(review.page).to_have_url(f"{server.address}/review?queue=random")
    with server.project.studio.database.read() as session:
        row = rounds.active(server.project.studio)
        assert row is not None
        shuffled = review_queues.find(
            session, session.get_one(Round, row.id), review.reviewer_id, "random", None, 1, ()
        )  # fmt: skip
    first = shuffled.proposals[0][1].id
    assert first != before
    review.expect_clip(first)
    review.press("s")
    review.expect_saved()
    review.page.reload()
    review.page.locator(".query-clip[data-painted]").wait_for(timeout=30_000)
    expect(review.page.get_by_label("Queue", exact=True)).to_have_value("random")
    assert review.clip not in (first, before)


def test_the_queue_of_one_class_holds_its_clips_only(review, server):
    class_id, name = enumerate_classes(server)[3]
    review.page.get_by_label("Queue", exact=True).select_option("class")
    expect(review.page.locator(".empty")).to_contain_text("Choose a class")
    review.page.get_by_label("Class of the queue").select_option(str(class_id))
    expect(review.page.locator(".classes .predicted")).to_have_text(name)
    review.press("s")
    expect(review.page.locator(".classes .predicted")).to_have_text(name)


def test_a_queue_that_can_not_be_had_says_why(review, server):
    review.page.goto(f"{server.address}/review?queue=flipped")
    expect(review.page.locator(".chip.warning")).to_have_text("not available", timeout=20_000)
    expect(review.page.locator(".empty")).to_contain_text("started from no earlier round")
    assert review.clip == 0


def test_a_flag_carries_its_note_as_text_to_everybody(review, sign_in, server):
    clip = review.clip
    review.press("f")
    review.page.keyboard.type("axn")
    review.press("Escape")
    review.expect_clip(clip)
    review.press("f")
    review.page.keyboard.type(MARKUP)
    review.press("Enter")
    expect(review.screen).not_to_have_attribute("data-clip", str(clip))
    review.expect_saved()
    (row,) = verdicts(server, review.reviewer_id)
    assert (row.clip_id, row.kind, row.note) == (clip, "flag", MARKUP)
    queue.leave(server.project.studio, review.reviewer_id)
    other = sign_in().new_page()
    other.goto(f"{server.address}/review?queue=flagged")
    expect(other.locator(".why")).to_contain_text(f"flagged it: {MARKUP}", timeout=20_000)
    assert other.locator(".review img, .review b").count() == 0
    review.press("u")
    review.expect_saved()


def test_a_blind_check_shows_nothing_of_the_proposal_and_counts(audited, audited_server):
    studio = audited_server.project.studio
    with studio.database.read() as session:
        drawn = {row.clip_id: row.class_id for row in session.scalars(select(AuditDraw))}
    names = dict(enumerate_classes(audited_server))
    assert drawn
    for _ in range(11):
        if audited.clip in drawn:
            break
        before = audited.clip
        audited.press("a")
        expect(audited.screen).not_to_have_attribute("data-clip", str(before))
    clip = audited.clip
    assert clip in drawn
    expect(audited.page.locator(".top > .chip").first).to_have_text("Blind check")
    everything = audited.page.evaluate("""() => {
      const root = [...document.querySelectorAll("*")].map((node) => node.shadowRoot)
        .find((each) => each?.querySelector(".review"));
      const copy = root.querySelector(".review").cloneNode(true);
      copy.querySelectorAll(".all-classes, select").forEach((list) => list.remove());
      return document.body.outerHTML + copy.outerHTML;
    }""")
    escaped = names[drawn[clip]].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert names[drawn[clip]] not in everything
    assert escaped not in everything
    assert "/compare?a=" not in everything
    listed = audited.page.locator(".all-classes .class-name")
    assert listed.all_inner_texts() == list(names.values())
    assert not audited.page.locator(".class-row, .near").count()
    audited.press("a", "x")
    audited.expect_clip(clip)
    audited.press(str(list(names).index(drawn[clip]) + 1))
    audited.expect_saved()
    rows = verdicts(audited_server, audited.reviewer_id)
    assert (rows[-1].clip_id, rows[-1].kind, rows[-1].predicted_class_id) == (clip, "accept", drawn[clip])
    found = rounds.active(studio).audited_precision
    assert (found.right, found.of) == (1, 1)
    audited.press("u")
    audited.expect_clip(clip)
    audited.expect_saved()
    expect(audited.page.locator(".top > .chip").first).to_have_text("Blind check")
    assert rounds.active(studio).audited_precision is None
    audited.open()
    with studio.database.read() as session:
        assert session.scalars(select(Verdict).order_by(Verdict.id.desc())).first().kind == "undo"


def test_a_changed_key_survives_a_reload_and_a_conflict_is_refused(review, server):
    page = review.page
    row = page.locator(".key-row[data-action=accept]")
    review.press("?")
    row.get_by_role("button", name="Change").click()
    review.press("x")
    expect(page.locator(".key-message")).to_contain_text("X already means “Reject")
    row.get_by_role("button", name="Change").click()
    review.press("g")
    expect(row.locator("kbd")).to_have_text("G")
    page.locator(".key-row[data-action=reject]").get_by_role("button", name="Switch off").click()
    review.press("Escape")
    review.open()
    expect(page.locator("[data-action=accept] kbd").first).to_have_text("G")
    clip = review.clip
    review.press("a", "x")
    review.expect_clip(clip)
    review.press("g")
    review.expect_saved()
    assert [(verdict.clip_id, verdict.kind) for verdict in verdicts(server, review.reviewer_id)] == [
        (clip, "accept")
    ]
    review.press("?")
    page.get_by_role("button", name="Reset all keys").click()
    expect(row.locator("kbd")).to_have_text("A")


def test_keys_of_somebody_s_making_never_become_markup(review):
    page = review.page
    review.press("?")
    page.locator(".key-row[data-action=accept]").get_by_role("button", name="Change").click()
    review.press("<")
    expect(page.locator(".key-row[data-action=accept] kbd")).to_have_text("<")
    review.press("Escape")
    find = "Object.keys(localStorage).find((key) => key.startsWith('finepseudo.keys.'))"
    name = page.evaluate(find)
    page.evaluate(
        "(name) => localStorage.setItem("
        "name, JSON.stringify({accept: '<img src=x>', reject: {}, skip: '5'}))",
        name,
    )
    review.open()
    assert page.locator(".review img").count() == 0
    expect(page.locator("[data-action=accept] kbd").first).to_have_text("A")
