"""Which clips are tested on and whose labels train, whatever the list looks like."""

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as some

from app.services.import_division import divide
from finepseudo_core.datasets.formats.csv_folder import ListedClip

SHARES = some.floats(0, 1)
LISTS = some.lists(
    some.tuples(
        some.sampled_from(["dive", "fall", "jump", None]), some.sampled_from(["train", "test", None, None])
    ),
    max_size=40,
).map(lambda rows: [clip(number, *row) for number, row in enumerate(rows)])


def clip(number: int, label: str | None, split: str | None = None) -> ListedClip:
    """A listed clip."""
    return ListedClip(f"{number:03d}.mp4", Path(f"/videos/{number:03d}.mp4"), label, split)


def of_class(name: str, count: int, start: int = 0) -> list[ListedClip]:
    """Clips of one class without a split."""
    return [clip(number, name) for number in range(start, start + count)]


def counted(listed, labelled_share=1.0, test_share=0.0, seed=0) -> Counter[tuple[str | None, str, bool]]:
    """(class, split, trains) -> clips."""
    placed = divide(listed, labelled_share=labelled_share, test_share=test_share, seed=seed)
    return Counter((one.clip.label, one.split, one.trains) for one in placed)


def test_each_class_gives_its_share():
    listed = of_class("dive", 100) + of_class("fall", 40, start=100)
    assert counted(listed, labelled_share=0.1, test_share=0.2) == {
        ("dive", "test", False): 20, ("dive", "train", True): 8, ("dive", "train", False): 72,
        ("fall", "test", False): 8, ("fall", "train", True): 3, ("fall", "train", False): 29,
    }  # fmt: skip


def test_two_of_a_class_with_four_clips_are_trained_on_however_small_the_share():
    assert counted(of_class("dive", 4), labelled_share=0.01, test_share=0.9)["dive", "train", True] == 2
    assert counted(of_class("dive", 4), labelled_share=0.01, test_share=1.0)["dive", "test", False] == 2
    assert counted(of_class("dive", 3), labelled_share=0.01)["dive", "train", True] == 0
    assert counted(of_class("dive", 40), labelled_share=0.0) == {("dive", "train", False): 40}


def test_a_class_more_moves_no_clip_of_another():
    alone = divide(of_class("dive", 30), labelled_share=0.3, test_share=0.3, seed=5)
    both = divide(
        of_class("dive", 30) + of_class("a fall", 9, 30), labelled_share=0.3, test_share=0.3, seed=5
    )
    assert both[:30] == alone


def test_another_seed_makes_another_choice_of_the_same_size():
    listed = of_class("dive", 30)
    first, second = (divide(listed, labelled_share=0.5, test_share=0.2, seed=seed) for seed in (1, 2))
    assert first != second
    assert Counter(one.trains for one in first) == Counter(one.trains for one in second)


@given(LISTS, SHARES, SHARES, some.integers(0, 3))
def test_whatever_the_list_every_clip_gets_one_place_that_keeps_the_rules(listed, labelled, test, seed):
    placed = divide(listed, labelled_share=labelled, test_share=test, seed=seed)
    assert [one.clip for one in placed] == listed
    assert placed == divide(listed, labelled_share=labelled, test_share=test, seed=seed)
    for one in placed:
        assert one.split == one.clip.split or one.clip.split is None
        if one.clip.label is None:
            assert one.split == (one.clip.split or "train")
        if one.trains:
            assert one.split == "train"
            assert one.clip.label is not None
    for name in ("dive", "fall", "jump"):
        members = [one for one in placed if one.clip.label == name]
        training = [one for one in members if one.split == "train"]
        trained = sum(one.trains for one in training)
        could_train = sum(one.clip.split != "test" for one in members)
        if labelled and len(members) >= 4:
            assert trained >= min(2, could_train)
        assert abs(trained - labelled * len(training)) <= 2
        if labelled == 1:
            assert trained == len(training)
