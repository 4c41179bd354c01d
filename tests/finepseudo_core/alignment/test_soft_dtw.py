"""Soft-DTW against its definition, at the edges of its range, and from other threads and processes."""

import multiprocessing
import threading

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from finepseudo_core.alignment import reference, soft_dtw, wavefront
from finepseudo_core.alignment.arithmetic_cpu import LANES

GAMMAS = st.sampled_from([1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0])


@st.composite
def small_costs(draw: st.DrawFn) -> Tensor:
    """Costs (B, T1, T2) small enough for every path to be listed; often with ties."""
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    costs = 2 * torch.rand(shape, generator=generator, dtype=torch.float64)
    return costs.round(decimals=draw(st.sampled_from([0, 1, 15])))


def gradient(costs: Tensor, gamma: float, lengths: Tensor | None = None) -> Tensor:
    costs = costs.detach().clone().requires_grad_()
    soft_dtw(costs, gamma, lengths=lengths).sum().backward()
    assert costs.grad is not None
    return costs.grad


@settings(max_examples=60, deadline=None)
@given(costs=small_costs(), gamma=GAMMAS)
def test_value_and_gradient_are_those_of_all_paths(costs, gamma):
    values = torch.tensor(
        [reference.soft_dtw_by_paths(c.tolist(), gamma) for c in costs], dtype=torch.float64
    )
    expected = torch.tensor(
        [reference.gradient_by_paths(c.tolist(), gamma) for c in costs], dtype=torch.float64
    )
    torch.testing.assert_close(soft_dtw(costs, gamma), values, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(gradient(costs, gamma), expected, rtol=1e-9, atol=1e-9)
    exact = costs.float().double()  # the costs that float32 sees
    expected = torch.tensor([reference.gradient_by_paths(c.tolist(), gamma) for c in exact]).float()
    torch.testing.assert_close(soft_dtw(costs.float(), gamma), values.float(), rtol=1e-6, atol=1e-5)
    torch.testing.assert_close(gradient(costs.float(), gamma), expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(costs=small_costs(), gamma=GAMMAS)
def test_the_recursion_of_the_paper_gives_the_soft_minimum_over_paths(costs, gamma):
    for matrix in costs.tolist():
        expected = reference.soft_dtw_by_paths(matrix, gamma)
        assert reference.soft_dtw(matrix, gamma) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(batch=st.integers(1, 2 * LANES + 3), rows=st.integers(1, 12), columns=st.integers(1, 12), gamma=GAMMAS)
def test_wavefront_and_kernels_agree(batch, rows, columns, gamma):
    generator = torch.Generator().manual_seed(batch)
    costs = torch.rand(batch, rows, columns, generator=generator, dtype=torch.float64)
    lengths = torch.stack(
        [torch.randint(1, n + 1, (batch,), generator=generator) for n in (rows, columns)], dim=1
    )
    values, flow = wavefront.align(costs, lengths, gamma, True)
    torch.testing.assert_close(soft_dtw(costs, gamma, lengths=lengths), values)
    torch.testing.assert_close(gradient(costs, gamma, lengths), flow)


def test_gradcheck_passes_in_float64():
    costs = torch.rand(3, 4, 6, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([[4, 6], [2, 5], [1, 1]])
    assert torch.autograd.gradcheck(lambda c: soft_dtw(c, 0.05), (costs,))
    assert torch.autograd.gradcheck(lambda c: soft_dtw(c, 0.5, lengths=lengths), (costs,))


def test_float32_gradient_stays_near_float64_at_the_papers_smoothing():
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.nn.functional.normalize(torch.randn(2, 500, 32, 16, generator=generator), dim=-1)
    costs = 1 - embeddings[0] @ embeddings[1].transpose(1, 2)
    flow = gradient(costs, 0.001)
    torch.testing.assert_close(flow.double(), gradient(costs.double(), 0.001), rtol=0, atol=5e-6)
    for corner in (flow[:, 0, 0], flow[:, -1, -1]):
        torch.testing.assert_close(corner, torch.ones(500), rtol=0, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 70),
    columns=st.integers(1, 70),
    gamma=GAMMAS,
    largest=st.sampled_from([1e-6, 0.1, 2.0, 1e3]),
    seed=st.integers(0, 2**31),
)
def test_float32_follows_float64_over_shapes_and_sizes(rows, columns, gamma, largest, seed):
    costs = torch.rand(3, rows, columns, generator=torch.Generator().manual_seed(seed)) * largest
    values, exact = soft_dtw(costs, gamma), soft_dtw(costs.double(), gamma)
    torch.testing.assert_close(values.double(), exact, rtol=1e-6, atol=2e-5 * gamma + 1e-6 * largest)
    if largest / gamma < 1e5:  # beyond, float32 can't tell by how many bits two paths differ
        flow, expected = gradient(costs, gamma).double(), gradient(costs.double(), gamma)
        torch.testing.assert_close(flow, expected, rtol=0, atol=5e-5)


def test_cells_may_be_forbidden_by_a_huge_cost():
    costs = torch.rand(1, 6, 6)
    allowed = torch.eye(6, dtype=torch.bool) | torch.eye(6, dtype=torch.bool).roll(1, 1).triu()
    masked = costs.masked_fill(~allowed, 1e30)
    assert soft_dtw(masked, 0.001).item() == pytest.approx(reference.soft_dtw(masked[0].tolist(), 0.001))
    expected = gradient(masked.double(), 0.001).float()
    torch.testing.assert_close(gradient(masked, 0.001), expected, rtol=0, atol=1e-5)


def test_small_smoothing_gives_hard_dtw():
    costs = torch.rand(1, 5, 4, dtype=torch.float64)
    hard = min(reference.path_cost(costs[0].tolist(), path) for path in reference.paths(5, 4))
    assert soft_dtw(costs, 1e-4).item() == pytest.approx(hard, abs=1e-3)


def test_identical_sequences_and_all_ties():
    paths = sum(1 for _ in reference.paths(4, 4))
    value = soft_dtw(torch.zeros(1, 4, 4, dtype=torch.float64), 0.5).item()
    assert value == pytest.approx(-0.5 * torch.log(torch.tensor(paths, dtype=torch.float64)).item())
    flow = gradient(torch.zeros(1, 4, 4, dtype=torch.float64), 0.5)
    torch.testing.assert_close(flow, flow.transpose(1, 2))
    torch.testing.assert_close(flow, flow.flip(1, 2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_frame_against_many_is_the_sum(dtype):
    costs = torch.rand(3, 1, 7, dtype=dtype)
    torch.testing.assert_close(soft_dtw(costs, 0.1), costs.sum((1, 2)))
    torch.testing.assert_close(soft_dtw(costs.transpose(1, 2), 0.1), costs.sum((1, 2)))
    torch.testing.assert_close(gradient(costs, 0.1), torch.ones_like(costs))
    torch.testing.assert_close(soft_dtw(costs[:, :, :1], 0.1), costs[:, 0, 0])


@pytest.mark.parametrize("scale", [1e30, 1e-38, 1e-44])
def test_huge_and_denormal_costs(scale):
    costs = torch.rand(2, 6, 5) * scale
    expected = [reference.soft_dtw(c.tolist(), 0.001) for c in costs]
    torch.testing.assert_close(soft_dtw(costs, 0.001), torch.tensor(expected), rtol=1e-5, atol=1e-6)
    assert gradient(costs, 0.001).isfinite().all()


def test_a_distance_beyond_the_range_is_refused():
    with pytest.raises(ValueError, match="pair 1 overflows"):
        soft_dtw(torch.tensor([1.0, 3e38])[:, None, None].expand(2, 3, 3), 0.1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("needs_gradient", [False, True])
def test_costs_that_are_not_finite_are_refused_by_index(value, needs_gradient):
    costs = torch.rand(70, 4, 5)
    costs[66, 2, 3] = value
    with pytest.raises(ValueError, match=r"costs\[66, 2, 3\] is -?(nan|inf)"):
        soft_dtw(costs.requires_grad_(needs_gradient), 0.1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.rand(3, 3), 0.1), ValueError, r"shape \(3, 3\)"),
        ((torch.rand(2, 0, 3), 0.1), ValueError, "at least 1"),
        ((torch.rand(2, 3, 3).half(), 0.1), TypeError, "float16"),
        ((torch.rand(2, 3, 3), 0.0), ValueError, "gamma is 0.0"),
        ((torch.rand(2, 3, 3), float("nan")), ValueError, "gamma is nan"),
    ],
)
def test_wrong_arguments_say_what_is_wrong(arguments, error, message):
    with pytest.raises(error, match=message):
        soft_dtw(*arguments)


@pytest.mark.parametrize("lengths", [[[0, 2], [3, 3]], [[3, 3], [3, 4]]])
def test_lengths_out_of_range_are_refused(lengths):
    with pytest.raises(ValueError, match=r"lengths\[[01]\]"):
        soft_dtw(torch.rand(2, 3, 3), 0.1, lengths=torch.tensor(lengths))
    with pytest.raises(ValueError, match="give integers"):
        soft_dtw(torch.rand(2, 3, 3), 0.1, lengths=torch.ones(2, 2))


def test_padding_may_hold_anything_and_gets_no_gradient():
    costs = torch.rand(3, 6, 7)
    lengths = torch.tensor([[6, 7], [4, 2], [1, 5]])
    padded = costs.clone()
    padded[1, 4:], padded[1, :, 2:], padded[2, 1:], padded[2, :, 5:] = [float("nan")] * 4
    values, flow = soft_dtw(padded, 0.1, lengths=lengths), gradient(padded, 0.1, lengths)
    for pair, (rows, columns) in enumerate(lengths.tolist()):
        cropped = costs[pair : pair + 1, :rows, :columns]
        torch.testing.assert_close(values[pair : pair + 1], soft_dtw(cropped, 0.1))
        torch.testing.assert_close(flow[pair : pair + 1, :rows, :columns], gradient(cropped, 0.1))
        outside = torch.ones(6, 7, dtype=torch.bool)
        outside[:rows, :columns] = False
        assert not flow[pair][outside].any()


def test_an_empty_batch_has_no_distances_but_a_graph():
    costs = torch.rand(0, 3, 4, requires_grad=True)
    soft_dtw(costs, 0.1).sum().backward()
    assert costs.grad.shape == (0, 3, 4)
    assert soft_dtw(costs.detach(), 0.1).shape == (0,)


def test_non_contiguous_costs_are_read_right():
    costs = torch.rand(5, 4, 3, 2)
    view = costs[..., 1].permute(1, 2, 0)
    assert torch.equal(soft_dtw(view, 0.1), soft_dtw(view.contiguous(), 0.1))
    assert torch.equal(gradient(view, 0.1), gradient(view.contiguous(), 0.1))


def test_gradients_follow_the_chain_rule_and_survive_a_retained_graph():
    costs = torch.rand(4, 5, 5, requires_grad=True)
    weights = torch.tensor([0.0, 1.0, -2.0, 3.0])
    flow, loss = gradient(costs, 0.1), (soft_dtw(costs, 0.1) * weights).sum()
    (once,) = torch.autograd.grad(loss, costs, retain_graph=True)
    (twice,) = torch.autograd.grad(loss, costs)
    torch.testing.assert_close(once, flow * weights[:, None, None])
    assert torch.equal(once, twice)


def test_a_second_derivative_is_refused():
    costs = torch.rand(2, 3, 3, requires_grad=True)
    (flow,) = torch.autograd.grad(soft_dtw(costs, 0.1).square().sum(), costs, create_graph=True)
    with pytest.raises(RuntimeError, match="no second derivative"):
        flow.sum().backward()


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_number_of_threads_gives_the_same_bits(dtype, threads):
    costs = torch.rand(5 * LANES + 7, 9, 8, dtype=dtype)
    threads(1)
    values, flow = soft_dtw(costs, 0.001), gradient(costs, 0.001)
    for number in (2, 3):
        threads(number)
        assert torch.equal(soft_dtw(costs, 0.001), values)
        assert torch.equal(gradient(costs, 0.001), flow)


def test_a_pair_has_the_same_bits_wherever_it_stands_in_the_batch():
    costs = torch.rand(2 * LANES, 7, 6)
    values = soft_dtw(costs, 0.01)
    for place in (0, 1, LANES - 1, LANES, 2 * LANES - 1):
        assert torch.equal(soft_dtw(costs[place : place + 1], 0.01), values[place : place + 1])


def test_several_threads_may_align_at_once():
    costs = torch.rand(4, 3 * LANES, 6, 6)
    expected, found = [soft_dtw(c, 0.1) for c in costs], {}

    def align(place: int) -> None:
        found[place] = [soft_dtw(costs[place], 0.1) for _ in range(20)]

    running = [threading.Thread(target=align, args=(place,)) for place in range(4)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert all(torch.equal(value, expected[place]) for place, values in found.items() for value in values)


def align_elsewhere(costs: list, answers) -> None:
    torch.set_num_threads(2)
    answers.put(soft_dtw(torch.tensor(costs), 0.1).tolist())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_processes_align_after_the_parent_has(method, threads):
    threads(2)
    costs = torch.rand(3 * LANES, 4, 4)
    expected = soft_dtw(costs, 0.1).tolist()  # the parent's threads run before the child starts
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    child = context.Process(target=align_elsewhere, args=(costs.tolist(), answers))
    child.start()
    try:
        assert answers.get(timeout=60) == expected
    finally:
        child.join(10)
        child.kill()
