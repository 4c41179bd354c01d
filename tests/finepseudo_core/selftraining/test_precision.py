"""Encoders in bfloat16; everything that compares distances, in float32."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from finepseudo_core.alignment import pairwise_soft_dtw
from finepseudo_core.config import ConfigError
from finepseudo_core.encoders.action_encoder import ActionEncoder
from finepseudo_core.selftraining import alignability_stage
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.models import load_models
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config


def test_encoders_work_in_bfloat16_and_alignment_does_not(tmp_path, monkeypatch):
    labelled, unlabelled, test = make_clips(tmp_path / "dives")
    given, entered, left = [], [], []
    plain, forward = functional.cross_entropy, ActionEncoder.forward

    def watched(first, second, gamma):
        distances = pairwise_soft_dtw(first, second, gamma)
        given.append((first.detach(), distances.detach()))
        return distances

    def cross_entropy(logits, target, **rest):
        entered.append(logits.dtype)
        return plain(logits, target, **rest)

    def encode(self, clips):
        logits = forward(self, clips)
        left.append(logits.dtype)
        return logits

    monkeypatch.setattr(alignability_stage, "pairwise_soft_dtw", watched)
    monkeypatch.setattr(functional, "cross_entropy", cross_entropy)
    monkeypatch.setattr(ActionEncoder, "forward", encode)
    result = run(tiny_config(precision="bfloat16"), labelled, unlabelled, tmp_path / "round", test=test)
    assert set(left) == {torch.bfloat16}
    assert set(entered) == {torch.float32}
    assert given
    for embeddings, distances in given:
        assert distances.dtype == torch.float32
        with torch.autocast("cpu", enabled=False):
            exact = pairwise_soft_dtw(embeddings.double(), embeddings.double(), 0.001)
        # bfloat16 costs would be off by a hundredth for every frame of the path
        torch.testing.assert_close(distances.double(), exact, rtol=1e-5, atol=1e-5)
    networks = load_models(result.model)[0].state_dict()
    assert {value.dtype for value in networks.values() if value.is_floating_point()} == {torch.float32}
    for label in result.proposal.pseudo_labels:
        assert label.probabilities.dtype == np.float32
        assert label.probabilities.sum() == pytest.approx(1, abs=1e-2)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ConfigError, match="choose one of 'float32', 'bfloat16'"):
        tiny_config(precision="float8")
