"""FixMatch's unlabelled loss by hand."""

import math

import pytest
import torch

from finepseudo_core.losses import ConsistencyLoss


def logits(*rows):
    return torch.tensor(rows, dtype=torch.float64).log().requires_grad_()


def test_sure_clips_teach_their_strong_view_and_the_mean_counts_all():
    weak = logits([0.96, 0.04], [0.02, 0.98], [0.6, 0.4], [0.5, 0.5])
    strong = logits([0.5, 0.5], [0.9, 0.1], [0.01, 0.99], [0.3, 0.7])
    loss = ConsistencyLoss(0.95)
    assert loss.sure(weak).tolist() == [True, True, False, False]
    assert loss(weak, strong).item() == pytest.approx(-(math.log(0.5) + math.log(0.1)) / 4)


def test_only_the_strong_view_of_sure_clips_gets_a_gradient():
    weak, strong = logits([0.96, 0.04], [0.6, 0.4]), logits([0.5, 0.5], [0.5, 0.5])
    ConsistencyLoss(0.95)(weak, strong).backward()
    assert weak.grad is None
    torch.testing.assert_close(strong.grad, torch.tensor([[-0.25, 0.25], [0, 0]], dtype=torch.float64))


def test_gradcheck_passes_for_the_strong_view():
    generator = torch.Generator().manual_seed(0)
    weak, strong = torch.randn(2, 6, 4, generator=generator, dtype=torch.float64)
    loss = ConsistencyLoss(0.4)
    assert 0 < loss.sure(weak).sum() < 6
    assert torch.autograd.gradcheck(lambda view: loss(weak, view), (strong.requires_grad_(),))


def test_the_threshold_itself_is_sure():
    assert ConsistencyLoss(0.5).sure(torch.zeros(1, 2)).item()
    assert ConsistencyLoss(0.0).sure(torch.zeros(1, 9)).item()
    assert not ConsistencyLoss(1.0).sure(torch.zeros(1, 2)).item()


def test_nobody_sure_is_no_loss_with_a_graph():
    strong = logits([0.5, 0.5])
    loss = ConsistencyLoss(0.95)(logits([0.5, 0.5]), strong)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(strong.grad, torch.zeros_like(strong))


@pytest.mark.parametrize("threshold", [-0.1, 1.5])
def test_a_threshold_out_of_range_is_refused(threshold):
    with pytest.raises(ValueError, match="between 0 and 1"):
        ConsistencyLoss(threshold)
