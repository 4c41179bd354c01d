"""How well the clips of each class align with the exemplars of each class, as a round measured it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.services.round_classes import round_classes
from app.services.studio import Studio
from db.repositories import class_counts, classes, rounds, verdicts

ALIGNED = "finepseudo"  # the method that learns alignability


@dataclass(frozen=True, eq=False)
class Alignabilities:
    """Mean S̄ (Eq. 7) over the clips of a class.

    Args:
        round_number: the round that measured it.
        class_ids: the classes that stand (M,), in their order.
        scores: (M, M), rows the class of the clips, columns that of the exemplars; NaN where not measured.
        clips: int (M,), clips behind each row.
    """

    round_number: int
    class_ids: tuple[int, ...]
    scores: np.ndarray
    clips: np.ndarray

    def own(self, class_id: int) -> float | None:
        """Alignability of a class with itself, None where it was not measured."""
        place = self.class_ids.index(class_id)
        value = float(self.scores[place, place])
        return None if np.isnan(value) else value

    def rivals(self, class_id: int, most: int = 3) -> tuple[tuple[int, float], ...]:
        """The other classes whose exemplars its clips align with best: (class id, mean S̄), best first."""
        place = self.class_ids.index(class_id)
        row = self.scores[place].copy()
        row[place] = np.nan
        order = np.argsort(-np.nan_to_num(row, nan=-1.0), kind="stable")
        measured = [at for at in order.tolist() if not np.isnan(row[at])]
        return tuple((self.class_ids[at], float(row[at])) for at in measured[:most])


def alignabilities(studio: Studio) -> Alignabilities | None:
    """What the round under review measured; None before there is one, or where it learns no alignability.

    Measured on the clips that the round proposed a label for and whose class is known by now: people have
    labelled them since, or the proposal was accepted and stands undecided. Labelled clips that the round
    learned from are not among them.
    """
    with studio.database.read() as session:
        row = rounds.under_review(session)
        if row is None or row.config.get("method", ALIGNED) != ALIGNED:
            return None
        state = (row.id, row.iteration, verdicts.last_id(session), classes.newest_event(session))
        standing = tuple(one.id for one in classes.listing(session))
    return _measure(studio, state, standing)


@lru_cache(maxsize=4)
def _measure(studio: Studio, state: tuple[int, ...], standing: tuple[int, ...]) -> Alignabilities:
    """`state` names what the answer depends on, so that nothing old is ever given."""
    with studio.database.read() as session:
        row = rounds.get(session, round_id=state[0])
        assert row is not None  # the caller has it
        known, meant = round_classes(session, row), classes.merged(session)
        found = class_counts.scores(session, row=row)
    place = {class_id: at for at, class_id in enumerate(standing)}
    own = [meant.get(one.class_id, one.class_id) for one in found]
    size = len(row.classes)
    packed = np.frombuffer(b"".join(one.class_alignabilities for one in found), "<f4").reshape(-1, size)
    sums, clips = np.zeros((len(standing), size)), np.zeros(len(standing), int)
    rows = np.array([place[class_id] for class_id in own], int)
    np.add.at(sums, rows, packed)
    np.add.at(clips, rows, 1)
    means = known.averaged(sums / np.maximum(clips, 1)[:, None])
    scores = np.full((len(standing), len(standing)), np.nan)
    for at, class_id in enumerate(known.ids):
        if class_id in place:
            scores[:, place[class_id]] = means[:, at]
    scores[clips == 0] = np.nan
    return Alignabilities(row.number, standing, scores, clips)


def beside_rivals(scores: np.ndarray) -> list[int]:
    """An order of the classes (M,) in which those that align with each other stand side by side.

    Each next class is the one that aligns best with the last, both ways together; a class without any
    measurement comes at the end.

    Args:
        scores: (M, M) with NaN where not measured.
    """
    likeness = np.nan_to_num(scores, nan=-1.0)
    likeness = likeness + likeness.T
    np.fill_diagonal(likeness, -np.inf)
    waiting = list(range(len(scores)))
    if len(waiting) < 3:
        return waiting
    chain = [int(np.unravel_index(likeness.argmax(), likeness.shape)[0])]
    waiting.remove(chain[0])
    while waiting:
        chain.append(max(waiting, key=lambda other: (likeness[chain[-1], other], -other)))
        waiting.remove(chain[-1])
    return chain
