"""Review shows an example of the class in phase with the clip; matrix and strips move both."""

import urllib.error
import urllib.request

import numpy as np
import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.media import embedding_address
from app.services import queue
from db.models import RoundExemplar
from tests.filled_project import FRAMES, pace

pytestmark = pytest.mark.browser


def shown(review) -> tuple[int, int]:
    """Cells that the clip and its example show."""
    clip, example = review.page.locator(".example").get_attribute("data-frames").split()
    return int(clip), int(example)


def paused(review):
    review.page.locator('.example[data-state="aligned"]').wait_for(timeout=15_000)
    review.press(" ")
    return review


def example_of(server, review) -> int:
    """Clip id of the example at first: the one of the proposed class that aligns best, else its first."""
    item = queue.item(server.project.studio, review.reviewer_id, review.clip)
    assert item is not None
    bar = next(bar for bar in item.classes if bar.class_id == item.predicted_class_id)
    return bar.example_id


def test_the_example_is_within_one_frame_of_the_same_phase(review, server):
    example = example_of(server, paused(review))
    for _ in range(FRAMES):
        review.press("ArrowRight")
        own, other = shown(review)
        moment = pace(review.clip, np.array([(own + 0.5) / FRAMES]))[0]
        course = pace(example, (np.arange(FRAMES) + 0.5) / FRAMES)
        expected = int(np.abs(course - moment).argmin())
        assert abs(other - expected) <= 1, (own, other, expected)


def test_up_and_down_swap_the_class_that_is_compared_and_decide_nothing(review):
    paused(review)
    clip = review.clip
    names = review.page.locator(".class-name").evaluate_all("all => all.map((name) => name.title)")
    marked = review.page.locator(".class-row.compared")
    title = review.page.locator(".example-title")
    expect(title).to_have_text(names[0])
    review.press("ArrowDown")
    expect(title).to_have_text(names[1])
    expect(marked).to_have_count(1)
    review.press("ArrowUp", "ArrowUp")
    expect(title).to_have_text(names[0])
    assert review.clip == clip


def test_a_click_on_a_neighbour_compares_with_it(review):
    paused(review)
    near = review.page.locator(".near").nth(2)
    near.click()
    expect(review.page.locator(".example-title")).to_have_text(near.locator(".near-label").inner_text())
    expect(review.page.locator(".class-row.compared")).to_have_count(0)
    expect(review.page.locator('.example[data-state="aligned"]')).to_be_visible()


def test_neighbours_are_there_at_once_and_move_for_those_who_stay(review):
    pictures = review.page.locator(".near-clip")
    assert all(
        "thumb.webp" in picture
        for picture in pictures.evaluate_all("all => all.map((one) => one.style.backgroundImage)")
    )
    expect(review.page.locator(".near-clip[data-painted]")).to_have_count(pictures.count())


def test_a_drag_on_the_matrix_moves_both_clips(review):
    paused(review)
    box = review.page.locator(".cost-matrix").bounding_box()
    review.page.mouse.move(box["x"] + box["width"] * 0.27, box["y"] + box["height"] * 0.77)
    review.page.mouse.down()
    assert shown(review) == (round(0.77 * FRAMES - 0.5), round(0.27 * FRAMES - 0.5))
    review.page.mouse.move(box["x"] + box["width"] * 0.92, box["y"] + box["height"] * 0.12)
    review.page.mouse.up()
    assert shown(review) == (round(0.12 * FRAMES - 0.5), round(0.92 * FRAMES - 0.5))
    review.press("ArrowRight")  # moving on follows the path again
    own, other = shown(review)
    assert abs(own - 2) <= 1
    assert other != round(0.92 * FRAMES - 0.5)


def test_a_drag_on_the_strips_scrubs(review):
    paused(review)
    box = review.page.locator(".strips").bounding_box()
    review.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 10)
    review.page.mouse.down()
    review.page.mouse.up()
    assert shown(review)[0] in (FRAMES // 2 - 1, FRAMES // 2)


def test_a_round_without_embeddings_still_shows_the_example(review, server):
    review.page.route("**/*.f16?*", lambda route: route.fulfill(status=404))
    review.open()
    expect(review.page.locator('.example[data-state="linear"]')).to_be_visible()
    expect(review.page.locator(".example-note")).to_contain_text("the alignment is not kept")


def test_embeddings_are_for_signed_addresses_only(review, server):
    project = server.project
    with project.studio.database.read() as session:
        clip_id = session.scalars(select(RoundExemplar.clip_id)).first()
    address = server.address + embedding_address(project.studio.secret, 1, 0, clip_id)
    answer = review.page.request.get(address)
    assert answer.ok
    assert len(answer.body()) == 24 * 64 * 2
    assert review.page.request.get(address[:-4] + "0000").status == 404
    assert review.page.request.get(address.replace("/rounds/1/0/", "/rounds/1/7/")).status == 404
    with pytest.raises(urllib.error.HTTPError):  # without the cookie of somebody signed in
        urllib.request.urlopen(address)
