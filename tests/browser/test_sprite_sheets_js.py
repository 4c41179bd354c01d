"""Sheets of frames in the browser: fetched once, decoded ahead, let go for want of room, asked for again."""

import io
import re

import pytest
from PIL import Image

from app.components import SPRITES, join

pytestmark = pytest.mark.browser

SIDE = 2000  # pixels; a decoded sheet takes 16 MB
WAIT = "async (sheets) => { for (const sheet of sheets) await decode(sheetOf(sheet)); }"


class Sheets:
    """A page with the player's scripts, and a server of sheets that counts what it is asked for."""

    def __init__(self, page) -> None:
        self.page, self.asked, self.missing = page, [], set()
        buffer = io.BytesIO()
        Image.new("RGB", (SIDE, SIDE), "teal").save(buffer, "WEBP")
        page.route("**/*.webp", lambda route: self.answer(route, buffer.getvalue()))
        page.route(
            "http://sheets.test/",
            lambda route: route.fulfill(body="<canvas></canvas>", content_type="text/html"),
        )
        page.goto("http://sheets.test/")
        page.add_script_tag(content=join(["dom.js", *SPRITES]))

    def answer(self, route, content: bytes) -> None:
        name = re.search(r"(\w+)\.webp", route.request.url)[1]
        self.asked.append(name)
        if name in self.missing:
            route.fulfill(status=404)
        else:
            route.fulfill(body=content, content_type="image/webp")

    def decoded(self) -> list[str]:
        """Names of the sheets that are there as pixels, the one used longest ago first."""
        return self.page.evaluate(
            "[...sheets].filter(([, sheet]) => sheet.pixels).map(([url]) => url.match(/(\\w+).webp/)[1])"
        )


@pytest.fixture
def sheets(browser):
    page = browser.new_page()
    yield Sheets(page)
    page.close()


def test_a_sheet_is_fetched_once_and_decoded_when_it_is_drawn(sheets):
    asked = "pixelsOf(sheetOf('/a.webp')) === null"
    assert sheets.page.evaluate(asked)
    sheets.page.evaluate(WAIT, ["/a.webp"])
    assert not sheets.page.evaluate(asked)
    assert sheets.page.evaluate("pixelsOf(sheetOf('/a.webp')).width") == SIDE
    assert (sheets.asked, sheets.decoded()) == (["a"], ["a"])


def test_sheets_are_decoded_ahead_until_something_else_is_wanted(sheets):
    sheets.page.evaluate("decodeAhead(['/a.webp', '/b.webp', '/c.webp'])")
    assert sorted(sheets.decoded()) == ["a", "b", "c"]
    sheets.page.evaluate("() => { decodeAhead(['/d.webp', '/e.webp']); decodeAhead(['/f.webp']); }")
    sheets.page.wait_for_function("sheets.get('/f.webp').pixels && !decodingAhead")
    assert set(sheets.decoded()) - {"d"} == {"a", "b", "c", "f"}  # d had begun
    assert "e" in sheets.asked  # its file is there all the same


def test_pixels_are_let_go_when_there_is_no_room_and_made_again_without_another_request(sheets):
    names = [f"/s{number}.webp" for number in range(30)]
    sheets.page.evaluate(WAIT, names)
    kept = sheets.decoded()
    most = int(384e6 // (4 * SIDE * SIDE))
    assert kept == [f"s{number}" for number in range(30 - most, 30)]
    sheets.page.evaluate(WAIT, ["/s0.webp"])
    assert sheets.decoded()[-1] == "s0"
    assert len(sheets.decoded()) == most
    assert sheets.asked.count("s0") == 1


def test_a_sheet_that_can_not_be_had_is_asked_for_anew_the_next_time(sheets):
    sheets.missing.add("a")
    sheets.page.evaluate(WAIT, ["/a.webp"])
    assert sheets.page.evaluate("sheets.get('/a.webp').missing")
    sheets.missing.clear()
    sheets.page.evaluate(WAIT, ["/a.webp"])
    assert sheets.decoded() == ["a"]
    assert sheets.asked == ["a", "a"]


def test_a_paused_clip_is_drawn_anew_when_its_canvas_changes_its_size(sheets):
    sheets.page.evaluate(
        """async () => {
          const canvas = document.querySelector("canvas");
          canvas.style.cssText = "width: 200px; height: 100px; display: block";
          window.player = new SpritePlayer(canvas);
          player.paused = true;
          const size = {columns: 2, width: 1000, height: 1000};
          player.load({url: "/a.webp", frames: 4, step: 1, length: 4, fps: 25, ...size});
          const tick = (now) => { player.advance(now); requestAnimationFrame(tick); };
          requestAnimationFrame(tick);
        }"""
    )
    sheets.page.wait_for_function("player.painted")
    assert sheets.page.evaluate("[player.canvas.width, player.canvas.height]") == [200, 100]
    sheets.page.evaluate("player.canvas.style.width = '320px'")
    sheets.page.wait_for_function("player.canvas.width === 320 && player.painted")
    middle = sheets.page.evaluate("[...player.canvas.getContext('2d').getImageData(160, 50, 1, 1).data]")
    assert middle[3] == 255  # something is drawn there
