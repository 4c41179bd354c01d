"""Hard DTW paths against a search through all paths, with and without constraints."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from finepseudo_core.alignment import dtw_path, reference, soft_dtw
from finepseudo_core.alignment.arithmetic_cpu import LANES
from finepseudo_core.alignment.dtw_path import dtw_distance

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 5))


def random_costs(shape, seed, pairs=2):
    return torch.rand(pairs, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def best_path(costs, allowed):
    matrix = costs.tolist()
    return min(filter(allowed, reference.paths(*costs.shape)), key=lambda p: reference.path_cost(matrix, p))


@settings(max_examples=40, deadline=None)
@given(shape=SHAPES, seed=st.integers(0, 10**6))
def test_the_path_is_the_cheapest_of_all(shape, seed):
    costs = random_costs(shape, seed)
    found = dtw_path(costs)
    for pair, matrix in enumerate(costs):
        expected = best_path(matrix, lambda _: True)
        assert tuple(found.path(pair)) == expected
        assert found.distances[pair].item() == pytest.approx(reference.path_cost(matrix.tolist(), expected))
    torch.testing.assert_close(dtw_distance(costs), found.distances)


@settings(max_examples=40, deadline=None)
@given(shape=SHAPES, seed=st.integers(0, 10**6), data=st.data())
def test_the_path_passes_through_every_anchor(shape, seed, data):
    rows = sorted(data.draw(st.lists(st.integers(0, shape[0] - 1), min_size=1, max_size=2)))
    columns = sorted(
        data.draw(st.lists(st.integers(0, shape[1] - 1), min_size=len(rows), max_size=len(rows)))
    )
    anchors = list(zip(rows, columns, strict=True))
    costs = random_costs(shape, seed)
    found = dtw_path(costs, anchors=anchors)
    for pair, matrix in enumerate(costs):
        expected = best_path(matrix, lambda path: set(anchors) <= set(path))
        assert tuple(found.path(pair)) == expected
        assert found.distances[pair].item() == pytest.approx(reference.path_cost(matrix.tolist(), expected))


@settings(max_examples=30, deadline=None)
@given(size=st.integers(2, 5), band=st.integers(0, 4), seed=st.integers(0, 10**6))
def test_the_path_stays_within_the_band(size, band, seed):
    costs = random_costs((size, size), seed)
    found = dtw_path(costs, band=band)
    for pair, matrix in enumerate(costs):
        expected = best_path(matrix, lambda path: all(abs(i - j) <= band for i, j in path))
        assert tuple(found.path(pair)) == expected


@settings(max_examples=40, deadline=None)
@given(shape=SHAPES, seed=st.integers(0, 10**6))
def test_relaxed_boundaries_match_each_column_to_one_row_in_order(shape, seed):
    costs = random_costs(shape, seed)
    found = dtw_path(costs, relaxed=True)
    for pair, matrix in enumerate(costs.tolist()):
        choices = (
            rows
            for rows in itertools.product(range(shape[0]), repeat=shape[1])
            if all(after - before in (0, 1) for before, after in itertools.pairwise(rows))
        )
        expected = min(sum(matrix[i][j] for j, i in enumerate(rows)) for rows in choices)
        path = found.path(pair)
        assert [j for _, j in path] == list(range(shape[1]))
        assert found.distances[pair].item() == pytest.approx(expected)
        assert sum(matrix[i][j] for i, j in path) == pytest.approx(expected)


def test_relaxed_boundaries_are_those_of_otam():
    """OTAM's recursion with a column of zeros on either side (Cao et al., CVPR 2020, Eq. 5-7)."""
    costs = random_costs((6, 4), 3, pairs=1)
    padded = torch.nn.functional.pad(costs[0], (1, 1)).tolist()
    totals = [list(itertools.accumulate(padded[0]))]
    for row in padded[1:]:
        line = [0.0]
        for j in range(1, len(row)):
            choices = [totals[-1][j - 1], line[j - 1]]
            if j in (1, len(row) - 1):
                choices.append(totals[-1][j])
            line.append(row[j] + min(choices))
        totals.append(line)
    assert dtw_path(costs, relaxed=True).distances.item() == pytest.approx(totals[-1][-1])


def test_ties_take_the_diagonal_first_and_then_go_up():
    assert dtw_path(torch.ones(1, 3, 3)).path(0) == [(0, 0), (1, 1), (2, 2)]
    assert dtw_path(torch.zeros(1, 3, 3)).path(0) == [(0, 0), (1, 1), (2, 2)]
    # back from the end: diagonals while there are both a row and a column to give, then straight on
    assert dtw_path(torch.zeros(1, 4, 2)).path(0) == [(0, 0), (1, 0), (2, 0), (3, 1)]
    costs = torch.tensor([[[0.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [0.0, 0.0]]])
    assert dtw_path(costs).path(1) == [(0, 0), (1, 1)]


def test_a_whole_batch_agrees_with_single_pairs():
    costs = torch.rand(2 * LANES + 3, 9, 7)
    whole = dtw_path(costs)
    for pair in (0, LANES - 1, LANES, 2 * LANES + 2):
        alone = dtw_path(costs[pair : pair + 1])
        assert torch.equal(alone.distances[0], whole.distances[pair])
        assert alone.path(0) == whole.path(pair)
    assert (whole.steps[0, whole.lengths[0] :] == -1).all()


def test_soft_dtw_tends_to_hard_dtw():
    costs = torch.rand(8, 20, 16, dtype=torch.float64)
    torch.testing.assert_close(soft_dtw(costs, 1e-6), dtw_path(costs).distances, rtol=0, atol=1e-4)


def test_an_empty_batch_has_no_paths():
    found = dtw_path(torch.rand(0, 3, 4))
    assert found.distances.shape == (0,)
    assert found.steps.shape == (0, 6, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"anchors": [(4, 0)]}, r"anchor \(4, 0\) lies outside"),
        ({"anchors": [(1, 2), (2, 1)]}, "cross"),
        ({"band": -1}, "band is -1"),
        ({"anchors": [(0, 3)], "band": 1}, "no path of pair 0 meets the constraints"),
        ({"anchors": [(0, 0), (3, 1)], "relaxed": True}, "no path of pair 0"),
    ],
)
def test_constraints_that_leave_no_path_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        dtw_path(torch.rand(2, 4, 4), **arguments)


def test_costs_that_are_not_finite_are_refused_by_index():
    costs = torch.rand(2, 3, 3)
    costs[1, 2, 0] = float("inf")
    with pytest.raises(ValueError, match=r"costs\[1, 2, 0\] is inf"):
        dtw_path(costs)
    with pytest.raises(ValueError, match="shape"):
        dtw_path(costs[0])
