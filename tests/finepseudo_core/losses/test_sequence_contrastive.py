"""CARL's loss against its definition written out."""

import math

import pytest
import torch
from torch.nn import functional

from finepseudo_core.losses import SequenceContrastiveLoss


def literally(x, y, s, t, *, temperature=0.1, variance=10.0):
    def one_way(x, y, s, t):
        total = 0.0
        for i in range(len(s)):
            near = [math.exp(-((s[i] - t[j]).item() ** 2) / (2 * variance)) for j in range(len(t))]
            h = [
                math.exp(functional.cosine_similarity(x[i], y[j], dim=0).item() / temperature)
                for j in range(len(t))
            ]
            total -= sum(near[j] / sum(near) * math.log(h[j] / sum(h)) for j in range(len(t)))
        return total / len(s)

    return (one_way(x, y, s, t) + one_way(y, x, t, s)) / 2


def entropy_of_targets(s, t, variance):
    apart = -((s[:, :, None] - t[:, None]) ** 2) / (2 * variance)
    ways = [rows.softmax(2) for rows in (apart, apart.mT)]
    return sum(-(w * w.log()).sum(2).mean() for w in ways) / 2


@pytest.fixture
def views():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 5, 4, generator=generator, dtype=torch.float64)
    y = torch.randn(3, 6, 4, generator=generator, dtype=torch.float64)
    s, t = (
        torch.rand(3, n, generator=generator, dtype=torch.float64).mul(20).sort(dim=1).values for n in (5, 6)
    )
    return x, y, s, t


@pytest.mark.parametrize("options", [{}, {"temperature": 0.5}, {"variance": 1.0}, {"variance": 1e4}])
def test_the_loss_is_its_definition(views, options):
    expected = [literally(*clip, **options) for clip in zip(*views, strict=True)]
    assert SequenceContrastiveLoss(**options)(*views).item() == pytest.approx(sum(expected) / 3)


def test_two_frames_by_hand():
    x = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    times = torch.tensor([[0.0, 2.0]])
    w = 1 / (1 + math.exp(-4 / (2 * 10)))  # share of the frame at the same time
    p = 1 / (1 + math.exp(-1 / 0.1))  # softmax of cosines 1 and 0
    expected = -w * math.log(p) - (1 - w) * math.log(1 - p)
    assert SequenceContrastiveLoss()(x, x, times, times).item() == pytest.approx(expected, rel=1e-5)


def test_gradcheck_passes(views):
    x, y, s, t = views
    loss = SequenceContrastiveLoss()
    inputs = (x.clone().requires_grad_(), y.clone().requires_grad_())
    assert torch.autograd.gradcheck(lambda a, b: loss(a, b, s, t), inputs)


def test_the_views_may_change_places(views):
    x, y, s, t = views
    loss = SequenceContrastiveLoss()
    torch.testing.assert_close(loss(x, y, s, t), loss(y, x, t, s))


def test_only_differences_of_times_count(views):
    x, y, s, t = views
    loss = SequenceContrastiveLoss()
    torch.testing.assert_close(loss(x, y, s, t), loss(x, y, s + 100, t + 100))


def test_towards_no_variance_it_is_infonce_on_the_frames_nearest_in_time(views):
    x, _, s, _ = views
    generator = torch.Generator().manual_seed(1)
    order = torch.stack([torch.randperm(5, generator=generator) for _ in range(3)])
    y, t = torch.randn(3, 5, 4, generator=generator, dtype=torch.float64), s.gather(1, order)
    cosines = functional.normalize(x, dim=2) @ functional.normalize(y, dim=2).mT / 0.1
    back = order.argsort(1)  # frame i of x stands at back[i] in y
    there, here = (
        functional.cross_entropy(rows.flatten(0, 1), target.flatten())
        for rows, target in ((cosines, back), (cosines.mT, order))
    )
    found = SequenceContrastiveLoss(variance=1e-9)(x, y, s, t)
    torch.testing.assert_close(found, (there + here) / 2)


def test_the_least_loss_is_the_entropy_of_the_targets(views):
    _, _, s, t = views
    least = entropy_of_targets(s, t, 30.0)
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(3, 5, 12, generator=generator, dtype=torch.float64, requires_grad=True)
    y = torch.randn(3, 6, 12, generator=generator, dtype=torch.float64, requires_grad=True)
    loss, optimizer = SequenceContrastiveLoss(variance=30.0), torch.optim.Adam([x, y], 0.05)
    before = loss(x, y, s, t).item()
    for _ in range(400):
        optimizer.zero_grad()
        value = loss(x, y, s, t)
        value.backward()
        optimizer.step()
    assert before > least + 0.5
    assert least - 1e-9 <= value.item() < least + 0.02


def test_half_precision_is_widened(views):
    x, y, s, t = views
    with torch.autocast("cpu", torch.bfloat16):
        found = SequenceContrastiveLoss()(x.bfloat16(), y.bfloat16(), s, t)
    assert found.dtype == torch.float32
    expected = SequenceContrastiveLoss()(x.bfloat16().float(), y.bfloat16().float(), s, t)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("options", [{"temperature": 0}, {"variance": -1}])
def test_wrong_arguments_are_refused(options):
    with pytest.raises(ValueError, match="must be above zero"):
        SequenceContrastiveLoss(**options)
