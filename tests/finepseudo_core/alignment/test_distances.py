"""Costs, and the distances that Table 8 compares."""

import pytest
import torch
from torch.nn import functional

from finepseudo_core.alignment import cosine_costs, dtw_path, pairwise_distance, soft_dtw
from finepseudo_core.alignment.distances import DISTANCES

KINDS = ("soft_dtw", *DISTANCES)


def test_costs_are_one_minus_cosine():
    first, second = torch.randn(4, 3), torch.randn(5, 3)
    costs = cosine_costs(first, second)
    for i, u in enumerate(first):
        for j, v in enumerate(second):
            torch.testing.assert_close(costs[i, j], 1 - functional.cosine_similarity(u, v, dim=0))
    assert torch.equal(cosine_costs(torch.zeros(1, 3), second), torch.ones(1, 5))


def test_costs_leave_autocast_and_half_precision_behind():
    first = torch.randn(4, 6)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(cosine_costs(first, first), cosine_costs(first.clone(), first))
        assert cosine_costs(first.bfloat16(), first.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("kind", KINDS)
def test_a_distance_is_symmetric_and_least_for_the_clip_itself(kind):
    clips = torch.randn(20, 6, 8)
    distances = pairwise_distance(clips, clips, kind)
    assert distances.shape == (20, 20)
    torch.testing.assert_close(distances, distances.T)
    assert (distances.argmin(1) == torch.arange(20)).all()
    torch.testing.assert_close(distances.diag(), torch.zeros(20), rtol=0, atol=1e-3)


def test_each_kind_is_what_its_name_says():
    first, second = torch.randn(3, 5, 4), torch.randn(4, 5, 4)
    costs = cosine_costs(first[:, None], second[None]).flatten(0, 1)
    pooled = 1 - functional.cosine_similarity(
        functional.normalize(first, dim=-1).mean(1)[:, None],
        functional.normalize(second, dim=-1).mean(1)[None],
        dim=-1,
    )
    relaxed = dtw_path(costs, relaxed=True).distances
    turned = dtw_path(costs.transpose(1, 2), relaxed=True).distances
    expected = {
        "soft_dtw": soft_dtw(costs, 0.001),
        "dtw": dtw_path(costs).distances,
        "otam": (relaxed + turned) / 2,
        "cosine_unpooled": costs.diagonal(dim1=1, dim2=2).mean(1),
        "cosine_pooled": pooled,
    }
    for kind in KINDS:
        torch.testing.assert_close(pairwise_distance(first, second, kind).flatten(), expected[kind].flatten())


def test_alignment_sees_through_a_change_of_pace_and_a_fixed_order_does_not():
    torch.manual_seed(0)
    moments = torch.randn(4, 16)
    slow, fast = moments[[0, 0, 0, 0, 1, 2, 3, 3]], moments[[0, 1, 2, 2, 3, 3, 3, 3]]
    assert pairwise_distance(slow[None], fast[None], "dtw").item() == pytest.approx(0, abs=1e-5)
    assert pairwise_distance(slow[None], fast[None], "cosine_unpooled").item() > 0.2


def test_unknown_kinds_and_clips_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="unknown distance 'euclid'"):
        pairwise_distance(torch.rand(1, 3, 2), torch.rand(1, 3, 2), "euclid")
    with pytest.raises(ValueError, match="3 and 4 frames"):
        pairwise_distance(torch.rand(1, 3, 2), torch.rand(1, 4, 2), "cosine_unpooled")


@pytest.mark.parametrize("kind", KINDS)
def test_empty_sets_have_no_distances(kind):
    assert pairwise_distance(torch.rand(0, 3, 2), torch.rand(2, 3, 2), kind).shape == (0, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind):
    torch.manual_seed(1)
    first, second = (torch.randn(3, 5, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(
        lambda u, v: pairwise_distance(u, v, kind, 0.01), (first, second), eps=1e-7, atol=1e-5
    )


@pytest.mark.parametrize("kind", KINDS)
def test_asking_for_a_gradient_changes_no_value(kind):
    clips = torch.randn(4, 6, 8)
    with_gradient = pairwise_distance(clips.clone().requires_grad_(), clips, kind)
    torch.testing.assert_close(
        with_gradient.detach(), pairwise_distance(clips, clips, kind), rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("kind", DISTANCES)
def test_distances_stay_in_full_precision_under_autocast(kind):
    clips = torch.randn(4, 6, 8)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = pairwise_distance(clips, clips, kind)
    torch.testing.assert_close(rounded, pairwise_distance(clips, clips, kind), rtol=1e-6, atol=1e-6)
