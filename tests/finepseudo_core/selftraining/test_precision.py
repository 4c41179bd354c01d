"""Encoders in half precision; everything that compares distances, in float32."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from finepseudo_core.alignment.distances import pairwise_distance
from finepseudo_core.config import ConfigError
from finepseudo_core.encoders.action_encoder import ActionEncoder
from finepseudo_core.errors import Stopped
from finepseudo_core.events import Event, StepDone
from finepseudo_core.selftraining import alignability_stage, checkpoint
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.models import load_models
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_encoders_work_in_half_precision_and_alignment_does_not(tmp_path, monkeypatch, precision):
    labelled, unlabelled, test = make_clips(tmp_path / "dives")
    given, entered, left, flowed = [], [], [], []
    plain, forward = functional.cross_entropy, ActionEncoder.forward

    def watched(first, second, kind, gamma):
        assert not torch.is_autocast_enabled("cpu")
        distances = pairwise_distance(first, second, kind, gamma)
        place = len(given)
        given.append((first.detach(), distances.detach()))
        incoming: list[torch.Tensor] = []
        distances.register_hook(incoming.append)
        first.register_hook(lambda gradient: flowed.append((place, incoming[0], gradient)))
        return distances

    def cross_entropy(logits, target, **rest):
        entered.append(logits.dtype)
        return plain(logits, target, **rest)

    def encode(self, clips):
        logits = forward(self, clips)
        left.append(logits.dtype)
        return logits

    monkeypatch.setattr(alignability_stage, "pairwise_distance", watched)
    monkeypatch.setattr(functional, "cross_entropy", cross_entropy)
    monkeypatch.setattr(ActionEncoder, "forward", encode)
    result = run(tiny_config(precision=precision), labelled, unlabelled, tmp_path / "round", test=test)
    assert set(left) == {getattr(torch, precision)}
    assert set(entered) == {torch.float32}
    assert given
    for embeddings, distances in given:
        assert embeddings.dtype == distances.dtype == torch.float32
        exact = pairwise_distance(embeddings.double(), embeddings.double())
        # costs in half precision would be off by a hundredth for every frame of the path
        torch.testing.assert_close(distances.double(), exact, rtol=1e-5, atol=1e-5)
    assert len(flowed) == len(given)
    for place, incoming, gradient in flowed:
        embeddings = given[place][0].double().requires_grad_()
        pairwise_distance(embeddings, embeddings).backward(incoming.double())
        apart = (gradient.double() - embeddings.grad).abs().max()
        assert apart <= 0.02 * embeddings.grad.abs().max(), apart  # half precision: by more than half of it
    networks = load_models(result.model)[0].state_dict()
    assert {value.dtype for value in networks.values() if value.is_floating_point()} == {torch.float32}
    for label in result.proposal.pseudo_labels:
        assert label.probabilities.dtype == np.float32
        assert label.probabilities.sum() == pytest.approx(1, abs=1e-2)


def test_a_checkpoint_keeps_the_scale_of_float16_gradients(tmp_path):
    labelled, unlabelled, _ = make_clips(tmp_path / "dives")
    seen: list[Event] = []
    with pytest.raises(Stopped):
        run(
            tiny_config(precision="float16"), labelled, unlabelled, tmp_path / "round", notify=seen.append,
            should_stop=lambda: isinstance(seen[-1], StepDone) and seen[-1].stage == "pretraining",
        )  # fmt: skip
    kept = checkpoint.load(tmp_path / "round" / "checkpoint.pt")["optimizer"]
    assert kept["scaler"]["scale"] > 1
    assert kept["optimizer"]["state"]


def test_an_unknown_precision_is_refused():
    with pytest.raises(ConfigError, match="choose one of 'float32', 'bfloat16', 'float16'"):
        tiny_config(precision="float8")
