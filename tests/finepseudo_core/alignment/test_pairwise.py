"""All pairs of two sets of clips, against soft-DTW on their cost matrices."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from finepseudo_core.alignment import cosine_costs, pairwise, pairwise_soft_dtw, soft_dtw, wavefront
from finepseudo_core.alignment.arithmetic_cpu import LANES
from finepseudo_core.alignment.costs import normalise


def literally(first: Tensor, second: Tensor, gamma: float) -> Tensor:
    costs = cosine_costs(first[:, None], second[None])
    return soft_dtw(costs.flatten(0, 1), gamma).view(len(first), len(second))


def clips(count: int, frames: int, *, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, frames, 6, generator=generator, dtype=dtype).requires_grad_()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (5, LANES + 3), (LANES + 3, 5), (3, LANES), (2 * LANES + 1, 2)])
def test_distances_and_gradients_are_those_of_the_cost_matrices(n, m, dtype):
    first, second = clips(n, 5, dtype=dtype), clips(m, 7, dtype=dtype, seed=1)
    weights = torch.randn(n, m, dtype=dtype)
    distances, expected = pairwise_soft_dtw(first, second, 0.05), literally(first, second, 0.05)
    torch.testing.assert_close(distances, expected)
    torch.testing.assert_close(pairwise_soft_dtw(first.detach(), second.detach(), 0.05), expected)
    flow = torch.autograd.grad((distances * weights).sum(), (first, second))
    expected_flow = torch.autograd.grad((expected * weights).sum(), (first, second))
    torch.testing.assert_close(flow, expected_flow)


@pytest.mark.parametrize("count", [1, 7, LANES + 5, 3 * LANES])
def test_all_pairs_of_one_batch_use_symmetry_without_a_difference(count):
    batch = clips(count, 4)
    weights = torch.randn(count, count, dtype=torch.float64)
    distances, expected = pairwise_soft_dtw(batch, batch, 0.05), literally(batch, batch, 0.05)
    torch.testing.assert_close(distances, expected)
    (flow,) = torch.autograd.grad((distances * weights).sum(), batch)
    (expected_flow,) = torch.autograd.grad((expected * weights).sum(), batch)
    torch.testing.assert_close(flow, expected_flow)


def test_gradcheck_passes_in_float64():
    first, second = clips(2, 3), clips(3, 2, seed=1)
    assert torch.autograd.gradcheck(lambda u, v: pairwise_soft_dtw(u, v, 0.05), (first, second))
    assert torch.autograd.gradcheck(lambda u: pairwise_soft_dtw(u, u, 0.05), (first,))


@pytest.mark.parametrize(("clips_of_chunk", "most_chunks"), [(1, 100), (4, 1), (8, 2)])
def test_chunks_of_any_size_give_the_same(monkeypatch, clips_of_chunk, most_chunks):
    first, second = clips(9, 4), clips(2 * LANES + 5, 3, seed=1)
    expected = torch.autograd.grad(pairwise_soft_dtw(first, second, 0.05).square().sum(), (first, second))
    monkeypatch.setattr(pairwise, "CLIPS_OF_CHUNK", clips_of_chunk)
    monkeypatch.setattr(pairwise, "MOST_CHUNKS", most_chunks)
    flow = torch.autograd.grad(pairwise_soft_dtw(first, second, 0.05).square().sum(), (first, second))
    torch.testing.assert_close(flow, expected)


@pytest.mark.parametrize("most_cells", [1, 100, 1 << 20])
def test_the_wavefront_for_other_devices_agrees(monkeypatch, most_cells):
    first, second = clips(5, 4), clips(6, 3, seed=1)
    weights = torch.randn(5, 6, dtype=torch.float64)
    expected = pairwise_soft_dtw(first, second, 0.05)
    u, v = normalise(first), normalise(second)
    monkeypatch.setattr(wavefront, "MOST_CELLS", most_cells)
    torch.testing.assert_close(wavefront.pairwise_values(u.detach(), v.detach(), 0.05), expected)
    flow = wavefront.pairwise_gradients(u.detach(), v.detach(), 0.05, weights)
    through_norm = torch.autograd.grad((u, v), (first, second), flow)
    expected_flow = torch.autograd.grad((expected * weights).sum(), (first, second))
    torch.testing.assert_close(through_norm, expected_flow)


def test_half_precision_is_widened_before_the_costs():
    first, second = clips(3, 8, dtype=torch.float32).bfloat16(), clips(4, 8, dtype=torch.float32).bfloat16()
    expected = pairwise_soft_dtw(first.float(), second.float(), 0.001)
    with torch.autocast("cpu", torch.bfloat16):
        distances = pairwise_soft_dtw(first, second, 0.001)
    assert distances.dtype == torch.float32
    assert torch.equal(distances, expected)


def test_any_number_of_threads_gives_the_same_bits():
    first, second = clips(40, 8, dtype=torch.float32), clips(70, 8, dtype=torch.float32, seed=1)
    before, found = torch.get_num_threads(), []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            distances = pairwise_soft_dtw(first, second, 0.001)
            found.append((distances, *torch.autograd.grad(distances.sum(), (first, second))))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))


def test_empty_sets_have_no_pairs():
    assert pairwise_soft_dtw(clips(0, 4), clips(3, 4), 0.1).shape == (0, 3)
    assert pairwise_soft_dtw(clips(3, 4), clips(0, 4), 0.1).shape == (3, 0)


def test_a_clip_that_is_not_finite_is_named():
    broken = clips(5, 4).detach()
    broken[3, 1, 2] = float("nan")
    with pytest.raises(ValueError, match=r"second\[3\]"):
        pairwise_soft_dtw(clips(2, 4), broken, 0.1)


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 5), (3, 0, 6)])
def test_shapes_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match="embeddings have shapes|at least one frame"):
        pairwise_soft_dtw(clips(2, 4), torch.zeros(shape, dtype=torch.float64), 0.1)


def test_a_second_derivative_is_refused():
    first, second = clips(2, 3), clips(2, 3, seed=1)
    distances = pairwise_soft_dtw(first, second, 0.1)
    (flow,) = torch.autograd.grad(distances.square().sum(), first, create_graph=True)
    with pytest.raises(RuntimeError, match="no second derivative"):
        flow.sum().backward()


def test_all_cost_matrices_never_exist_at_once():
    script = """
import resource, torch
from finepseudo_core.alignment import pairwise_soft_dtw
clips = torch.randn(512, 32, 16, requires_grad=True)
others = torch.randn(512, 32, 16, requires_grad=True)
pairwise_soft_dtw(clips[:40], others[:40], 0.001).sum().backward()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pairwise_soft_dtw(clips, others, 0.001).sum().backward()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 300_000, "kB; 512 x 512 x 32 x 32 costs alone would take a million"
