"""The tour beside the keys, and what a person sees when something is missing or fails."""

import pytest
from playwright.sync_api import expect

from app import artifacts
from app.services import datasets

pytestmark = pytest.mark.browser


def test_the_tour_is_put_away_by_keyboard_and_leaves_enter_alone(sign_in, server):
    page = sign_in().new_page()
    page.goto(server.address)
    away = page.get_by_role("button", name="Put away")
    expect(page.get_by_text("Review: one key each")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("How it works.")).to_be_visible()  # the last of the page
    page.wait_for_timeout(1000)
    away.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Review: one key each")).to_have_count(0)
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    page.mouse.click(5, 400)
    page.keyboard.press("Enter")
    page.wait_for_url("**/review*")


def test_a_page_that_fails_keeps_what_was_typed(sign_in, server):
    page = sign_in().new_page()
    page.goto(f"{server.address}/browse")
    search = page.get_by_label("File name")
    expect(search).to_be_visible(timeout=20_000)
    engine = server.project.studio.database.engine
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE pseudo_labels RENAME TO away")
    try:
        search.fill("clip 01")
        search.press("Enter")
        expect(page.get_by_text("This page could not be drawn")).to_be_visible(timeout=20_000)
        assert "no such table" not in page.locator("body").inner_text()
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO pseudo_labels")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("This page could not be drawn")).to_have_count(0, timeout=20_000)
    expect(page.get_by_label("File name")).to_have_value("clip 01")


def test_a_clip_without_pictures_says_so(sign_in, server):
    first, second = server.project.proposed[:2]
    settings = server.project.studio.settings
    clip = datasets.clip(server.project.studio, first)
    files = [artifacts.media_file(settings, clip.sha256, kind) for kind in ("sprite", "thumb")]
    for file in files:
        file.rename(file.with_suffix(".away"))
    try:
        page = sign_in().new_page()
        page.goto(f"{server.address}/compare?a={first}&b={second}")
        expect(page.locator("canvas[data-missing]").first).to_be_attached(timeout=20_000)
        expect(page.locator("canvas[data-painted]").first).to_be_attached()
        page.goto(f"{server.address}/browse?name={clip.key}")
        picture = page.locator(".film").first
        expect(picture).to_be_visible(timeout=20_000)
        page.wait_for_function("(image) => image.naturalWidth > 0", arg=picture.element_handle())
    finally:
        for file in files:
            file.with_suffix(".away").rename(file)
