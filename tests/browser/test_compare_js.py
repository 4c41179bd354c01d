"""The compare screen's arithmetic in the browser: clocks, carried-over marks, words on tempo and distance."""

import numpy as np
import pytest

from app.components import SPRITES, join
from app.services import pair_alignment, phase_transfer
from app.services.pair_distances import PairDistances
from tests.browser.test_alignment_js import bits

pytestmark = pytest.mark.browser

FILES = [
    "dom.js",
    *SPRITES,
    "alignment.js",
    "cost_matrix.js",
    "aligned_clips.js",
    "clip_compare/clocks.js",
    "clip_compare/pair_clock.js",
    "clip_compare/compared_pair.js",
    "clip_compare/tempo.js",
    "clip_compare/phase_marks.js",
    "clip_compare/exports.js",
]
PAIR = """{
  const clips = given.lengths.map((length, place) => ({
    clip_id: place + 1, name: given.names?.[place] ?? "x.mp4", fps: given.fps?.[place] ?? 25,
    sprite: {length, frames: length, step: 1, url: ""}}));
  const pair = new ComparedPair(clips, given.features ?? 0, given.usual ?? {same: [], other: [], local: []});
  if (given.clips) {
    const [first, second] = given.clips.map((clip) => fromHalf(new Uint16Array(clip).buffer));
    pair.matrix = cosineCosts(first, second, given.features);
    pair.align(given.anchors ?? []);
  }
  return VALUE;
}"""


@pytest.fixture(scope="module")
def ask(browser):
    """Evaluate an expression about a pair, with a JSON argument called `given`."""
    page = browser.new_page()
    page.add_script_tag(content=join(FILES))
    yield lambda value, **given: page.evaluate(f"(given) => {PAIR.replace('VALUE', value)}", given)
    page.close()


def embedded(rows: int, columns: int, seed: int, features: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Two clips of one course at other paces, with noise, as float16."""
    chance = np.random.default_rng(seed)
    course = np.cumsum(chance.normal(size=(200, features)), axis=0)
    course /= np.linalg.norm(course, axis=1, keepdims=True)
    found = []
    for count, power in ((rows, 1.0), (columns, 1.6)):
        places = ((np.arange(count) + 0.5) / count) ** power * 199
        found.append(course[places.astype(int)] + 0.12 * chance.normal(size=(count, features)))
    return found[0].astype(np.float16), found[1].astype(np.float16)


def test_raw_time_runs_both_at_their_own_pace_and_the_shorter_one_waits(ask):
    for lengths, end in (([50, 75], [1, 2 / 3]), ([75, 50], [2 / 3, 1])):
        total, middle, last = ask(
            "(() => { const clock = pair.clock('raw'); return [clock.total, clock.at(2), clock.at(9)]; })()",
            lengths=lengths,
        )
        assert total == pytest.approx(3)
        assert middle == pytest.approx(end)
        assert last == pytest.approx([1, 1])


def test_linear_stretch_fits_b_into_a_s_time(ask):
    found = ask(
        "(() => { const clock = pair.clock('linear'); return [clock.total, ...clock.at(0.5)]; })()",
        lengths=[50, 75],
    )
    assert found == pytest.approx([2, 0.25, 0.25])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_path_s_clock_visits_every_cell_in_order_and_comes_back_to_it(ask, seed):
    first, second = embedded(24, 24, seed)
    points, at, times, total = ask(
        """(() => {
          const clock = pair.clock('path');
          return [clock.points, clock.times.map((time) => clock.at(time)),
            clock.points.map(([a]) => clock.timeOf(a)),
            [clock.total, clock.times]];
        })()""",
        lengths=[60, 48],
        features=16,
        clips=[bits(first), bits(second)],
    )
    np.testing.assert_allclose(at, points, atol=1e-9)
    assert (np.diff(np.array(points), axis=0) >= 0).all()
    assert points[0] == [0, 0]
    assert points[-1] == [1, 1]
    for (a, _), time in zip(points, times, strict=True):  # the first time that A is there
        expected = next(when for (other, _), when in zip(points, total[1], strict=True) if other == a)
        assert time == pytest.approx(expected)
    stalls = sum(one[0] == other[0] for one, other in zip(points, points[1:], strict=False))
    assert total[0] == pytest.approx(2.4 + stalls / 24 * 48 / 25)


def test_stops_are_where_a_picture_changes(ask):
    stops, shown = ask(
        """(() => {
          const clock = pair.clock('linear');
          const show = (a, b) => [frameAt(a, 10), frameAt(b, 7)].join(' ');
          const stops = clock.stops(show, 1000);
          return [stops, stops.map((stop) => show(...clock.at(stop)))];
        })()""",
        lengths=[10, 7],
    )
    assert stops[0] == 0
    assert stops == sorted(stops)
    assert len(set(shown)) == len(shown) == 10 + 7 - 1


@pytest.mark.parametrize("seed", range(6))
def test_marks_carry_over_as_in_the_service(ask, seed):
    first, second = embedded(24, 24, seed)
    local = tuple(np.linspace(0.005, 0.2, 101).tolist())
    usual = PairDistances((1.0, 2.0), (3.0,), local)
    units = [clip.astype(np.float32) for clip in (first, second)]
    units = [clip / np.linalg.norm(clip, axis=1, keepdims=True) for clip in units]
    aligned = pair_alignment.align(pair_alignment.cosine_costs(units[0], units[1][None]))
    starts = [0, 5, 11, 23, 37, 51, 59]
    (expected,) = phase_transfer.carry(starts, 60, aligned, [48], usual)
    found = ask(
        "given.starts.map((start) => pair.carry(start))",
        lengths=[60, 48],
        features=16,
        clips=[bits(first), bits(second)],
        usual=vars(usual),
        starts=starts,
    )
    assert [each["frame"] for each in found] == [each.start_frame for each in expected]
    confidences = [each.confidence for each in expected]
    assert [each["confidence"] for each in found] == pytest.approx(confidences, abs=1e-3)
    assert max(confidences) - min(confidences) > 0.05


def test_an_anchor_is_met_and_taken_away_again_and_none_may_cross_it(ask):
    first, second = embedded(24, 24, 4)
    found = ask(
        """(() => {
          const before = pair.carry(30);
          const [row, column] = pair.cellOf(momentOf(30, 60), 0.8);
          const free = pair.distance;
          const done = pair.toggleAnchor([row, column]);
          return {done, before, after: pair.carry(30), column, dearer: pair.distance - free,
            crossing: pair.toggleAnchor([row - 3, column + 2]), anchors: pair.anchors,
            gone: pair.toggleAnchor([row, column]) && pair.distance - free};
        })()""",
        lengths=[60, 48],
        features=16,
        clips=[bits(first), bits(second)],
    )
    assert found["done"]
    assert found["crossing"] is False
    assert len(found["anchors"]) == 1
    assert found["gone"] == pytest.approx(0)
    assert found["dearer"] > 0
    assert abs(found["after"]["frame"] - (found["column"] + 0.5) * 2) <= 3
    assert found["after"]["frame"] != found["before"]["frame"]


def test_without_an_alignment_marks_keep_their_share_of_the_clip(ask):
    assert ask("pair.carry(30)", lengths=[60, 48]) == {"frame": 24, "confidence": None}


@pytest.mark.parametrize(
    ("distance", "says"),
    [
        (
            1.5,
            "Closer than 92 % of pairs of the same class, "
            "and closer than 100 % of pairs of different classes.",
        ),
        (
            45.0,
            "Farther apart than 100 % of pairs of the same class, "
            "and farther apart than 100 % of pairs of different classes.",
        ),
        (
            30.5,
            "Farther apart than 100 % of pairs of the same class, "
            "and closer than 50 % of pairs of different classes.",
        ),
    ],
)
def test_a_distance_in_words(ask, distance, says):
    same = [1.0] * 8 + [2.0] * 92
    other = [25.0] * 10 + [40.0] * 10
    assert ask("scoreSentence(given.distance, given.usual)", lengths=[5, 5], distance=distance,
               usual={"same": same, "other": other, "local": []}) == says  # fmt: skip


def test_no_labelled_pairs_are_said(ask):
    assert "nothing to judge" in ask("scoreSentence(1, given.usual)", lengths=[5, 5],
                                     usual={"same": [], "other": [1.0], "local": []})  # fmt: skip


def test_tempo_in_words(ask):
    rows = [
        {"phase": "takeoff", "a": 0, "b": 5},
        {"phase": "flight", "a": 20, "b": 25},
        {"phase": "entry", "a": 45, "b": 47},
        {"phase": "under water", "a": 60, "b": 90},
    ]
    said = ask("Object.fromEntries(tempoReport(given.rows, [25, 25]))", lengths=[5, 5], rows=rows)
    assert said == {
        "takeoff": "is as long in both.",
        "flight": "begins at the same time in both; is 12 % shorter in B than in A (880 ms, not 1.00 s).",
        "entry": "begins 120 ms earlier in B than in A, counted from takeoff; "
        "is 187 % longer in B than in A (1.72 s, not 600 ms).",
        "under water": "begins 1.00 s later in B than in A, counted from takeoff.",
    }
    assert ask("[...tempoReport(given.rows.slice(0, 1), [25, 25])].length", lengths=[5, 5], rows=rows) == 0


def test_the_path_as_a_table(ask):
    first, second = embedded(24, 24, 3)
    text, path, distance = ask(
        "[pathTable(pair), pair.path, pair.distance]", lengths=[60, 48], fps=[25, 50], features=16,
        clips=[bits(first), bits(second)],
    )  # fmt: skip
    header, *lines = text.strip().split("\r\n")
    assert header == "frame_a,frame_b,time_a,time_b,local_cost"
    assert len(lines) == len(path)
    cells = np.array([[float(cell) for cell in line.split(",")] for line in lines])
    assert cells[:, 4].sum() == pytest.approx(distance, abs=1e-4)
    np.testing.assert_allclose(cells[:, 2], (np.array(path)[:, 0] + 0.5) / 24 * 60 / 25, atol=1e-3)
    np.testing.assert_allclose(cells[:, 3], (np.array(path)[:, 1] + 0.5) / 24 * 48 / 50, atol=1e-3)
    assert (cells[:, 0] <= 59).all()
    assert (cells[:, 1] <= 47).all()


def test_names_of_files_can_t_leave_their_folder(ask):
    names = ["../../<b>x</b>.mp4", "=cmd|' /C calc'!A0.mp4"]
    assert ask("fileStem(pair)", lengths=[5, 5], names=names) == "_b_x_b_-vs-_cmd_C_calc_A0"


def test_marks_are_what_is_saved_and_what_waits_on_top(ask):
    found = ask(
        """(() => {
          const log = {pending: new Map(), append(event) {
            const whole = {uuid: `u${this.pending.size}`, ...event};
            this.pending.set(whole.uuid, whole);
            return whole;
          }};
          const marks = new PhaseMarks(log);
          const saved = {uuid: "s", clip_id: 1, phase: "entry", start_frame: 30};
          marks.update([{...saved, source: "transferred", confidence: 0.5}]);
          const taken = marks.set(1, "flight", 30);
          marks.set(1, "flight", 12);
          marks.set(1, "entry", 30);  // confirmed as it is
          marks.set(1, "entry", 31);
          marks.set(1, "entry", 31);
          const before = marks.of(1);
          marks.remove(before[0]);
          return {taken, events: log.pending.size, before, after: marks.of(1), other: marks.of(2)};
        })()""",
        lengths=[60, 48],
    )
    assert found["taken"] == "entry begins at this frame already."
    assert [(mark["phase"], mark["start_frame"], mark["source"]) for mark in found["before"]] == [
        ("flight", 12, "person"), ("entry", 31, "person"),
    ]  # fmt: skip
    assert [mark["phase"] for mark in found["after"]] == ["entry"]
    assert found["events"] == 4
    assert found["other"] == []


def test_a_step_changes_the_pictures_wherever_the_clock_stands(ask):
    """By one place of the course, both ways, also where a change lies between two samples of it."""
    steps = ask(
        """(() => {
          const clock = new PairClock();
          clock.open(pair);
          clock.change('linear');
          const course = clock.stops.map((stop) => clock.pictures(clock.clock.at(stop)));
          const from = Array.from({ length: 4000 }, (_, place) => (place / 4000) * clock.clock.total);
          return from.map((time) => [0, 1, -1].map((by) => {
            clock.seek(time);
            if (by) clock.step(by);
            return course.indexOf(clock.pictures(clock.moments));
          }));
        })()""",
        lengths=[37, 23],
    )
    places = max(here for here, _, _ in steps) + 1
    assert places > 37
    assert all(after == (here + 1) % places for here, after, _ in steps if here >= 0)
    assert all(before == (here - 1) % places for here, _, before in steps if here >= 0)
    assert sum(here < 0 for here, _, _ in steps) < 40, "nearly every picture is a stop"
