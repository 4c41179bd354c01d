"""The score loss against a loop over pairs."""

import itertools
import math

import pytest
import torch

from finepseudo_core.alignment import AlignabilityScore
from finepseudo_core.losses import AlignabilityScoreLoss

FRAMES = 8


def setup(labels, seed=0):
    torch.manual_seed(seed)
    score = AlignabilityScore().eval()
    upper = torch.rand(len(labels), len(labels)).triu(1) * 5
    return upper + upper.T, torch.tensor(labels), score


def literally(distances, labels, score, pairs, weights):
    losses: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for a, b in pairs:
        same, s = bool(labels[a] == labels[b]), score.score(distances[a, b], FRAMES).item()
        weight = (weights[a] * weights[b]).item()
        losses[same].append((weight, -math.log(s if same else 1 - s)))
    means = [sum(w * x for w, x in part) / sum(w for w, _ in part) for part in losses.values() if part]
    return sum(means) / len(means)


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 2, 0], [0, 1, 2], [1, 1, 1]])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_is_the_mean_of_both_labels_means(labels, weighted):
    distances, labels, score = setup(labels)
    weights = torch.rand(len(labels)) + 0.1 if weighted else None
    pairs = itertools.combinations(range(len(labels)), 2)
    expected = literally(
        distances, labels, score, pairs, torch.ones(len(labels)) if weights is None else weights
    )
    found = AlignabilityScoreLoss()(distances, labels, score, FRAMES, weights)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_triplet_pairs_are_those_of_anchors_with_a_positive():
    distances, labels, score = setup([0, 0, 1, 2])
    pairs = [(0, 1), (1, 0), (0, 2), (0, 3), (1, 2), (1, 3)]
    expected = literally(distances, labels, score, pairs, torch.ones(4))
    found = AlignabilityScoreLoss("triplet")(distances, labels, score, FRAMES)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_unbalanced_pairs_weigh_alike():
    distances, labels, score = setup([0, 0, 1, 1, 2, 0])
    weights = torch.rand(6) + 0.1
    total = share = 0.0
    for a, b in itertools.combinations(range(6), 2):
        found, weight = score.score(distances[a, b], FRAMES).item(), (weights[a] * weights[b]).item()
        total, share = (
            total - weight * math.log(found if labels[a] == labels[b] else 1 - found),
            share + weight,
        )
    loss = AlignabilityScoreLoss(balanced=False)(distances, labels, score, FRAMES, weights)
    assert loss.item() == pytest.approx(total / share, rel=1e-5)


@pytest.mark.parametrize("detach", [False, True])
def test_detaching_keeps_the_encoder_still_while_the_score_learns(detach):
    distances, labels, score = setup([0, 0, 1, 1])
    distances.requires_grad_()
    AlignabilityScoreLoss(detach=detach)(distances, labels, score, FRAMES).backward()
    assert (distances.grad is None) == detach
    assert score.outer.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(("labels", "pairs"), [([0], "all"), ([0, 1, 2], "triplet"), ([0, 0], "triplet")])
def test_a_batch_without_a_pair_gives_zero_with_a_graph(labels, pairs):
    distances, labels, score = setup(labels)
    loss = AlignabilityScoreLoss(pairs)(distances.requires_grad_(), labels, score.train(), FRAMES)
    assert loss.item() == 0
    loss.backward()
    assert torch.equal(distances.grad, torch.zeros_like(distances))


def test_gradcheck_passes():
    distances, labels, score = setup([0, 0, 1, 2, 1])
    score.double()
    loss = AlignabilityScoreLoss()
    distances = distances.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda d: loss(d, labels, score, FRAMES), (distances,))


def test_unknown_pairs_are_refused():
    with pytest.raises(ValueError, match="unknown pairs 'some'"):
        AlignabilityScoreLoss("some")
