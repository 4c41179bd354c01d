"""The alignability score and its class means, against their definitions."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from finepseudo_core.alignment import AlignabilityScore, alignability, class_alignability, pairwise_soft_dtw


def test_the_score_lies_between_nought_and_one_and_is_the_sigmoid_of_the_logit():
    score, distances = AlignabilityScore().eval(), torch.rand(3, 4) * 50
    assert score(distances, 8).shape == (3, 4)
    torch.testing.assert_close(score.score(distances, 8), torch.sigmoid(score(distances, 8)))


def test_distances_are_taken_per_frame():
    score = AlignabilityScore().eval()
    distances = torch.rand(6)
    torch.testing.assert_close(score(distances * 16, 16), score(distances * 2, 2))


def test_distances_may_be_taken_as_they_are():
    score = AlignabilityScore(per_frame=False, standardise=False).eval()
    distances, kinks = torch.rand(6), score.kinks(16)
    torch.testing.assert_close(score(distances, 16), score(distances, 2))
    torch.testing.assert_close(kinks, score.kinks(2))


def test_running_estimates_start_at_the_first_batch_and_then_follow():
    score, first, second = AlignabilityScore(momentum=0.25), torch.rand(50) * 8, torch.rand(50) * 8 + 8
    score(first, 8)
    torch.testing.assert_close(score.mean, (first / 8).mean())
    torch.testing.assert_close(score.deviation, (first / 8).std())
    score(second, 8)
    torch.testing.assert_close(score.mean, 0.75 * (first / 8).mean() + 0.25 * (second / 8).mean())
    before = score.state_dict()["mean"].clone()
    score.eval()(first, 8)
    assert torch.equal(score.mean, before)
    score.train()(first[:1], 8)  # one distance has no deviation
    assert torch.equal(score.mean, before)


def test_standardising_can_be_left_out():
    score = AlignabilityScore(standardise=False)
    score(torch.rand(50) + 3, 1)
    assert score.mean == 0


def test_equal_distances_do_not_divide_by_zero():
    score = AlignabilityScore()
    assert score(torch.full((5,), 2.0), 4).isfinite().all()


@pytest.mark.parametrize("seed", range(5))
def test_a_monotone_score_falls_with_the_distance(seed):
    torch.manual_seed(seed)
    score, distances = AlignabilityScore(monotone=True), torch.linspace(0, 60, 200)
    score(distances, 32)
    assert (score.eval()(distances, 32).diff() < 0).all()


def test_the_score_learns_to_tell_small_distances_from_large_ones():
    torch.manual_seed(0)
    score = AlignabilityScore()
    optimizer = torch.optim.Adam(score.parameters(), 0.02)
    distances = torch.cat([torch.rand(200) * 3, 5 + torch.rand(200) * 3])
    same = torch.cat([torch.ones(200), torch.zeros(200)])
    for _ in range(150):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(score(distances, 32), same)
        optimizer.zero_grad(), loss.backward(), optimizer.step()
    found = score.eval().score(distances, 32)
    assert found[:200].min() > 0.8
    assert found[200:].max() < 0.2


@pytest.fixture
def clips():
    generator = torch.Generator().manual_seed(0)
    gallery_classes = torch.tensor([2, 0, 0, 3, 2, 0])  # class 1 has no exemplar
    return (
        torch.randn(7, 5, 8, generator=generator),
        torch.randn(6, 5, 8, generator=generator),
        gallery_classes,
    )


def test_class_alignability_is_the_mean_score_over_exemplars(clips, monkeypatch):
    embeddings, gallery, classes = clips
    score = AlignabilityScore()
    score(pairwise_soft_dtw(gallery, gallery, 0.01), 5)
    expected = torch.zeros(7, 4)
    for clip in range(7):
        for name in range(4):
            members = gallery[classes == name]
            if len(members):
                distances = pairwise_soft_dtw(embeddings[clip : clip + 1], members, 0.01)
                expected[clip, name] = score.eval().score(distances, 5).mean()
    score.train()
    before = score.mean.clone()
    monkeypatch.setattr(alignability, "CLIPS_AT_ONCE", 3)
    found = class_alignability(embeddings, gallery, classes, 4, score, 0.01, nearest=2)
    torch.testing.assert_close(found.scores, expected)
    assert score.training
    assert torch.equal(score.mean, before)


def test_a_clip_that_is_an_exemplar_is_not_compared_with_itself(clips, monkeypatch):
    _, gallery, classes = clips
    score = AlignabilityScore(monotone=True)
    monkeypatch.setattr(alignability, "CLIPS_AT_ONCE", 4)
    embeddings, own = torch.cat([gallery, gallery[:1]]), torch.tensor([*range(6), -1])
    found = class_alignability(embeddings, gallery, classes, 4, score, 0.01, nearest=6, own=own)
    for clip in range(6):
        others = torch.arange(6) != clip
        alone = class_alignability(gallery[clip][None], gallery[others], classes[others], 4, score, 0.01)
        torch.testing.assert_close(found.scores[clip], alone.scores[0])
        assert found.nearest[clip, -1] == clip
        assert found.nearest_scores[clip].tolist()[-1] == -1 < found.nearest_scores[clip].tolist()[-2]
    assert found.scores[3, 3] == 0  # the only exemplar of its class
    assert found.nearest[6, 0] == 0  # the same clip by another name


def test_the_nearest_exemplars_come_best_first(clips):
    embeddings, gallery, classes = clips
    score = AlignabilityScore(monotone=True)
    found = class_alignability(embeddings, gallery, classes, 4, score, 0.01, nearest=3)
    distances = pairwise_soft_dtw(embeddings, gallery, 0.01)
    assert torch.equal(found.nearest, distances.argsort(1)[:, :3])
    assert (found.nearest_scores.diff(dim=1) <= 0).all()
    assert class_alignability(embeddings, gallery, classes, 4, score, 0.01, nearest=9).nearest.shape == (7, 6)


def test_gallery_and_classes_must_fit(clips):
    embeddings, gallery, classes = clips
    with pytest.raises(ValueError, match="6 exemplars"):
        class_alignability(embeddings, gallery, classes[:5], 4, AlignabilityScore(), 0.01)
    with pytest.raises(ValueError, match="between 0 and 2"):
        class_alignability(embeddings, gallery, classes, 3, AlignabilityScore(), 0.01)


def test_a_large_gallery_never_has_all_its_costs_or_hidden_layers_at_once(monkeypatch):
    monkeypatch.setattr(alignability, "PAIRS_AT_ONCE", 1 << 12)
    clips, gallery = torch.randn(400, 8, 4), torch.randn(500, 8, 4)
    classes, score = torch.arange(500) % 40, AlignabilityScore(64)
    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            out = function(*args, **(kwargs or {}))
            for tensor in out if isinstance(out, (tuple, list)) else (out,):
                if isinstance(tensor, torch.Tensor):
                    largest = max(largest, tensor.untyped_storage().nbytes() // tensor.element_size())
            return out

    with Watch():
        class_alignability(clips, gallery, classes, 40, score, 0.01, nearest=5)
    assert largest < 400 * 500 * 8 * 8 / 8
    assert largest < 400 * 500 * 64 / 8


def test_scoring_in_pieces_gives_what_scoring_at_once_gives(monkeypatch):
    score, distances = AlignabilityScore(), torch.rand(7, 11) * 20
    score(distances, 5)
    monkeypatch.setattr(alignability, "PAIRS_AT_ONCE", 10)
    logits = alignability.logits_of(alignability.frozen(score), distances, 5)
    torch.testing.assert_close(logits.float(), score.eval()(distances, 5))
    assert logits.dtype == torch.float64
    assert not logits.requires_grad
