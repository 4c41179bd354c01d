"""GITDL against Eq. 9 written out."""

import math

import pytest
import torch
from torch.nn import functional

from finepseudo_core.losses import TemporalDistinctivenessLoss


def literally(g, l_, times, *, temperature=0.1, peak=0.99, deviation=0.2, gaussian=True):
    def h(x, y):
        return math.exp(functional.cosine_similarity(x, y, dim=0).item() / temperature)

    total = 0.0
    for i in range(len(times)):
        negatives = 0.0
        for j in range(len(times)):
            apart = (times[i] - times[j]).item()
            weight = 1 - peak * math.exp(-(apart**2) / (2 * deviation**2)) if gaussian else 1.0
            negatives += weight * h(g[i], l_[j]) if j != i else 0.0
        total -= math.log(h(g[i], l_[i]) / (h(g[i], l_[i]) + negatives))
    return total / len(times)


@pytest.fixture
def views():
    generator = torch.Generator().manual_seed(0)
    g, l_ = torch.randn(2, 4, 6, 5, generator=generator, dtype=torch.float64)
    times = torch.rand(4, 6, generator=generator, dtype=torch.float64).sort(dim=1).values
    mask = torch.arange(6) < torch.tensor([6, 4, 2, 6])[:, None]
    return g, l_, times, mask


@pytest.mark.parametrize(
    "options", [{}, {"gaussian": False}, {"temperature": 0.5, "peak": 0.5, "deviation": 0.05}, {"peak": 0.0}]
)
def test_the_loss_is_equation_nine(views, options):
    g, l_, times, mask = views
    expected = [
        literally(g[clip][keep], l_[clip][keep], times[clip][keep], **options)
        for clip, keep in enumerate(mask)
    ]
    found = TemporalDistinctivenessLoss(**options)(g, l_, times, mask)
    assert found.item() == pytest.approx(sum(expected) / 4)


def test_what_is_masked_does_not_matter(views):
    g, l_, times, mask = views
    loss = TemporalDistinctivenessLoss()
    expected = loss(g, l_, times, mask)
    for part in (g, l_):
        part[~mask] = torch.randn_like(part[~mask])
    times[~mask] = 7.0
    torch.testing.assert_close(loss(g, l_, times, mask), expected)


def test_clips_that_share_fewer_than_two_frames_are_left_out(views):
    g, l_, times, mask = views
    loss = TemporalDistinctivenessLoss()
    expected = loss(g[:2], l_[:2], times[:2], mask[:2])
    mask[2:] = torch.arange(6) < torch.tensor([1, 0])[:, None]
    torch.testing.assert_close(loss(g, l_, times, mask), expected)
    g.requires_grad_()
    nothing = loss(g, l_, times, mask & (torch.arange(6) < 1))
    nothing.backward()
    assert nothing.item() == 0
    assert torch.equal(g.grad, torch.zeros_like(g))


@pytest.mark.parametrize("peak", [0.99, 1.0])
def test_gradcheck_passes(views, peak):
    g, l_, times, mask = (part[1:3, :5] for part in views)  # four and two frames shared
    times[0, 1] = times[0, 0]  # at peak 1 a negative at the same time has weight zero, and log of that
    loss = TemporalDistinctivenessLoss(peak=peak)
    inputs = (g.clone().requires_grad_(), l_.clone().requires_grad_())
    assert torch.autograd.gradcheck(lambda a, b: loss(a, b, times, mask), inputs)


def test_the_gaussian_spares_negatives_that_are_near_in_time(views):
    g, l_, _, mask = views
    loss, near = TemporalDistinctivenessLoss(), torch.linspace(0.5, 0.51, 6).expand(4, 6)
    assert loss(g, l_, near, mask) < loss(g, l_, torch.linspace(0, 1, 6).expand(4, 6), mask)


def test_half_precision_is_widened(views):
    g, l_, times, mask = views
    loss = TemporalDistinctivenessLoss()
    with torch.autocast("cpu", torch.bfloat16):
        found = loss(g.bfloat16(), l_.bfloat16(), times, mask)
    assert found.dtype == torch.float32
    expected = loss(g.bfloat16().float(), l_.bfloat16().float(), times, mask)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("options", [{"temperature": 0}, {"deviation": -1}, {"peak": 1.5}])
def test_wrong_arguments_are_refused(options):
    with pytest.raises(ValueError, match="must be above zero"):
        TemporalDistinctivenessLoss(**options)
