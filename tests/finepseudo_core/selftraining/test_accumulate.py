"""A batch worked through in parts: L_AV as if at once, the other losses with the right weights."""

from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional

from finepseudo_core.errors import ConfigError
from finepseudo_core.selftraining.action_stage import ActionStep
from finepseudo_core.selftraining.alignability_stage import AlignabilityStep
from finepseudo_core.selftraining.batch_norm import _BatchNorm
from finepseudo_core.selftraining.learner import Learner
from finepseudo_core.selftraining.models import Models
from tests.finepseudo_core.selftraining.tiny import tiny_config

CPU = torch.device("cpu")


def small_round(**changes: object) -> SimpleNamespace:
    """As much of a round as a step needs, in float64."""
    torch.manual_seed(0)
    config = tiny_config(**changes)
    models = Models(config, 3).double()
    models.alignability.freeze_image_encoder()
    return SimpleNamespace(
        config=config, models=models, autocast=lambda: torch.autocast("cpu", enabled=False)
    )


def gradients_of_l_av(parts: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """L_AV and everything that one step leaves in f_A and f_S, with dropout on."""
    round = small_round(accumulate=parts)
    step = AlignabilityStep(round).train()
    learner = Learner(step, round.config, CPU, parts=1)
    features = torch.randn(9, 6, step.encoder.head[1].in_features, dtype=torch.float64)
    labels, weight = torch.arange(9) // 3, torch.linspace(0.2, 1, 9, dtype=torch.float64)
    torch.manual_seed(5)
    for rows in learner.parts(9):
        loss, _, _ = learner.step(features[rows], labels, weight)
        learner.backward(loss)
    found = {name: value.grad for name, value in step.named_parameters() if value.grad is not None}
    return loss.detach(), {**found, **dict(step.named_buffers())}


@pytest.mark.parametrize("parts", [2, 4, 9, 20])
def test_l_av_in_parts_is_that_of_the_whole_batch(parts):
    loss, whole = gradients_of_l_av(1)
    assert loss > 0
    assert max(float(value.abs().max()) for name, value in whole.items() if "layers" in name) > 1e-6
    other, found = gradients_of_l_av(parts)
    torch.testing.assert_close(other, loss)
    assert found.keys() == whole.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, whole[name], rtol=1e-9, atol=1e-12, msg=name)


def test_in_parts_only_one_part_is_kept_for_the_backward_pass():
    """Attention weights are made anew: between loss and backward none is in memory."""
    round = small_round(accumulate=3)
    step = AlignabilityStep(round).train()
    kept: list[tuple[int, ...]] = []

    def pack(value: torch.Tensor) -> torch.Tensor:
        kept.append(tuple(value.shape))
        return value

    features = torch.randn(9, 6, step.encoder.head[1].in_features, dtype=torch.float64)
    labels, weight = torch.arange(9) // 3, torch.ones(9, dtype=torch.float64)
    attention = (3, round.config.alignability_encoder.heads, 6, 6)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        loss, _, _ = step(features, labels, weight)
    assert kept
    assert attention not in kept
    step.parts = 1
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        step(features, labels, weight)
    assert (9, *attention[1:]) in kept
    loss.backward()


def test_cross_entropy_in_parts_weighs_every_clip_as_in_the_whole_batch():
    clips = torch.randn(7, 3, 4, 24, 24, dtype=torch.float64)
    target = functional.one_hot(torch.arange(7) % 3).float()
    weight = torch.linspace(0.1, 1, 7, dtype=torch.float64)
    found = []
    for parts in (1, 3):
        round = small_round()
        for norm in round.models.action.modules():  # which sees one part at a time when it learns
            norm.training = not isinstance(norm, _BatchNorm)
        step = ActionStep(round.models.action, round.autocast)
        learner = Learner(step, round.config, CPU, parts=parts)
        total = torch.zeros(())
        for rows in learner.parts(7):
            losses, _ = learner.step(clips[rows], target[rows], weight[rows])
            learner.backward(losses / weight.sum())
            total = total + losses.detach()
        found.append((total / weight.sum(), [value.grad for value in step.parameters()]))
    (loss, gradients), (other, others) = found
    torch.testing.assert_close(other, loss, rtol=1e-6, atol=1e-6, check_dtype=False)
    for one, two in zip(gradients, others, strict=True):
        torch.testing.assert_close(two, one, rtol=1e-5, atol=1e-7)


def test_no_parts_at_all_are_refused():
    with pytest.raises(ConfigError, match="accumulate is 0; it must be at least 1"):
        tiny_config(accumulate=0)
