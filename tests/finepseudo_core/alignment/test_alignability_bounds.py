"""Bounds on class alignability, against the full pass and against distances and scores worked out finely."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from finepseudo_core.alignment import (
    AlignabilityBounds,
    AlignabilityScore,
    alignability_bounds,
    class_alignability,
    pairwise_soft_dtw,
    wavefront,
)
from finepseudo_core.alignment.alignability import frozen, logits_of
from finepseudo_core.alignment.costs import normalise

GAMMA = 0.01
CLASSES = torch.tensor([2, 0, 0, 3, 2, 0, 0])  # class 1 has no exemplar
CLIPS = torch.arange(9)


def clips(count: int, frames: int = 5, features: int = 8, *, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, frames, features, generator=torch.Generator().manual_seed(seed))


def scores(seed: int, *, monotone: bool = False, hidden: int = 8) -> AlignabilityScore:
    torch.manual_seed(seed)
    score = AlignabilityScore(hidden, monotone=monotone)
    with torch.no_grad():
        score.inner.weight.mul_(3), score.outer.weight.mul_(3)
    score(torch.rand(100) * 4 + 2, 5)
    return score


@pytest.mark.parametrize("features", [3, 8, 100, 128])
@pytest.mark.parametrize("frames", [1, 5, 32])
def test_on_the_cpu_a_pair_has_the_same_bits_in_every_block(frames, features):
    first, second = clips(70, frames, features), clips(75, frames, features, seed=1)
    whole = pairwise_soft_dtw(first, second, 0.001)
    generator = torch.Generator().manual_seed(2)
    for n, m in ((1, 1), (1, 75), (70, 1), (33, 15), (3, 40), (64, 31)):
        here = torch.randperm(70, generator=generator)[:n]
        there = torch.randperm(75, generator=generator)[:m]
        found = pairwise_soft_dtw(first[here], second[there], 0.001)
        assert torch.equal(found, whole[here][:, there])
    assert alignability_bounds.distance_drift(frames, frames, features, 0.001, "cpu") == 0


@pytest.mark.parametrize("gamma", [0.001, 0.1, 2.0])
@pytest.mark.parametrize(("frames", "features"), [(1, 4), (8, 16), (32, 128)])
def test_elsewhere_the_drift_is_more_than_float32_errs_twice(frames, features, gamma):
    first, second = normalise(clips(20, frames, features)), normalise(clips(20, frames, features, seed=1))
    second[:5] = first[:5]
    found = wavefront.pairwise_values(first, second, gamma)
    exact = wavefront.pairwise_values(first.double(), second.double(), gamma)
    drift = alignability_bounds.distance_drift(frames, frames, features, gamma, "cuda")
    assert 0 < 2 * (found - exact).abs().max() < drift < 0.01 * frames


@given(some.integers(0, 10_000), some.booleans(), some.floats(0, 0.5))
@settings(max_examples=40, deadline=None)
def test_the_slack_covers_every_move_of_a_distance_within_the_drift(seed, monotone, drift):
    score = frozen(scores(seed, monotone=monotone))
    distances = torch.linspace(-1, 10, 5000, dtype=torch.float64)
    moved = (logits_of(score, distances + drift, 5) - logits_of(score, distances, 5)).abs().max()
    slack = score.slack(drift, 12, 5)
    assert moved <= slack
    if not monotone and drift > 0.05:  # and it is the steepest piece, which begins or ends at a kink
        kinks, step = score.kinks(5), 1e-7
        places = [logits_of(score, kinks + offset * step, 5) for offset in (-2, -1, 1, 2)]
        steepest = max((places[1] - places[0]).abs().max(), (places[3] - places[2]).abs().max()) / step
        torch.testing.assert_close(slack, float(steepest) * drift, rtol=1e-4, atol=1e-6)


def test_without_a_drift_the_slack_is_rounding_and_covers_it():
    score, distances = scores(3), torch.rand(500, dtype=torch.float64) * 10
    fine, coarse = frozen(score), score.eval()
    coarse_logits = coarse(distances.float(), 5).double()
    off = (coarse_logits - logits_of(fine, distances.float(), 5)).abs().max()
    assert 0 < off < coarse.slack(0, 10, 5)
    assert fine.slack(0, 10, 5) < 1e-11


@given(some.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_between_kinks_the_logits_are_straight(seed):
    score = frozen(scores(seed))
    kinks = score.kinks(5)
    middles = (kinks[1:] + kinks[:-1]) / 2
    ends = (logits_of(score, kinks[1:], 5) + logits_of(score, kinks[:-1], 5)) / 2
    torch.testing.assert_close(logits_of(score, middles, 5), ends)
    assert (kinks.diff() >= 0).all()
    assert len(scores(seed, monotone=True).kinks(5)) == 0


def test_a_score_without_kinks_has_slack_and_extremes():
    score = scores(0)
    torch.nn.init.zeros_(score.inner.weight)
    assert frozen(score).slack(1.0, 10, 5) < 1e-12
    bounds = AlignabilityBounds(clips(2), clips(7, seed=1), CLASSES, 4, score, GAMMA)
    least, greatest = bounds.bounds(torch.arange(2))
    torch.testing.assert_close(least, greatest, atol=2e-6, rtol=0)  # a flat score needs no comparison


@pytest.mark.parametrize("monotone", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_bounds_hold_the_full_pass_and_tighten_until_they_meet(seed, monotone):
    embeddings, gallery = clips(9, seed=seed), clips(7, seed=seed + 50)
    score = scores(seed, monotone=monotone)
    full = class_alignability(embeddings, gallery, CLASSES, 4, score, GAMMA).scores.double()
    bounds = AlignabilityBounds(embeddings, gallery, CLASSES, 4, score, GAMMA)
    least, greatest = bounds.bounds(CLIPS)
    assert ((least <= full) & (full <= greatest)).all()
    assert ((least[:, 1] == 0) & (greatest[:, 1] == 0)).all()
    for rank in range(4):
        bounds.compare(CLIPS, (bounds.ranks <= rank).nonzero().flatten())
        tighter, lower = bounds.bounds(CLIPS)
        assert ((tighter <= full) & (full <= lower)).all()
        assert (tighter >= least - 1e-12).all()
        assert (lower <= greatest + 1e-12).all()
        least, greatest = tighter, lower
    assert (greatest - least).max() < 3e-6
    assert bounds.pairs == 9 * 7


@pytest.mark.parametrize("where", ["shortest", "longest"])
def test_bounds_hold_where_clips_are_as_like_or_unlike_as_clips_can_be(where):
    embeddings = clips(9)[:, :1].expand(9, 5, 8)  # standing still: as many shortest paths as there are paths
    gallery = embeddings[:7] if where == "shortest" else -embeddings[:7]
    score = scores(2)
    for gamma in (0.001, 1.0):
        full = class_alignability(embeddings, gallery, CLASSES, 4, score, gamma).scores.double()
        bounds = AlignabilityBounds(embeddings, gallery, CLASSES, 4, score, gamma)
        least, greatest = bounds.bounds(CLIPS)
        assert ((least <= full) & (full <= greatest)).all()


def test_what_a_clip_has_seen_counts_once():
    bounds = AlignabilityBounds(clips(9), clips(7, seed=1), CLASSES, 4, scores(0), GAMMA)
    bounds.compare(torch.tensor([4, 2]), torch.tensor([0, 1, 2]))
    assert bounds.seen[2].tolist() == [2, 0, 1, 0]
    assert bounds.seen[0].tolist() == [0, 0, 0, 0]
    before = bounds.bounds(torch.tensor([2]))
    bounds.compare(torch.tensor([2]), torch.tensor([0, 2]))
    assert bounds.pairs == 6
    torch.testing.assert_close(bounds.bounds(torch.tensor([2])), before, rtol=0, atol=0)
    bounds.compare(CLIPS, torch.arange(7))
    assert (bounds.seen == bounds.members).all()
    whole = AlignabilityBounds(clips(9), clips(7, seed=1), CLASSES, 4, scores(0), GAMMA)
    whole.compare(CLIPS, torch.arange(7))
    torch.testing.assert_close(bounds.bounds(CLIPS), whole.bounds(CLIPS))


def test_an_empty_gallery_or_no_clips_leave_nothing_to_compare():
    bounds = AlignabilityBounds(clips(3), clips(7)[:0], CLASSES[:0], 4, scores(0), GAMMA)
    bounds.compare(torch.arange(3), torch.arange(0))
    assert all((bound == 0).all() for bound in bounds.bounds(torch.arange(3)))
    bounds = AlignabilityBounds(clips(3)[:0], clips(7), CLASSES, 4, scores(0), GAMMA)
    bounds.compare(torch.arange(0), torch.arange(7))
    assert bounds.pairs == 0


def test_gallery_and_classes_must_fit():
    with pytest.raises(ValueError, match="between 0 and 2"):
        AlignabilityBounds(clips(3), clips(7), CLASSES, 3, scores(0), GAMMA)


def test_the_score_keeps_its_mode_and_its_estimates():
    score = scores(0).train()
    mean = score.mean.clone()
    bounds = AlignabilityBounds(clips(9), clips(7, seed=1), CLASSES, 4, score, GAMMA)
    bounds.compare(CLIPS, torch.arange(7))
    assert score.training
    assert torch.equal(score.mean, mean)
