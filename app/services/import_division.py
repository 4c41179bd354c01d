"""Which clips of an import are tested on, and whose labels are trained on."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from finepseudo_core.datasets.formats.csv_folder import ListedClip

LEAST_LABELLED = 2  # of each class, so that a round can hold one against another ...
ENOUGH_CLIPS = 4  # ... where the class has this many clips


@dataclass(frozen=True)
class PlacedClip:
    """A listed clip, its split ("train" or "test"), and whether its label is trained on."""

    clip: ListedClip
    split: str
    trains: bool


def divide(
    listed: Sequence[ListedClip], *, labelled_share: float, test_share: float, seed: int
) -> list[PlacedClip]:
    """Place every clip, in the order given; stratified by class.

    A split that the list names is kept. Each class is divided by a chance of its own, so that another class
    more or less moves none of its clips. Clips without a label are trained on, as unlabelled ones, unless
    the list keeps them for testing.

    Args:
        labelled_share: share of each class's training clips whose label is trained on, in [0, 1]; at least
            two of a class with four clips or more, unless it is 0.
        test_share: share of each class's clips without a split that are tested on, in [0, 1].
        seed: seed of both choices.
    """
    by_class: dict[str, list[ListedClip]] = {}
    for clip in listed:
        if clip.label is not None:
            by_class.setdefault(clip.label, []).append(clip)
    tested = {clip.key for clip in listed if clip.split == "test"}
    trained: set[str] = set()
    for name, members in by_class.items():
        shuffled = sorted(members, key=lambda clip: clip.key)
        random.Random(f"{seed} {name}").shuffle(shuffled)
        least = LEAST_LABELLED if labelled_share and len(members) >= ENOUGH_CLIPS else 0
        undecided = [clip.key for clip in shuffled if clip.split is None]
        spare = max(0, sum(clip.split != "test" for clip in members) - least)
        tested.update(undecided[: min(spare, _rounded(test_share * len(undecided)))])
        training = [clip.key for clip in shuffled if clip.key not in tested]
        trained.update(training[: max(least, _rounded(labelled_share * len(training)))])
    return [
        PlacedClip(clip, "test" if clip.key in tested else "train", clip.key in trained) for clip in listed
    ]


def _rounded(count: float) -> int:
    """To the nearest whole, halves up: round() would take 2.5 clips for 2 and 3.5 for 4."""
    return int(count + 0.5)
