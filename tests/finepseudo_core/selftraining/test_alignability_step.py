"""What the losses of f_A are given."""

import torch

from finepseudo_core.alignment.distances import pairwise_distance
from finepseudo_core.losses.alignment_triplet import AlignabilityTripletLoss
from finepseudo_core.selftraining.alignability_stage import AlignabilityStep
from tests.finepseudo_core.selftraining.test_accumulate import small_round


def test_the_triplet_sees_d_or_d_per_frame():
    labels, weight = torch.arange(9) // 3, torch.ones(9, dtype=torch.float64)
    found = {}
    for per_frame in (False, True):
        step = AlignabilityStep(small_round(alignment__normalise_triplet=per_frame)).eval()
        features = torch.randn(
            9, 6, step.encoder.head[1].in_features, dtype=torch.float64,
            generator=torch.Generator().manual_seed(1),
        )  # fmt: skip
        embeddings = step.encoder.embed(features)
        distances = pairwise_distance(embeddings, embeddings, "soft_dtw", step.config.gamma)
        wanted = AlignabilityTripletLoss(step.config.margin)(distances / (6 if per_frame else 1), labels)
        _, triplet, found[per_frame] = step(features, labels, weight)
        torch.testing.assert_close(triplet, wanted.detach())
        assert triplet > 0
    torch.testing.assert_close(found[True], found[False])  # f_S is given D/T either way
