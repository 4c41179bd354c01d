"""The alignment in the browser is the core's: same costs, same path, same anchors."""

import numpy as np
import pytest
import torch

from app.components import join
from finepseudo_core.alignment import cosine_costs, dtw_path
from finepseudo_core.video.sampling import uniform_indices

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def ask(browser):
    """Evaluate an expression beside alignment.js, with a JSON argument called `given`."""
    page = browser.new_page()
    page.add_script_tag(content=join(["alignment.js"]))
    yield lambda expression, given=None: page.evaluate(f"(given) => {expression}", given)
    page.close()


def clips(rows: int, columns: int, seed: int, features: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Two embedded clips that show the same moments at other paces, with some noise."""
    generator = np.random.default_rng(seed)
    moments = generator.normal(size=(6, features))
    paces = (np.sort(generator.integers(6, size=count)) for count in (rows, columns))
    first, second = (moments[pace] + 0.3 * generator.normal(size=(len(pace), features)) for pace in paces)
    return first.astype(np.float16), second.astype(np.float16)


def bits(clip: np.ndarray) -> list[int]:
    return clip.ravel().view(np.uint16).tolist()


MATRIX = """{
  const [first, second] = given.clips.map((clip) => fromHalf(new Uint16Array(clip).buffer));
  const matrix = cosineCosts(first, second, given.features);
  return VALUE;
}"""


def test_half_floats_of_every_kind(ask):
    patterns = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x3C00, 0xC500, 0x7BFF, 0x7C00, 0xFC00]
    found = ask("[...fromHalf(new Uint16Array(given).buffer)].map(String)", patterns)
    expected = np.array(patterns, np.uint16).view(np.float16).astype(np.float64)
    assert [float(value.replace("Infinity", "inf")) for value in found] == expected.tolist()
    assert ask("Number.isNaN(fromHalf(new Uint16Array([0x7E00]).buffer)[0])")


@pytest.mark.parametrize(
    ("rows", "columns", "seed"), [(1, 1, 0), (1, 7, 1), (24, 24, 2), (32, 19, 3), (5, 40, 4)]
)
def test_costs_and_path_are_those_of_the_core(ask, rows, columns, seed):
    first, second = clips(rows, columns, seed)
    found = ask(
        MATRIX.replace("VALUE", "{costs: [...matrix.costs], ...alignPath(matrix)}"),
        {"clips": [bits(first), bits(second)], "features": 16},
    )
    costs = cosine_costs(torch.from_numpy(first).double(), torch.from_numpy(second).double()).clamp_min(0)
    np.testing.assert_allclose(found["costs"], costs.flatten().numpy(), atol=1e-12)
    expected = dtw_path(costs[None])
    assert found["distance"] == pytest.approx(expected.distances.item(), abs=1e-9)
    assert [tuple(cell) for cell in found["path"]] == expected.path(0)


def test_of_equal_ways_the_diagonal_one_is_taken(ask):
    matrix = {"costs": [0.0] * 12, "rows": 3, "columns": 4}
    found = ask("alignPath(given).path", matrix)
    assert [tuple(cell) for cell in found] == dtw_path(torch.zeros(1, 3, 4)).path(0)


def test_anchors_bend_the_path_as_in_the_core(ask):
    first, second = clips(20, 24, 5)
    costs = cosine_costs(torch.from_numpy(first).double(), torch.from_numpy(second).double()).clamp_min(0)
    for anchors in ([(3, 15)], [(15, 20), (4, 9)], [(0, 5)], [(19, 23)]):
        found = ask(
            MATRIX.replace("VALUE", "alignPath(matrix, given.anchors)"),
            {"clips": [bits(first), bits(second)], "features": 16, "anchors": anchors},
        )
        expected = dtw_path(costs[None], anchors=anchors)
        assert [tuple(cell) for cell in found["path"]] == expected.path(0)
        assert found["distance"] == pytest.approx(expected.distances.item(), abs=1e-9)


@pytest.mark.parametrize("anchors", [[[3, 4], [5, 2]], [[0, 9]], [[-1, 0]]])
def test_anchors_that_cross_or_lie_outside_have_no_path(ask, anchors):
    matrix = {"costs": [1.0] * 36, "rows": 6, "columns": 6}
    assert ask("alignPath(given.matrix, given.anchors)", {"matrix": matrix, "anchors": anchors}) is None


def test_following_a_path_takes_the_middle_of_several_partners(ask):
    path = [[0, 0], [0, 1], [0, 2], [1, 3], [2, 3]]
    assert ask("follow(given)", path) == [1, 3, 3]
    assert ask("follow(given, true)", path) == [0, 0, 0, 1]


@pytest.mark.parametrize(("frames", "embedded"), [(60, 24), (11, 16), (24, 24), (1, 8)])
def test_embeddings_stand_for_the_frames_that_the_encoder_saw(ask, frames, embedded):
    moments = "Array.from({length: given[1]}, (_, k) => frameAt(momentOf(k, given[1]), given[0]))"
    found = np.array(ask(moments, [frames, embedded]))
    assert np.abs(found - uniform_indices(frames, embedded)).max() <= 1


def test_a_clip_played_at_another_pace_is_met_within_a_frame(ask):
    """The second clip is the first one, slower in its middle; its partner frame is known."""
    generator = np.random.default_rng(7)
    drift = np.cumsum(generator.normal(size=(240, 16)), axis=0)  # a smooth course, four steps a frame
    pace = np.interp(np.arange(48), [0, 16, 40, 47], [0, 24, 36, 47])  # where clip two is in clip one
    first, second = drift[::5][:48], drift[np.round(pace * 5).astype(int)]
    seen = uniform_indices(48, 32)
    given = {"clips": [bits(clip[seen].astype(np.float16)) for clip in (second, first)], "features": 16}
    found = ask(
        MATRIX.replace(
            "VALUE",
            "Array.from({length: 48}, (_, frame) => frameAt(partnerMoment("
            "momentOf(frame, 48), follow(alignPath(matrix).path), matrix.columns), 48))",
        ),
        given,
    )
    errors = np.abs(np.array(found) - pace)
    assert np.median(errors) <= 1
    assert errors.max() <= 3


def test_aligning_again_takes_no_time(ask):
    milliseconds = ask(
        """{
          const side = 32;
          const costs = Float64Array.from({length: side * side}, () => Math.random());
          const matrix = {costs, rows: side, columns: side};
          const start = performance.now();
          for (let turn = 0; turn < 100; turn += 1) alignPath(matrix, [[10, 12]]);
          return (performance.now() - start) / 100;
        }"""
    )
    assert milliseconds < 33
