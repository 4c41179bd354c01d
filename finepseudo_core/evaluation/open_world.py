"""Open world: known and novel classes, and how well clips of novel ones are told apart and turned down.

FinePseudo (Dave et al., ECCV 2024), Sec. 4.4 and Supp. E: of Diving48's classes 40 are known and 8 novel; the
unlabelled clips come from all of them.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from finepseudo_core.errors import DatasetError
from finepseudo_core.evaluation.rejection import (
    Interval,
    Rejection,
    auroc,
    auroc_difference,
    false_positive_rate,
    rejection_curve,
)
from finepseudo_core.records import ClipRecord, Proposal


@dataclass(frozen=True)
class ClassDivision:
    """Names of the known classes and of the novel ones, each sorted."""

    known: tuple[str, ...]
    novel: tuple[str, ...]


@dataclass(frozen=True)
class OpenWorldResult:
    """A proposal judged by clips whose class is known to the judge.

    Args:
        known: number of clips of known classes.
        novel: number of clips of novel classes.
        rejection: by score. "confidence" is the highest p_E, "alignability" the highest S̄ (Eq. 7), and
            "combined" the highest mean of p_E and p_A, which θ cuts by default.
        gain: AUROC of alignability minus AUROC of confidence, with its bootstrap interval.
        gain_over_combined: AUROC of alignability minus that of the combined score, the same way.
        known_accepted: share of the known clips whose pseudo-label the strategy accepted.
        novel_accepted: the same of the novel ones; every one of them is an error.
    """

    known: int
    novel: int
    rejection: Mapping[str, Rejection]
    gain: Interval
    gain_over_combined: Interval
    known_accepted: float
    novel_accepted: float


def divide_classes(classes: Iterable[str], novel: int | Collection[str], seed: int = 0) -> ClassDivision:
    """Choose the novel classes: so many, drawn by the seed, or those named.

    A class's place in the draw is the SHA-256 of seed and name: the order of the classes does not matter, and
    fewer novel classes of one seed are among the more.

    Raises:
        ValueError: a name is unknown, or fewer than two known classes or no novel one are left.
    """
    names = sorted(set(classes))
    if isinstance(novel, int):
        order = sorted(names, key=lambda name: hashlib.sha256(json.dumps([seed, name]).encode()).digest())
        chosen = set(order[: max(0, novel)])
    else:
        chosen = set(novel)
    strange = sorted(chosen - set(names))
    if strange or not 1 <= len(chosen) <= len(names) - 2:
        raise ValueError(
            f"novel classes {strange} are not among the {len(names)} classes."
            if strange
            else f"{len(chosen)} novel of {len(names)} classes: leave one novel and two known at least."
        )
    return ClassDivision(tuple(name for name in names if name not in chosen), tuple(sorted(chosen)))


def hide_novel(
    labelled: Iterable[ClipRecord], division: ClassDivision
) -> tuple[tuple[ClipRecord, ...], tuple[ClipRecord, ...]]:
    """Split labelled clips into those of known classes, and those of novel ones with their label taken away.

    Returns:
        (labelled, hidden), each in the given order; hidden clips belong to the unlabelled ones and carry
        their class as `truth`, which only measures.
    """
    known, hidden, novel = [], [], set(division.novel)
    for record in labelled:
        if record.label in novel:
            hidden.append(replace(record, label=None, truth=record.label))
        else:
            known.append(record)
    return tuple(known), tuple(hidden)


def judge_rejection(
    proposal: Proposal, truths: Mapping[str, str], *, draws: int = 2000, seed: int = 0
) -> OpenWorldResult:
    """Rejection curves of confidence, alignability and both, for clips whose class is known to the judge.

    Args:
        proposal: one pass over unlabelled clips.
        truths: key -> class, known or novel; a class that is not among the proposal's is novel. Clips
            without a truth are left out.
        draws: bootstrap samples for the intervals of the gains.
        seed: of these.

    Raises:
        DatasetError: the truths name no clip of a known class, or none of a novel one.
        ValueError: a score is NaN.
    """
    rows = [row for row in proposal.pseudo_labels if row.key in truths]
    is_known = np.array([truths[row.key] in proposal.classes for row in rows], bool)
    if is_known.all() or not is_known.any():
        raise DatasetError(
            f"{int(is_known.sum())} of the {len(rows)} clips with a truth belong to the "
            f"{len(proposal.classes)} known classes; rejection compares known clips with novel ones. "
            "Give the truths of both."
        )
    action = np.stack([row.action_probabilities for row in rows]).astype(np.float64)
    aligned = np.stack([row.alignability_probabilities for row in rows]).astype(np.float64)
    scores = {
        "confidence": action.max(1),
        "alignability": np.stack([row.class_alignabilities for row in rows]).astype(np.float64).max(1),
        "combined": ((action + aligned) / 2).max(1),
    }
    divided = {name: (values[is_known], values[~is_known]) for name, values in scores.items()}
    accepted = np.array([row.accepted for row in rows], bool)

    def gain_over(other: str) -> Interval:
        pairs = divided["alignability"], divided[other]
        known, novel = ([pair[side] for pair in pairs] for side in (0, 1))
        return auroc_difference(known, novel, draws=draws, seed=seed)

    return OpenWorldResult(
        known=int(is_known.sum()),
        novel=int((~is_known).sum()),
        rejection={
            name: Rejection(auroc(*pair), false_positive_rate(*pair), rejection_curve(*pair))
            for name, pair in divided.items()
        },
        gain=gain_over("confidence"),
        gain_over_combined=gain_over("combined"),
        known_accepted=float(accepted[is_known].mean()),
        novel_accepted=float(accepted[~is_known].mean()),
    )
