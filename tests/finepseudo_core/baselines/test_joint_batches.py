from collections import Counter
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from finepseudo_core.baselines.joint_batches import JointBatches, JointClips
from finepseudo_core.config import RoundConfig
from finepseudo_core.datasets.clip_dataset import Draw
from finepseudo_core.datasets.samplers import ClassBalancedBatches
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining.round import Round

LABELLED = [
    ClipRecord(f"{name}{n}", None, label=name, weight=w) for name in "ab" for n, w in enumerate((1, 0.5))
]


def batches_of(unlabelled: int, ratio: int, **changes: object) -> JointBatches:
    """Batches of four labelled clips of two classes."""
    config = RoundConfig().replace(
        {"self_training.batch_size": 4, "self_training.clips_per_class": 2, **changes}
    )
    round = SimpleNamespace(
        config=config,
        labelled=LABELLED,
        class_numbers=lambda records: [0, 0, 1, 1],
        progress=SimpleNamespace(stream=lambda stage: (7, len(stage))),
    )
    round.balanced = partial(Round.balanced, round)
    return JointBatches(round, "stage", unlabelled, ratio)  # type: ignore[arg-type]


def test_the_labelled_half_is_that_of_f_e_s_own_stage():
    draws = batches_of(20, 3)
    own = ClassBalancedBatches([0, 0, 1, 1], 4, 2, (7, len("stage")))
    for step in range(5):
        assert [labelled for labelled, _ in draws(step)] == own(step)
        assert draws.importance(step) == (4, 3.0)
    assert draws.steps_per_epoch == own.steps_per_epoch == 1


def test_every_unlabelled_clip_comes_up_once_an_epoch():
    draws = batches_of(24, 3)
    rows = [unlabelled for step in range(2) for _, unlabelled in draws(step)]
    assert {len(row) for row in rows} == {3}
    assert Counter(draw.index for row in rows for draw in row) == dict.fromkeys(range(24), 1)
    assert len({draw.seed for row in rows for draw in row}) == 24


def test_few_unlabelled_clips_are_repeated():
    rows = batches_of(5, 3)(0)
    counts = Counter(draw.index for _, row in rows for draw in row)
    assert sum(counts.values()) == 12
    assert set(counts.values()) == {2, 3}


def test_a_sample_stacks_its_unlabelled_clips():
    class Numbers(torch.utils.data.Dataset):
        def __getitem__(self, draw):
            return torch.full((2,), draw.index), draw.index

    (known, number), (unknown, numbers) = JointClips(Numbers(), Numbers())[
        Draw(1, ()), (Draw(2, ()), Draw(3, ()))
    ]
    assert known.tolist() == [1, 1]
    assert number == 1
    assert unknown.tolist() == [[2, 2], [3, 3]]
    assert numbers.tolist() == [2, 3]


@pytest.mark.parametrize("step", [0, 3])
def test_labels_are_those_of_the_clips_chosen(step):
    draws = batches_of(20, 1)
    chosen = torch.tensor([draw.index for draw, _ in draws(step)])
    classes, weights = draws.labels(chosen, torch.device("cpu"))
    np.testing.assert_array_equal(classes, [LABELLED[n].label == "b" for n in chosen])
    np.testing.assert_allclose(weights, [LABELLED[n].weight for n in chosen])
