"""Comparing two clips in a real browser: clocks, anchors, phases that stay, and what goes out."""

import csv
import io
import re
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from app.services import phase_marks, users
from db.models import Clip, PhaseMark
from db.repositories import phase_marks as phase_rows
from finepseudo_core.video.decode import probe
from tests.browser.conftest import Server
from tests.dive_project import Dives, dive_project

pytestmark = pytest.mark.browser

MARKUP = "<img src=x onerror=alert(1)> & <b>bold</b>"


class ComparePage:
    """The compare screen in one tab."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.screen = page.locator(".compare")

    def open(self, a: int, b: int, state: str = "aligned") -> "ComparePage":
        """Compare two clips, standing still at the beginning."""
        self.page.goto(f"{self.address}/compare?a={a}&b={b}")
        self.page.locator(f'.compare[data-state="{state}"]').wait_for(timeout=30_000)
        self.page.locator(".compare-clip[data-painted]").first.wait_for(timeout=30_000)
        if self.page.get_by_role("button", name="Pause").is_visible():
            self.press(" ")
        self.page.locator(".scrub").evaluate(
            "each => { each.value = 0; each.dispatchEvent(new Event('input')); each.blur(); }"
        )
        return self

    @property
    def shown(self) -> tuple[int, int]:
        """Cells of both sprites on screen."""
        one, other = self.page.locator(".pictures").get_attribute("data-frames").split()
        return int(one), int(other)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def to_frame(self, frame: int) -> None:
        """Step on until A shows a frame."""
        for _ in range(400):
            if self.shown[0] == frame:
                return
            self.press("ArrowRight")
        raise AssertionError(self.shown)

    def mark(self, phase: str) -> None:
        """Say that a phase begins here in A."""
        self.press("m")
        self.page.keyboard.type(phase)
        self.press("Enter")

    def expect_saved(self) -> None:
        expect(self.screen).to_have_attribute("data-saved", "saved")
        expect(self.page.locator(".status")).to_have_text("✓ saved")

    def row(self, phase: str):
        """The phase's row in the list."""
        return self.page.locator(f'.phase[data-phase="{phase}"]')


@pytest.fixture(scope="module")
def dives(tmp_path_factory) -> Iterator[Dives]:
    """Twelve drawn dives of two classes with embeddings that know the phases; one class's name is markup."""
    made = dive_project(tmp_path_factory.mktemp("dives"), dives=12, kinds=2, names={0: MARKUP})
    yield made
    made.project.studio.close()


@pytest.fixture(scope="module")
def studio(dives) -> Iterator[Server]:
    """Its server."""
    server = Server(dives.project)
    yield server
    server.stop()


@pytest.fixture
def signed_in(browser, studio, dives) -> Iterator[Callable[[], BrowserContext]]:
    """Makes windows of a new person."""
    contexts = []

    def make(**options) -> BrowserContext:
        _, token = users.create(dives.project.studio, f"coach {time.time_ns()}")
        context = browser.new_context(
            viewport={"width": 1366, "height": 768}, accept_downloads=True, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{studio.address}/?token={token}")
        page.close()
        return context

    yield make
    for context in contexts:
        context.close()
    with dives.project.studio.database.write() as session:  # the next test finds every clip unmarked
        ids = [mark.id for mark in session.scalars(select(PhaseMark).where(PhaseMark.removed_at.is_(None)))]
        phase_rows.remove(session, mark_ids=ids, removed_by=dives.project.owner_id)


@pytest.fixture
def pair(dives) -> tuple[int, int]:
    """Two dives of one class."""
    return tuple(dives.of_class(next(name for name in dives.labels.values() if name != MARKUP))[:2])


@pytest.fixture
def compare(signed_in, studio, pair) -> ComparePage:
    """The two, compared."""
    return ComparePage(signed_in().new_page(), studio.address).open(*pair)


def course(dives: Dives, clip_id: int) -> np.ndarray:
    """Where in its phases each frame of a dive is."""
    truth = dives.phases[clip_id]
    edges = [*truth.starts, truth.frames]
    return np.interp(np.arange(truth.frames) + 0.5, edges, np.arange(len(edges)))


def test_arrows_step_along_the_path_and_both_show_the_same_phase(compare, dives, pair):
    own, other = (course(dives, clip_id) for clip_id in pair)
    seen = []
    for _ in range(len(own) + len(other)):
        before = compare.shown
        compare.press("ArrowRight")
        one, two = compare.shown
        assert (one, two) != before
        seen.append(abs(int(np.abs(other - own[one]).argmin()) - two))
    assert np.median(seen) <= 1
    compare.press("ArrowLeft")
    assert compare.shown == before


def test_three_clocks_pair_the_frames_in_three_ways(compare, dives, pair):
    frames = [dives.phases[clip_id].frames for clip_id in pair]
    middle = frames[0] // 2
    for key, expected in (("1", middle), ("2", round((middle + 0.5) / frames[0] * frames[1] - 0.5))):
        compare.press(key)
        compare.page.locator(".scrub").evaluate(
            "each => { each.value = 0; each.dispatchEvent(new Event('input')); each.blur(); }"
        )
        compare.to_frame(middle)
        assert abs(compare.shown[1] - expected) <= 1
        pressed = compare.page.locator('.clock[aria-pressed="true"]')
        expect(pressed).to_have_count(1)
        expect(pressed).to_contain_text({"1": "Raw time", "2": "Linear stretch"}[key])


def test_space_plays_and_stops(compare):
    compare.press(" ")
    before = compare.shown
    expect(compare.page.locator(".pictures")).not_to_have_attribute("data-frames", " ".join(map(str, before)))
    compare.press(" ")
    stopped = compare.shown
    compare.page.wait_for_timeout(300)
    assert compare.shown == stopped


def test_a_drag_on_the_matrix_moves_both(compare, dives, pair):
    frames = [dives.phases[clip_id].frames for clip_id in pair]
    box = compare.page.locator(".cost-matrix").bounding_box()
    compare.page.mouse.move(box["x"] + box["width"] * 0.27, box["y"] + box["height"] * 0.77)
    compare.page.mouse.down()
    assert compare.shown == (round(0.77 * frames[0] - 0.5), round(0.27 * frames[1] - 0.5))
    compare.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.12)
    compare.page.mouse.up()
    assert compare.shown == (round(0.12 * frames[0] - 0.5), round(0.5 * frames[1] - 0.5))


def test_an_anchor_lays_the_path_anew_at_once_and_stays_with_the_pair(compare, pair):
    page = compare.page
    note = page.locator(".why")
    expect(note).to_contain_text("distance")
    free = float(re.search(r"distance ([\d.]+)", note.inner_text())[1])
    said = page.locator(".score-said").inner_text()
    box = page.locator(".cost-matrix").bounding_box()
    times = []
    for down, across in ((0.5, 0.62), (0.5, 0.3), (0.3, 0.2), (0.8, 0.75)):
        page.mouse.dblclick(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
        times.append(float(compare.screen.get_attribute("data-relaid")))
    print(f"anchor to drawn path: {[round(each, 1) for each in times]} ms")
    assert min(times) < 100
    assert np.median(times) < 100
    expect(note).to_contain_text(
        "path laid anew through 3 anchors"
    )  # the second one took the first one's row
    assert float(re.search(r"distance ([\d.]+)", note.inner_text())[1]) > free
    assert page.locator(".score-said").inner_text() != said
    compare.open(*pair)
    expect(page.get_by_role("button", name="Clear anchors")).to_be_visible()
    page.get_by_role("button", name="Clear anchors").click()
    expect(note).to_contain_text(f"distance {free:.2f}")


def test_k_sets_an_anchor_here_and_takes_it_away(compare):
    for _ in range(12):
        compare.press("ArrowRight")
    compare.press("k")
    expect(compare.page.locator(".why")).to_contain_text("through 1 anchor ")
    compare.press("k")
    expect(compare.page.locator(".why")).to_contain_text("through 0 anchors")


def test_marks_are_suggested_in_b_accepted_by_a_key_and_there_after_a_reload(compare, dives, pair):
    truths = [dives.phases[clip_id] for clip_id in pair]
    for phase, start in zip(truths[0].names, truths[0].starts, strict=True):
        compare.to_frame(start)
        compare.mark(phase)
        expect(compare.row(phase)).to_be_visible()
    expect(compare.page.locator(".begin.suggested")).to_have_count(3)
    expect(compare.page.locator(".phase-said")).to_have_count(3)
    expect(compare.page.locator(".flag")).to_have_count(6)
    compare.press("Shift+Enter")
    expect(compare.page.locator(".begin.suggested")).to_have_count(0)
    compare.expect_saved()
    studio = dives.project.studio
    first, second = (
        {card.phase: card for card in phase_marks.standing(studio, [clip_id])} for clip_id in pair
    )
    assert [card.start_frame for card in first.values()] == list(truths[0].starts)
    errors = [
        abs(second[name].start_frame - at) for name, at in zip(truths[1].names, truths[1].starts, strict=True)
    ]
    assert np.median(errors) <= 2
    assert all((card.source, card.from_clip_id) == ("person", pair[0]) for card in second.values())
    compare.open(*pair)
    expect(compare.page.locator(".phase")).to_have_count(3)
    expect(compare.page.locator(".flag")).to_have_count(6)


def test_a_suggestion_is_moved_by_b_and_a_mark_is_removed(compare, dives, pair):
    compare.to_frame(15)
    compare.mark("entry")
    for _ in range(6):
        compare.press("ArrowRight")
    there = compare.shown[1]
    compare.press("b")
    compare.expect_saved()
    studio = dives.project.studio
    assert [(card.start_frame, card.from_clip_id) for card in phase_marks.standing(studio, pair[1:])] == [
        (there, None)
    ]
    compare.press("Delete")
    expect(compare.page.locator(".phase")).to_have_count(0)
    compare.expect_saved()
    assert phase_marks.standing(studio, pair) == ()


def test_a_flag_is_dragged_to_another_frame(compare, dives, pair):
    compare.to_frame(15)
    compare.mark("entry")
    compare.expect_saved()
    box = compare.page.locator(".strips").bounding_box()
    flag = compare.page.locator('.flag[data-clip="0"]').bounding_box()
    compare.page.mouse.move(flag["x"] + 5, flag["y"] + 30)
    compare.page.mouse.down()
    compare.page.mouse.move(box["x"] + box["width"] * 0.7, flag["y"] + 30, steps=4)
    compare.page.mouse.up()
    compare.expect_saved()
    (card,) = phase_marks.standing(dives.project.studio, pair[:1])
    assert card.start_frame == round(0.7 * dives.phases[pair[0]].frames - 0.5)


def test_a_name_used_before_is_chosen_from_the_list(compare, studio, pair):
    compare.to_frame(5)
    compare.mark("flight")
    compare.expect_saved()
    compare.open(pair[1], pair[0])
    compare.to_frame(9)
    compare.press("m")
    expect(compare.page.locator(".search-list li")).to_have_text(["flight"])
    compare.press("Enter")
    expect(compare.page.locator('.phase[data-phase="flight"] .begin:not(.suggested)')).to_have_count(2)


def test_marks_are_carried_over_to_the_whole_class(compare, dives, pair):
    truth = dives.phases[pair[0]]
    compare.to_frame(truth.starts[1])
    compare.mark("flight")
    compare.to_frame(truth.starts[2])
    compare.mark("entry")
    compare.page.locator('[data-action="transfer"]').click()
    expect(compare.page.locator(".told")).to_contain_text("10 marks carried over to 5 clips")
    others = dives.of_class(dives.labels[pair[0]])[1:]
    cards = phase_marks.standing(dives.project.studio, others)
    assert len(cards) == 10
    assert {card.source for card in cards} == {"transferred"}
    expect(compare.page.locator('.begin[data-source="transferred"]')).to_have_count(2)
    compare.row("entry").get_by_role("button", name=re.compile("it is right")).click()
    compare.expect_saved()
    confirmed = {card.phase: card.source for card in phase_marks.standing(dives.project.studio, pair[1:])}
    assert confirmed == {"flight": "transferred", "entry": "person"}


def test_a_mark_survives_the_tab_closing_right_after_the_key(compare, dives, pair, studio):
    context = compare.page.context
    compare.to_frame(7)
    compare.mark("rip")
    compare.page.close()
    ComparePage(context.new_page(), studio.address).open(*pair).expect_saved()
    assert [card.phase for card in phase_marks.standing(dives.project.studio, pair)] == ["rip"]


def test_names_with_markup_are_shown_as_text(signed_in, studio, dives):
    one, other = dives.of_class(MARKUP)[:2]
    with dives.project.studio.database.write() as session:
        row = session.get_one(Clip, one)
        key, row.key = row.key, f"{MARKUP}.mp4"
    try:
        compare = ComparePage(signed_in().new_page(), studio.address).open(one, other)
        compare.to_frame(4)
        compare.mark(MARKUP)
        compare.expect_saved()
        compare.open(one, other)
        expect(compare.page.locator(".phase-name")).to_have_text(MARKUP)
        expect(compare.page.locator(".example-title").first).to_have_text(f"{MARKUP}.mp4")
        expect(compare.page.locator('[data-action="transfer"]')).to_contain_text(MARKUP)
        expect(compare.page.locator(".st-key-swap")).to_be_visible()
        assert (
            compare.page.locator(".compare img, .phase b, .flag b, [data-testid=stPopover] img").count() == 0
        )
    finally:
        with dives.project.studio.database.write() as session:
            session.get_one(Clip, one).key = key


def test_overlay_lays_one_over_the_other_by_a_slider(compare):
    compare.to_frame(20)
    pictures = compare.page.locator(".pictures")
    compare.press("o")
    slider = compare.page.get_by_label("How much of B")
    drawn = []
    for share in (0, 50, 100):
        slider.evaluate(
            "(each, share) => { each.value = share; each.dispatchEvent(new Event('input')); each.blur(); }",
            share,
        )
        compare.page.wait_for_timeout(150)
        drawn.append(np.asarray(Image.open(io.BytesIO(pictures.screenshot())).convert("RGB"), float))
    only_a, both, only_b = drawn
    np.testing.assert_allclose(both.mean(), (only_a.mean() + only_b.mean()) / 2, atol=2)
    assert np.abs(only_a - only_b).mean() > 2
    assert np.abs(both - (only_a + only_b) / 2).mean() < 2
    compare.press("o")
    expect(slider).to_be_hidden()


def test_swap_and_the_next_clip_by_keys(compare, dives, pair):
    compare.press("x")
    expect(compare.screen).to_have_attribute("data-pair", f"{pair[1]} {pair[0]}")
    expect(compare.page).to_have_url(re.compile(f"a={pair[1]}&b={pair[0]}"))
    listed = sorted(dives.labels)
    following = listed[(listed.index(pair[0]) + 1) % len(listed)]
    compare.press("PageDown")
    expect(compare.screen).to_have_attribute("data-pair", f"{pair[1]} {following}")
    compare.press("PageUp", "3")
    expect(compare.screen).to_have_attribute("data-pair", f"{pair[1]} {pair[0]}")


def test_the_path_the_picture_and_the_video_go_out(compare, dives, pair, tmp_path):
    frames = [dives.phases[clip_id].frames for clip_id in pair]
    saved = {}
    for name in ("csv", "png", "mp4"):
        with compare.page.expect_download(timeout=60_000) as download:
            compare.page.locator(f'[data-export="{name}"]').click()
        assert download.value.suggested_filename.endswith(f".{name}")
        saved[name] = tmp_path / f"saved.{name}"
        download.value.save_as(saved[name])
    rows = list(csv.DictReader(io.StringIO(saved["csv"].read_bytes().decode(), newline="")))
    assert set(rows[0]) == {"frame_a", "frame_b", "time_a", "time_b", "local_cost"}
    assert int(rows[-1]["frame_a"]) == frames[0] - 1
    assert int(rows[-1]["frame_b"]) == frames[1] - 1
    picture = Image.open(saved["png"])
    assert picture.width == 1600
    assert np.asarray(picture.convert("L"), float).std() > 20
    info = probe(saved["mp4"])
    assert (info.fps, info.height) == (25.0, 96)
    assert frames[0] <= info.frames <= sum(frames)


def test_a_video_is_for_people_who_are_signed_in(stranger, studio, pair):
    answer = stranger.request.post(f"{studio.address}/compare/video.mp4", data={"a": pair[0], "b": pair[1]})
    assert answer.status == 403


def test_a_video_of_nonsense_says_what_is_wrong(compare, studio):
    post = compare.page.request.post
    answer = post(
        f"{studio.address}/compare/video.mp4", data={"a": 999, "b": 1, "pairs": [[0, 0]], "fps": 25}
    )
    assert (answer.status, "is not there" in answer.text()) == (400, True)
    assert post(f"{studio.address}/compare/video.mp4", data="no json").status == 400
    assert post(f"{studio.address}/compare/video.mp4", data=b"x" * 200_000).status == 413


def test_without_embeddings_the_clips_are_stretched_evenly_and_it_says_what_to_do(compare, dives, pair):
    compare.page.route("**/*.f16?*", lambda route: route.fulfill(status=404))
    compare.open(*pair, state="linear")
    expect(compare.page.locator(".why")).to_contain_text("Run a new round to align them")
    compare.press("k")
    expect(compare.page.locator(".notice")).to_contain_text("no path to anchor")
    compare.to_frame(20)
    compare.mark("entry")
    expect(compare.page.locator(".begin.suggested")).to_contain_text("same share")
    expect(compare.page.locator('[data-action="transfer"]')).to_be_disabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
def test_everything_is_on_one_screen_without_an_error(signed_in, studio, pair, scheme, size):
    page = signed_in(color_scheme=scheme).new_page()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    failures = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda said: failures.append(said.text) if "Security Policy" in said.text else None)
    ComparePage(page, studio.address).open(*pair)
    for part in (".pictures", ".strips", ".ribbons", ".cost-matrix", ".score-strip", ".panel", ".actions"):
        box = page.locator(f".compare {part}").bounding_box()
        assert box["height"] > 15, part
        assert box["y"] + box["height"] <= size[1], part
    assert page.locator(".compare").get_attribute("data-tone") == scheme
    assert failures == []


def test_less_motion_stands_still(signed_in, studio, pair):
    page = signed_in(reduced_motion="reduce").new_page()
    page.goto(f"{studio.address}/compare?a={pair[0]}&b={pair[1]}")
    page.locator('.compare[data-state="aligned"]').wait_for(timeout=30_000)
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_c_in_review_opens_the_pair_and_review_keeps_its_place(review):
    review.page.locator('.example[data-state="aligned"]').wait_for(timeout=15_000)
    review.press("ArrowDown")
    clip = review.clip
    with review.page.expect_popup() as opened:
        review.press("c")
    page = opened.value
    page.locator(".compare[data-pair]").wait_for(timeout=30_000)
    first, second = page.locator(".compare").get_attribute("data-pair").split()
    assert int(first) == clip
    assert review.page.locator(".action.open").get_attribute("href") == f"/compare?a={first}&b={second}"
    assert review.clip == clip
    expect(review.page.locator(".class-row.compared")).to_have_count(1)
    page.close()
    review.press("a")
    expect(review.screen).not_to_have_attribute("data-clip", str(clip))
