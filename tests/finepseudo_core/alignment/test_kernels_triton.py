"""The GPU kernels against the definitions: in numpy by Triton's interpreter, on a GPU where there is one."""

import importlib.util
import subprocess
import sys
from types import ModuleType

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from finepseudo_core.alignment import device, reference, wavefront

pytest.importorskip("triton", reason="pip install -r requirements-dev.txt brings it on Linux")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


@pytest.fixture(scope="module")
def kernels() -> ModuleType:
    """A copy of the module whose kernels the interpreter runs; the one that others import stays as it is."""
    found = importlib.util.find_spec("finepseudo_core.alignment.kernels_triton")
    spec = importlib.util.spec_from_file_location("interpreted_kernels", found.origin)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        spec.loader.exec_module(module)
    module.LANES = 32
    return module


def random_costs(*shape: int, seed: int = 0) -> Tensor:
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def random_lengths(costs: Tensor) -> Tensor:
    """Any lengths, of which one pair has one frame and one has all."""
    generator = torch.Generator().manual_seed(1)
    sizes = costs.shape[1:]
    lengths = torch.stack([torch.randint(1, n + 1, (len(costs),), generator=generator) for n in sizes], 1)
    lengths[0], lengths[-1] = 1, torch.tensor(sizes)
    return lengths


def full(costs: Tensor) -> Tensor:
    return torch.tensor([costs.shape[1:]]).expand(len(costs), 2)


def embeddings(count: int, frames: int, seed: int) -> Tensor:
    return normalize(torch.randn(count, frames, 6, generator=torch.Generator().manual_seed(seed)), dim=-1)


def check(kernels: ModuleType, costs: Tensor, lengths: Tensor, gamma: float) -> None:
    """Values and gradients against the wavefront in float64; values alike without the gradient."""
    values, gradient = kernels.align(costs, lengths, gamma, True)
    expected, flow = wavefront.align(costs.double(), lengths, gamma, True)
    torch.testing.assert_close(values, expected.float(), rtol=2e-6, atol=2e-6 * max(1, gamma))
    torch.testing.assert_close(gradient, flow.float(), rtol=0, atol=1e-5)
    assert torch.equal(kernels.align(costs, lengths, gamma, False)[0], values)


@pytest.mark.parametrize("gamma", [1e-4, 1e-3, 1.0, 10.0])
def test_values_and_gradients_are_those_of_all_paths(kernels, gamma):
    costs = random_costs(3, 4, 5)
    costs[1] = costs[1].round()  # ties
    values, gradient = kernels.align(costs, full(costs), gamma, True)
    for pair, matrix in enumerate(costs.double().tolist()):
        value = reference.soft_dtw_by_paths(matrix, gamma)
        assert values[pair].item() == pytest.approx(value, rel=2e-6, abs=2e-6 * max(1, gamma))
        flow = torch.tensor(reference.gradient_by_paths(matrix, gamma))
        torch.testing.assert_close(gradient[pair], flow, rtol=0, atol=1e-5)


@pytest.mark.parametrize("gamma", [1e-3, 10.0])
@pytest.mark.parametrize("shape", [(35, 7, 4), (32, 1, 6), (1, 6, 1), (2, 1, 1)])
def test_lengths_and_batches_of_any_size(kernels, shape, gamma):
    costs = random_costs(*shape)
    lengths = random_lengths(costs)
    check(kernels, costs, lengths, gamma)
    beyond = torch.arange(shape[1])[:, None] >= lengths[:, 0, None, None]
    costs[beyond.expand(shape)] = float("nan")
    values, gradient = kernels.align(costs, lengths, gamma, True)
    assert values.isfinite().all()
    assert (gradient[beyond.expand(shape)] == 0).all()


def test_long_clips_go_in_strips(kernels, monkeypatch):
    costs = random_costs(33, 6, 11)
    monkeypatch.setattr(kernels, "WIDEST", 4)
    check(kernels, costs, full(costs), 0.001)
    check(kernels, costs, random_lengths(costs), 0.1)


def test_a_batch_beyond_the_memory_bound_goes_in_parts(kernels, monkeypatch):
    costs = random_costs(70, 3, 4)
    monkeypatch.setattr(kernels, "MOST_BYTES", 1)
    check(kernels, costs, random_lengths(costs), 0.01)


def test_clips_of_the_papers_length_at_its_smoothing(kernels):
    first, second = embeddings(4, 32, 0), embeddings(4, 32, 1)
    costs = 1 - first @ second.transpose(1, 2)
    values, gradient = kernels.align(costs, full(costs), 0.001, True)
    expected, flow = wavefront.align(costs.double(), full(costs), 0.001, True)
    torch.testing.assert_close(values, expected.float(), rtol=2e-6, atol=2e-6)
    torch.testing.assert_close(gradient, flow.float(), rtol=0, atol=1e-5)


def test_identical_clips_and_all_ties(kernels):
    clips = embeddings(2, 8, 0)
    costs = 1 - clips @ clips.transpose(1, 2)
    for gamma in (1e-4, 1e-3, 1.0):
        check(kernels, costs, full(costs), gamma)
        check(kernels, torch.zeros(2, 4, 4), full(torch.zeros(2, 4, 4)), gamma)


@pytest.mark.parametrize("scale", [1e35, 1e30, 1e6, 1e3, 1.0, 1e-30, 1e-44])
def test_costs_of_any_size_and_sign(kernels, scale):
    costs = (random_costs(4, 5, 6) - 1) * scale
    costs[:2] = costs[:2].abs()
    values, gradient = kernels.align(costs, full(costs), 0.001, True)
    expected = torch.tensor([reference.soft_dtw(c.tolist(), 0.001) for c in costs])
    torch.testing.assert_close(values, expected, rtol=1e-5, atol=1e-6)
    assert gradient.isfinite().all()


def test_a_mask_is_gone_round_where_there_is_a_way(kernels):
    costs = random_costs(3, 5, 5)
    costs[0, 0, 2:] = costs[1, 2:, 0] = 1e30
    costs[2, 2] = 1e30  # no way
    values, gradient = kernels.align(costs, full(costs), 0.001, True)
    expected = torch.tensor([reference.soft_dtw(c.tolist(), 0.001) for c in costs.double()]).float()
    torch.testing.assert_close(values, expected, rtol=2e-6, atol=2e-6)
    flow = wavefront.align(costs[:2].double(), full(costs[:2]), 0.001, True)[1]
    torch.testing.assert_close(gradient[:2], flow.float(), rtol=0, atol=1e-5)
    assert gradient.isfinite().all()


def test_nothing_in_nothing_out(kernels):
    values, gradient = kernels.align(torch.empty(0, 4, 5), torch.empty(0, 2, dtype=torch.int64), 0.1, True)
    assert values.shape == (0,)
    assert gradient.shape == (0, 4, 5)
    assert kernels.pairwise_values(torch.empty(0, 4, 6), embeddings(2, 5, 0), 0.1).shape == (0, 2)
    assert kernels.pairwise_values(embeddings(2, 5, 0), torch.empty(0, 4, 6), 0.1).shape == (2, 0)
    gradients = kernels.pairwise_gradients(torch.empty(0, 4, 6), embeddings(2, 5, 0), 0.1, torch.empty(0, 2))
    assert [g.shape for g in gradients] == [(0, 4, 6), (2, 5, 6)]


@pytest.mark.parametrize("most_bytes", [1, 1 << 30])
@pytest.mark.parametrize("widest", [3, 32])
def test_pairwise_distances_and_their_gradients(kernels, monkeypatch, most_bytes, widest):
    monkeypatch.setattr(kernels, "MOST_BYTES", most_bytes)
    monkeypatch.setattr(kernels, "WIDEST", widest)
    first, second = embeddings(3, 4, 0), embeddings(35, 5, 1)
    incoming = torch.randn(3, 35, generator=torch.Generator().manual_seed(2))
    wide = (first.double(), second.double())
    for gamma in (1e-3, 1.0):
        values = kernels.pairwise_values(first, second, gamma)
        torch.testing.assert_close(
            values, wavefront.pairwise_values(*wide, gamma).float(), rtol=2e-6, atol=2e-6
        )
        found = kernels.pairwise_gradients(first, second, gamma, incoming)
        expected = wavefront.pairwise_gradients(*wide, gamma, incoming.double())
        # float32 cosines are off by 1e-7, which 1/γ magnifies
        for here, there in zip(found, expected, strict=True):
            torch.testing.assert_close(here, there.float(), rtol=1e-5, atol=1e-5 + 2e-6 / gamma)


def test_too_small_a_smoothing_for_the_exponents_is_left_to_the_wavefront(kernels):
    assert kernels.suits(1e-4, 64, 64)
    assert not kernels.suits(1e-7, 8, 8)
    assert not kernels.suits(1e-5, 2000, 2000)


def test_a_cpu_tensor_takes_the_wavefront_and_leaves_triton_alone():
    program = (
        "import sys, torch; from finepseudo_core.alignment import device;"
        "device.align(torch.rand(2, 3, 4), torch.tensor([[3, 4], [1, 2]]), 0.1, True);"
        "device.pairwise_values(torch.rand(2, 3, 4), torch.rand(1, 5, 4), 0.1);"
        "sys.exit('triton' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_autocast_does_not_reach_the_costs():
    first, second = embeddings(2, 4, 0), embeddings(3, 5, 1)
    expected = wavefront.pairwise_values(first, second, 0.01)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(device.pairwise_values(first, second, 0.01), expected)


@pytest.mark.parametrize("allowed", [True, False])
def test_tf32_is_off_only_for_a_while(allowed):
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    try:
        matmul.allow_tf32 = allowed
        with device.without_tf32():
            assert matmul.fp32_precision == "ieee"
            assert not matmul.allow_tf32
        assert matmul.allow_tf32 is allowed
    finally:
        matmul.allow_tf32 = before


@needs_gpu
@pytest.mark.parametrize("gamma", [1e-4, 1e-3, 1.0])
@pytest.mark.parametrize("shape", [(1000, 32, 32), (65, 20, 33), (3, 70, 65), (1, 1, 1)])
def test_on_a_gpu_costs_align_as_in_float64(shape, gamma):
    costs = random_costs(*shape).cuda()
    lengths = random_lengths(costs).cuda()
    values, gradient = device.align(costs, lengths, gamma, True)
    expected, flow = wavefront.align(costs.double(), lengths, gamma, True)
    torch.testing.assert_close(values, expected.float(), rtol=1e-5, atol=1e-5 * max(1, gamma))
    torch.testing.assert_close(gradient, flow.float(), rtol=0, atol=1e-4)


@needs_gpu
def test_on_a_gpu_pairs_align_in_full_precision_whatever_is_allowed():
    first, second = embeddings(70, 32, 0).cuda(), embeddings(130, 32, 1).cuda()
    incoming = torch.randn(70, 130, device="cuda")
    wide = (first.double(), second.double())
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        with torch.autocast("cuda", dtype=torch.bfloat16):
            values = device.pairwise_values(first, second, 0.001)
            gradients = device.pairwise_gradients(first, second, 0.1, incoming)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False
    expected = wavefront.pairwise_values(*wide, 0.001)
    torch.testing.assert_close(values, expected.float(), rtol=1e-5, atol=1e-5)
    for found, flow in zip(
        gradients, wavefront.pairwise_gradients(*wide, 0.1, incoming.double()), strict=True
    ):
        torch.testing.assert_close(found, flow.float(), rtol=1e-4, atol=1e-3)
