"""TimeBalance's distillation by hand."""

import math

import pytest
import torch

from finepseudo_core.losses import BalancedDistillationLoss


def logits(*rows):
    return torch.tensor(rows, dtype=torch.float64).log().requires_grad_()


INVARIANT, DISTINCTIVE = ([0.8, 0.2], [0.8, 0.2]), ([0.2, 0.8], [0.4, 0.6])
SIMILARITY = torch.tensor([0.75, 0.0])  # targets .65/.35 and .4/.6


def test_the_l2_form_by_hand():
    found = BalancedDistillationLoss()(
        logits([0.5, 0.5], [0.7, 0.3]), logits(*INVARIANT), logits(*DISTINCTIVE), SIMILARITY
    )
    assert found.item() == pytest.approx((2 * 0.15**2 + 2 * 0.3**2) / 2)


def test_the_cross_entropy_form_by_hand():
    found = BalancedDistillationLoss("cross_entropy")(
        logits([0.5, 0.5], [0.7, 0.3]), logits(*INVARIANT), logits(*DISTINCTIVE), SIMILARITY
    )
    second = -(0.4 * math.log(0.7) + 0.6 * math.log(0.3))
    assert found.item() == pytest.approx((math.log(2) + second) / 2)


@pytest.mark.parametrize("divergence", ["l2", "cross_entropy"])
def test_it_is_least_where_the_student_says_what_the_teachers_say_together(divergence):
    student = logits([0.65, 0.35], [0.4, 0.6])
    teachers = logits(*INVARIANT), logits(*DISTINCTIVE)
    BalancedDistillationLoss(divergence)(student, *teachers, SIMILARITY).backward()
    torch.testing.assert_close(student.grad, torch.zeros_like(student))
    assert all(teacher.grad is None for teacher in teachers)


@pytest.mark.parametrize("divergence", ["l2", "cross_entropy"])
def test_gradcheck_passes(divergence):
    generator = torch.Generator().manual_seed(0)
    student, invariant, distinctive = torch.randn(3, 5, 4, generator=generator, dtype=torch.float64)
    similarity = torch.rand(5, generator=generator)
    loss = BalancedDistillationLoss(divergence)
    assert torch.autograd.gradcheck(
        lambda rows: loss(rows, invariant, distinctive, similarity), (student.requires_grad_(),)
    )


def test_full_similarity_leaves_the_distinctive_teacher_out():
    generator = torch.Generator().manual_seed(0)
    student, invariant, distinctive = torch.randn(3, 5, 4, generator=generator)
    loss, one = BalancedDistillationLoss(), torch.ones(5)
    other = torch.randn(5, 4, generator=generator)
    assert loss(student, invariant, distinctive, one) == loss(student, invariant, other, one)
    assert loss(student, invariant, distinctive, 1 - one) != loss(student, invariant, other, 1 - one)


def test_an_unknown_divergence_is_refused():
    with pytest.raises(ValueError, match="choose one of l2, cross_entropy"):
        BalancedDistillationLoss("kl")
