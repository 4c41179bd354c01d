import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from finepseudo_core.datasets.samplers import ClassBalancedBatches, ShuffledBatches


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 5))
def test_an_epoch_of_shuffled_batches_holds_every_clip(clips, size, epoch):
    batches = ShuffledBatches(clips, size, (1, 2))
    first = epoch * batches.steps_per_epoch
    seen = [draw.index for step in range(first, first + batches.steps_per_epoch) for draw in batches(step)]
    assert set(seen) == set(range(clips))
    assert all(seen.count(index) <= 2 for index in seen)


@given(
    st.lists(st.integers(0, 6), min_size=4, max_size=40).filter(lambda labels: len(set(labels)) > 1),
    st.integers(4, 32),
    st.integers(2, 5),
    st.integers(0, 100),
)
def test_every_class_in_a_balanced_batch_comes_at_least_twice(labels, size, per_class, step):
    batches = ClassBalancedBatches(labels, size, per_class, (3,))
    drawn = [labels[draw.index] for draw in batches(step)]
    names, counts = np.unique(drawn, return_counts=True)
    assert len(names) >= 2
    assert (counts == per_class).all()


def test_a_clip_drawn_twice_is_augmented_in_two_ways():
    draws = ClassBalancedBatches([0, 1], 8, 4, (0,))(0)
    assert len({draw.seed for draw in draws}) == len(draws)


def test_batches_depend_on_seed_and_step_alone():
    one, other = (ClassBalancedBatches([0, 0, 1, 1, 2, 2], 6, 2, (seed,)) for seed in (5, 6))
    again = ClassBalancedBatches([0, 0, 1, 1, 2, 2], 6, 2, (5,))
    assert one(7) == again(7)
    assert one(7) != one(8)
    assert one(7) != other(7)


@given(
    st.lists(st.booleans(), min_size=2, max_size=30),
    st.sampled_from([0.25, 0.5, 1.0]),
    st.integers(0, 50),
)
def test_clips_of_people_have_their_share_of_a_class(preferred, share, step):
    labels = [place % 2 for place in range(len(preferred))]
    batches = ClassBalancedBatches(labels, 8, 4, (0,), preferred=preferred, share=share)
    drawn = [draw.index for draw in batches(step)]
    for number in (0, 1):
        of_class = [index for index in drawn if labels[index] == number]
        assert len(of_class) == 4
        if any(own for own, label in zip(preferred, labels, strict=True) if label == number):
            assert sum(preferred[index] for index in of_class) >= 4 * share
        size = labels.count(number)
        assert len(set(of_class)) >= min(4, size) - 4 * share  # others come before any comes twice


def test_where_all_clips_are_alike_nothing_is_reserved():
    plain = ClassBalancedBatches([0, 0, 0, 1, 1], 6, 3, (5,))
    for preferred in ([True] * 5, [False] * 5):
        other = ClassBalancedBatches([0, 0, 0, 1, 1], 6, 3, (5,), preferred=preferred, share=0.5)
        assert [other(step) for step in range(5)] == [plain(step) for step in range(5)]
    none = ClassBalancedBatches([0, 0, 0, 1, 1], 6, 3, (5,), preferred=[True, False] * 2 + [True], share=0)
    assert none(3) == plain(3)
    assert plain.reserves == none.reserves == ()
