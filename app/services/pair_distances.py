"""How far apart clips of one class and of different classes are in a round: what a pair is judged against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.services import pair_alignment
from app.services.embeddings import Kept, kept
from app.services.studio import Studio
from db.models import Round
from db.repositories import rounds

PAIRS = 400  # of the same class, and as many of different classes
LEVELS = 101
LEAST_SCALE = 1e-3  # two embeddings this close are the same for every purpose here


@dataclass(frozen=True)
class PairDistances:
    """DTW distances of a sample of pairs of labelled clips, with the labels that the round learned from.

    Args:
        same: distances of pairs of one class, ascending; empty where no class has two clips.
        other: distances of pairs of different classes, ascending.
        local: quantiles 0, 0.01, ..., 1 of the costs along the paths of the pairs of one class; empty where
            there are none.
    """

    same: tuple[float, ...]
    other: tuple[float, ...]
    local: tuple[float, ...]

    @property
    def scale(self) -> float:
        """Median cost of a cell of a path between clips of one class: what excess costs are measured in."""
        return max(self.local[LEVELS // 2], LEAST_SCALE) if self.local else 1.0

    def usual(self, cost: np.ndarray) -> np.ndarray:
        """How usual local costs are between clips of one class, in [0, 1], 1 up to the median.

        Twice the share of the sampled cells that cost at least as much, at most 1; 1 without a sample.
        """
        if not self.local:
            return np.ones_like(cost)
        levels = np.linspace(0.0, 1.0, LEVELS)
        return np.minimum(1.0, 2.0 * (1.0 - np.interp(cost, self.local, levels)))


NOTHING = PairDistances((), (), ())
_known: dict[tuple[object, ...], PairDistances] = {}


def pair_distances(studio: Studio, row: Round) -> PairDistances:
    """The distances of a round's pass; computed once and kept while the process lives."""
    found = kept(studio, row.number, row.iteration)
    if found is None:
        return NOTHING
    name = (studio.settings.project, row.number, row.iteration, found.embedded.shape)
    if name not in _known:
        with studio.database.read() as session:
            members = rounds.members(session, round_id=row.id)
        classes: dict[str, list[int]] = {}
        for member in members:
            if member.role == "labelled" and member.label and member.clip_id in found.places:
                classes.setdefault(member.label, []).append(member.clip_id)
        _known[name] = _measure(found, classes, seed=row.number)
    return _known[name]


def _measure(found: Kept, classes: Mapping[str, Sequence[int]], seed: int) -> PairDistances:
    chance = np.random.default_rng(seed)
    same, local = _aligned(found, _same(classes, chance))
    other, _ = _aligned(found, _different(classes, chance))
    quantiles = np.quantile(local, np.linspace(0, 1, LEVELS)) if len(local) else local
    return PairDistances(
        *(tuple(np.round(values, 6).tolist()) for values in (np.sort(same), np.sort(other), quantiles))
    )


def _aligned(found: Kept, pairs: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Distances of pairs, and the costs of all cells of their paths."""
    if not pairs:
        return np.empty(0), np.empty(0)
    ones, others = zip(*pairs, strict=True)
    aligned = pair_alignment.align(pair_alignment.cosine_costs(found.of(ones), found.of(others)))
    return aligned.distances, aligned.costs[aligned.on_path]


def _same(classes: Mapping[str, Sequence[int]], chance: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of one class: all of them, or PAIRS drawn with every class as likely as another."""
    usable = [ids for ids in classes.values() if len(ids) > 1]
    if sum(len(ids) * (len(ids) - 1) // 2 for ids in usable) <= PAIRS:
        return [(one, other) for ids in usable for place, one in enumerate(ids) for other in ids[place + 1 :]]
    drawn = set()
    for place in chance.integers(len(usable), size=2 * PAIRS):
        one, other = sorted(chance.choice(usable[place], 2, replace=False).tolist())
        drawn.add((one, other))
        if len(drawn) == PAIRS:
            break
    return sorted(drawn)


def _different(classes: Mapping[str, Sequence[int]], chance: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of different classes, at most PAIRS."""
    listed = list(classes.values())
    if len(listed) < 2:
        return []
    drawn: set[tuple[int, int]] = set()
    for _ in range(2 * PAIRS):
        places = chance.choice(len(listed), 2, replace=False)
        one, other = sorted(int(chance.choice(listed[place])) for place in places)
        drawn.add((one, other))
        if len(drawn) == PAIRS:
            break
    return sorted(drawn)
