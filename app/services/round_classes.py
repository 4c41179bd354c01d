"""The classes of a round as they are meant now: those merged since are one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from db.engine import Session
from db.models import Round
from db.repositories import classes, exemplars


@dataclass(frozen=True)
class RoundClasses:
    """How arrays (..., K) in the order of `rounds.classes` become arrays (..., M) of the classes meant now.

    Args:
        ids: class ids (M,), in the order in which the round first names them.
        places: place in `ids` of each of the round's classes (K,).
        shares: share (K,) of the exemplars of its class that each of the round's classes had; where none
            are known, all count alike.
    """

    ids: tuple[int, ...]
    places: np.ndarray
    shares: np.ndarray

    def summed(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities (..., K) -> (..., M): a clip belongs to a merged class if it does to any part."""
        return self._together(probabilities)

    def averaged(self, scores: np.ndarray) -> np.ndarray:
        """Mean alignability with exemplars (..., K) -> (..., M): the mean over all exemplars of the class."""
        return self._together(scores * self.shares)

    def _together(self, values: np.ndarray) -> np.ndarray:
        if len(self.ids) == len(self.places):
            return values
        folded = np.zeros((*values.shape[:-1], len(self.ids)), values.dtype)
        for place, target in enumerate(self.places.tolist()):
            folded[..., target] += values[..., place]
        return folded


def round_classes(session: Session, row: Round) -> RoundClasses:
    """The classes of a round as they are meant now."""
    meant = classes.merged(session)
    return fold(row.classes, meant, exemplars.sizes(session, round_id=row.id) if meant else {})


def fold(class_ids: list[int], meant: Mapping[int, int], sizes: Mapping[int, int]) -> RoundClasses:
    """Put classes that mean the same together.

    Args:
        class_ids: the round's classes (K,).
        meant: id of a merged class -> id of the class it means.
        sizes: class id as the round knew it -> number of its exemplars.
    """
    targets = [meant.get(class_id, class_id) for class_id in class_ids]
    ids = tuple(dict.fromkeys(targets))
    places = np.array([ids.index(target) for target in targets], int)
    counts = np.array([sizes.get(class_id, 0) for class_id in class_ids], float)
    for place in range(len(ids)):
        if not counts[places == place].any():
            counts[places == place] = 1.0
    totals = np.bincount(places, counts, len(ids)) if len(ids) else np.zeros(0)
    return RoundClasses(ids, places, (counts / totals[places]).astype(np.float32))
