"""The triplet loss against three nested loops."""

import itertools

import pytest
import torch

from finepseudo_core.losses import AlignabilityTripletLoss
from finepseudo_core.losses.alignment_triplet import MEANS, MININGS

MARGIN = 0.3


def literally(distances, labels, mining, weights=None, over="mined"):
    total = share = 0.0
    for a, p in itertools.permutations(range(len(labels)), 2):
        if labels[a] != labels[p]:
            continue
        negatives = [n for n in range(len(labels)) if labels[n] != labels[a]]
        if mining == "hardest":
            negatives = sorted(negatives, key=lambda n: distances[a, n].item())[:1]
        for n in (n for n in range(len(labels)) if labels[n] != labels[a]):
            gap = (distances[a, p] - distances[a, n] + MARGIN).item()
            weight = 1.0 if weights is None else (weights[a] * weights[p] * weights[n]).item()
            left = (mining != "all" and gap <= 0) or (mining == "semihard" and gap >= MARGIN)
            if left or n not in negatives:
                share += weight if over == "all" else 0.0
                continue
            total, share = total + weight * max(0.0, gap), share + weight
    return total / share if share else 0.0


@pytest.mark.parametrize("mining", [mining for mining in MININGS if mining != "random"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("over", MEANS)
@pytest.mark.parametrize("seed", range(4))
def test_the_loss_is_the_mean_over_its_triplets_or_all(mining, weighted, over, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, (9,), generator=generator)
    distances = torch.rand(9, 9, generator=generator, dtype=torch.float64)
    weights = torch.rand(9, generator=generator) if weighted else None
    found = AlignabilityTripletLoss(MARGIN, mining, over)(distances, labels, weights)
    assert found.item() == pytest.approx(literally(distances, labels, mining, weights, over), rel=1e-6)


def test_random_takes_one_violating_negative_of_each_pair_and_another_next_time():
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    loss, found = AlignabilityTripletLoss(MARGIN, "random"), set()
    for seed in range(20):
        torch.manual_seed(seed)
        distances = torch.full((6, 6), 0.5, dtype=torch.float64).requires_grad_()
        value = loss(distances, labels)
        value.backward()
        pushed = (distances.grad < 0) & (labels[:, None] != labels)
        assert value.item() == pytest.approx(MARGIN)
        assert pushed.sum(1).tolist() == [1] * 6
        found.add(str(pushed.nonzero().tolist()))
        torch.rand(3)  # what else is drawn in the step makes no difference
        again = distances.detach().clone().requires_grad_()
        loss(again, labels).backward()
        assert torch.equal(again.grad, distances.grad)
    assert len(found) > 5


@pytest.mark.parametrize("mining", MININGS)
def test_gradcheck_passes(mining):
    distances = torch.rand(6, 6, dtype=torch.float64, requires_grad=True)
    loss, labels = AlignabilityTripletLoss(MARGIN, mining), torch.tensor([0, 0, 1, 1, 2, 2])
    assert torch.autograd.gradcheck(lambda d: loss(d, labels), (distances,))


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [1, 1, 1, 1]])
@pytest.mark.parametrize("mining", MININGS)
def test_a_batch_without_a_triplet_gives_zero_with_a_graph(labels, mining):
    distances = torch.rand(4, 4, requires_grad=True)
    loss = AlignabilityTripletLoss(MARGIN, mining)(distances, torch.tensor(labels))
    assert loss.item() == 0
    loss.backward()
    assert torch.equal(distances.grad, torch.zeros(4, 4))


def test_well_separated_classes_cost_nothing_and_learning_separates_them():
    labels = torch.tensor([0, 0, 1, 1])
    same = (labels[:, None] == labels).float()
    assert AlignabilityTripletLoss(MARGIN)(1 - same, labels) == 0
    distances = torch.zeros(4, 4, requires_grad=True)
    AlignabilityTripletLoss(MARGIN)(distances, labels).backward()
    others = same.bool() & ~torch.eye(4, dtype=torch.bool)
    assert (distances.grad[others] > 0).all()
    assert (distances.grad[~same.bool()] < 0).all()


def test_clips_of_no_weight_take_no_part():
    labels, weights = torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([1.0, 1, 1, 1, 0, 0])
    distances = torch.rand(6, 6)
    loss = AlignabilityTripletLoss(MARGIN)
    torch.testing.assert_close(loss(distances, labels, weights), loss(distances[:4, :4], labels[:4]))


@pytest.mark.parametrize(
    ("margin", "mining", "over", "message"),
    [(0, "hard", "mined", "margin is 0"), (1, "soft", "mined", "'soft'"), (1, "hard", "some", "'some'")],
)
def test_wrong_arguments_are_refused(margin, mining, over, message):
    with pytest.raises(ValueError, match=message):
        AlignabilityTripletLoss(margin, mining, over)
