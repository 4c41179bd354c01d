"""Which rounds make up a table of the paper, and what the paper found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One variant of a table.

    Args:
        name: how the paper calls it.
        paper: top-1 on Diving48 with 10 % of the labels, in percent; None where the paper has none.
        changes: dotted names of settings that make the variant.
    """

    name: str
    paper: float | None
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table: its variants, and the two whose difference is the claim, better one first."""

    title: str
    rows: tuple[Row, ...]
    claim: tuple[str, str]


def _strategy(name: str) -> dict[str, Any]:
    return {"pseudo_labels.strategy": name}


_ALL = Row("FinePseudo", 37.64)
_PL = Row("pseudo-labels of f_E (PL)", 33.40, _strategy("confidence"))
_UNLEARNT = {"alignment.learnt_score": False, "alignment.score": False}

TABLES: dict[str, Table] = {
    "1": Table(
        "Table 1: methods",
        (
            Row("supervised, equal steps", None, _strategy("none")),
            _PL,
            Row("UPS", 33.58, _strategy("uncertainty")),
            _ALL,
        ),
        ("FinePseudo", "pseudo-labels of f_E (PL)"),
    ),
    "5": Table(
        "Table 5: what each part adds",
        (
            _PL,
            Row("pseudo-labels of f_A alone", 32.82, _strategy("alignability")),
            Row("both, no metric learning", 33.50, {**_UNLEARNT, "alignment.triplet": False}),
            Row("L_AT only", 33.73, _UNLEARNT),
            Row("L_score only", 36.11, {"alignment.triplet": False}),
            Row("without GITDL", 35.23, {"pretraining.epochs": 0}),
            _ALL,
        ),
        ("FinePseudo", "without GITDL"),
    ),
    "6": Table(
        "Table 6: pseudo-label strategies",
        (
            _PL,
            Row("uncertainty-aware", 33.58, _strategy("uncertainty")),
            Row("label verification", 37.09, _strategy("verification")),
            Row("collaborative", 37.64),
        ),
        ("collaborative", "pseudo-labels of f_E (PL)"),
    ),
    "7": Table(
        "Table 7: negatives of the triplet loss",
        (
            Row("all", 36.16, {"alignment.mining": "all"}),
            Row("hard", 37.64),
            Row("hardest", 37.20, {"alignment.mining": "hardest"}),
        ),
        ("hard", "all"),
    ),
    "9": Table(
        "Table 9: the Gaussian of GITDL",
        (Row("without Gaussian", 35.42, {"pretraining.gaussian": False}), Row("with Gaussian", 37.64)),
        ("with Gaussian", "without Gaussian"),
    ),
}

# Where rounds of a CPU start from. An epoch has 32 steps however many labels a variant accepts, so that every
# row of a table trains for equally many.
_CPU = {
    "self_training.least_steps": 32,
    "self_training.alignability_epochs": 10,
    "self_training.action_epochs": 10,
    "self_training.iterations": 2,
    "self_training.epochs": 5,
    "checkpoint_seconds": 120.0,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "lips": {**_CPU, "alignability_encoder.frames": 16, "pretraining.epochs": 5},
    "penn_motion": {**_CPU, "pretraining.epochs": 5},
    "skateboard": {**_CPU, "pretraining.epochs": 8},
    "": _CPU,
}
