import pytest
import torch

from finepseudo_core.baselines.teachers import Teachers, self_similarity, stretched
from tests.finepseudo_core.selftraining.tiny import tiny_config


def test_self_similarity_is_the_mean_cosine_between_moments():
    still = torch.tensor([[2.0, 0.0]]).expand(3, 2)
    turning = torch.tensor([[1.0, 0.0], [0.0, 3.0], [1.0, 1.0]])  # cosines 0, .707, .707
    there_and_back = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]])  # cosines -1, 1, -1
    found = self_similarity(torch.stack([still, turning, there_and_back]))
    assert found.tolist() == pytest.approx([1.0, 2 * 0.5**0.5 / 3, 0.0])


def test_self_similarity_does_not_depend_on_the_order_of_the_moments():
    moments = torch.randn(5, 4, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(self_similarity(moments), self_similarity(moments.flip(1)))


def test_stretched_similarities_reach_from_nothing_to_one():
    assert stretched(torch.tensor([0.9, 0.95, 0.8])).tolist() == pytest.approx([2 / 3, 1, 0])
    assert stretched(torch.tensor([0.9, 0.9])).tolist() == [0.5, 0.5]


def test_pretraining_leaves_the_classifier_to_the_labels():
    teachers = Teachers(tiny_config(), 4)
    projecting = teachers.invariant.projecting(lambda: torch.autocast("cpu", enabled=False))
    names = {name.partition(".")[0] for name, _ in projecting.named_parameters()}
    assert names == {"backbone", "projection"}
    found = projecting(torch.randn(2, 3, 1, 3, 4, 24, 24))
    assert found.shape == (2, 3, 1, 128)


def test_the_teachers_start_apart_and_teach_without_a_gradient():
    teachers = Teachers(tiny_config(), 4).eval()
    invariant, distinctive = teachers.logits(torch.randn(2, 3, 4, 24, 24))
    assert invariant.shape == distinctive.shape == (2, 4)
    assert not torch.equal(invariant, distinctive)
    assert not invariant.requires_grad
