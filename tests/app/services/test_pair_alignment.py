"""Alignment in numpy: the core's path, and how sure a place on it is."""

import numpy as np
import pytest
import torch

from app.services import pair_alignment
from finepseudo_core.alignment import cosine_costs, dtw_path


def clips(pairs: int, rows: int, columns: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit embeddings (P, R, F) and (P, C, F) of clips that show the same moments at other paces."""
    chance = np.random.default_rng(seed)
    moments = chance.normal(size=(6, 16))
    found = []
    for count in (rows, columns):
        pace = np.sort(chance.integers(6, size=(pairs, count)), axis=1)
        clip = moments[pace] + 0.3 * chance.normal(size=(pairs, count, 16))
        found.append((clip / np.linalg.norm(clip, axis=2, keepdims=True)).astype(np.float32))
    return found[0], found[1]


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 7), (7, 1), (24, 24), (32, 19), (5, 40)])
def test_paths_and_distances_are_those_of_the_core(rows, columns):
    first, second = clips(6, rows, columns, seed=rows)
    aligned = pair_alignment.align(pair_alignment.cosine_costs(first, second))
    costs = torch.stack(
        [cosine_costs(*pair) for pair in zip(*map(torch.from_numpy, (first, second)), strict=True)]
    )
    np.testing.assert_allclose(aligned.costs, costs.clamp_min(0).numpy(), atol=1e-6)
    expected = dtw_path(torch.from_numpy(aligned.costs))
    np.testing.assert_allclose(aligned.distances, expected.distances.numpy(), atol=1e-9)
    for pair in range(len(first)):
        assert list(zip(*map(list, np.nonzero(aligned.on_path[pair])), strict=True)) == expected.path(pair)


def test_of_equal_ways_the_diagonal_one_is_taken():
    path = np.argwhere(pair_alignment.align(np.zeros((1, 3, 4))).on_path[0])
    assert [tuple(cell) for cell in path.tolist()] == dtw_path(torch.zeros(1, 3, 4)).path(0)


def test_excess_is_what_a_path_through_a_cell_costs_more():
    chance = np.random.default_rng(2)
    costs = chance.random((1, 6, 5))
    aligned = pair_alignment.align(costs)
    excess = aligned.excess()[0]
    for row in range(6):
        for column in range(5):
            through = dtw_path(torch.from_numpy(costs), anchors=[(row, column)]).distances.item()
            assert excess[row, column] == pytest.approx(through - aligned.distances[0], abs=1e-12)


def test_a_sharp_path_is_sure_and_one_that_stands_still_is_not():
    stills = [0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 5, 6]  # what each moment of the second clip shows
    sure = {}
    for name, course in (("sharp", np.arange(7)), ("still", np.array(stills))):
        aligned = pair_alignment.align((np.arange(7)[:, None] != course)[None].astype(float))
        columns = len(course)
        places = pair_alignment.partner_moments(4.5 / 7, aligned.partners, columns) * columns - 0.5
        sure[name] = pair_alignment.certainty(aligned.excess()[:, 4], places, scale=0.1)[0]
    assert sure["sharp"] > 0.99
    assert 0.2 < sure["still"] <= 0.5  # two or three of the six moments that look alike lie near the middle
    assert pair_alignment.certainty(np.zeros((1, 12)), np.array([6.0]), scale=0.1)[0] == pytest.approx(3 / 12)


def test_moments_run_from_corner_to_corner_and_never_back():
    first, second = clips(8, 20, 24, seed=9)
    aligned = pair_alignment.align(pair_alignment.cosine_costs(first, second))
    moments = np.linspace(0, 1, 101)
    found = np.array([pair_alignment.partner_moments(moment, aligned.partners, 24) for moment in moments])
    assert found[0] == pytest.approx(0)
    assert found[-1] == pytest.approx(1)
    assert (np.diff(found, axis=0) >= -1e-12).all()


def test_damaged_embeddings_are_named():
    with pytest.raises(ValueError, match="not finite"):
        pair_alignment.align(np.full((1, 2, 2), np.nan))
