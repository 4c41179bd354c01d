"""NT-Xent against its definition written out, and as the two objectives that it is used for."""

import math

import pytest
import torch
from torch.nn import functional

from finepseudo_core.losses import InstanceDiscriminationLoss


def literally(views, temperature=0.1):
    """Views (N, 2, F) of one contrast."""

    def h(x, y):
        return math.exp(functional.cosine_similarity(x, y, dim=0).item() / temperature)

    everything = [(n, v) for n in range(len(views)) for v in range(2)]
    total = 0.0
    for n, v in everything:
        others = sum(h(views[n, v], views[m, u]) for m, u in everything if (m, u) != (n, v))
        total -= math.log(h(views[n, v], views[n, 1 - v]) / others)
    return total / len(everything)


@pytest.fixture
def views():
    return torch.randn(4, 5, 2, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_the_loss_is_its_definition(views, temperature):
    loss = InstanceDiscriminationLoss(temperature)
    assert loss(views[0]).item() == pytest.approx(literally(views[0], temperature))
    expected = sum(literally(contrast, temperature) for contrast in views) / 4
    assert loss(views).item() == pytest.approx(expected)


def test_gradcheck_passes(views):
    assert torch.autograd.gradcheck(InstanceDiscriminationLoss(), (views[:2].clone().requires_grad_(),))


def test_videos_as_instances_ask_for_invariance_and_moments_for_distinctiveness():
    """Embeddings (video, moment, augmentation, F) that know the video only, and that know the moment only."""
    video, moment = (
        torch.eye(3)[:, None, None, :].expand(3, 3, 2, 3),
        torch.eye(3)[None, :, None, :].expand(3, 3, 2, 3),
    )
    loss = InstanceDiscriminationLoss()
    none_left = math.log(math.exp(10) + 2 * 2) - 10  # two instances' worth of negatives at cosine 0
    assert loss(video[:, :2, 0]).item() == pytest.approx(none_left, rel=1e-3)
    assert loss(moment).item() == pytest.approx(none_left, rel=1e-3)
    assert loss(moment[:, :2, 0]).item() > 5  # nothing says which video it is
    assert loss(video).item() == pytest.approx(math.log(5), rel=1e-3)  # all moments of a video look the same


def test_half_precision_is_widened(views):
    with torch.autocast("cpu", torch.bfloat16):
        found = InstanceDiscriminationLoss()(views.bfloat16())
    torch.testing.assert_close(found, InstanceDiscriminationLoss()(views.bfloat16().float()))


@pytest.mark.parametrize("shape", [(1, 2, 6), (5, 3, 6), (2, 6)])
def test_views_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="they must be"):
        InstanceDiscriminationLoss()(torch.ones(shape))


def test_a_wrong_temperature_is_refused():
    with pytest.raises(ValueError, match="above zero"):
        InstanceDiscriminationLoss(0)
