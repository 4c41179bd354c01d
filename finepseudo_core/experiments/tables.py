"""Which rounds make up a table of the paper, and what the paper found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from finepseudo_core.errors import ConfigError


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


TOP1 = ("f_E", "f_A", "both", "accepted", "precision", "unlabelled, f_E", "unlabelled, f_A")


@dataclass(frozen=True)
class Table:
    """A table of variants.

    Args:
        claim: the two rows whose difference is the claim, better one first.
        columns: what is shown, names in `report.COLUMNS`.
        common: settings of all rows.
        full_size: settings of all rows where the networks are the paper's.
        source: where the paper's numbers come from.
        novel: share of the classes that have no labelled clip and must be turned down (Sec. 4.4).
        phases: measure f_A's frame embeddings by the phases that the folder is annotated with.
    """

    title: str
    rows: tuple[Row, ...]
    claim: tuple[str, str]
    columns: tuple[str, ...] = TOP1
    common: Mapping[str, Any] = field(default_factory=dict)
    full_size: Mapping[str, Any] = field(default_factory=dict)
    source: str = "paper (Diving48, 10 %)"
    novel: float = 0.0
    phases: bool = False


def _strategy(name: str) -> dict[str, Any]:
    return {"pseudo_labels.strategy": name}


def _distance(name: str) -> dict[str, Any]:
    return {"alignment.distance": name}


def _network(name: str, strategy: str) -> dict[str, Any]:
    return {"action_encoder.name": name, "action_encoder.frames": 8, **_strategy(strategy)}


def _method(name: str, **settings: Any) -> dict[str, Any]:
    """Another method. It takes f_E through as many steps of labelled batches as Algorithm 1 does."""
    own = {f"{name}.{setting}": value for setting, value in settings.items()}
    return {"method": name, **_strategy("confidence"), **own}


_ONLY_METRIC_LEARNING = {"self_training.action_epochs": 0, "self_training.iterations": 0}
_ONLY_PRETRAINING = {**_ONLY_METRIC_LEARNING, "self_training.alignability_epochs": 0}

_ALL = Row("FinePseudo", 37.64)
_PL = Row("pseudo-labels of f_E (PL)", 33.40, _strategy("confidence"))
_SUM = {"pseudo_labels.combine": "sum"}
_DETACHED = {"alignment.detach_distance": True}
_PER_FRAME = {**_DETACHED, "alignment.normalise_triplet": True}
_DISTILLED = {"self_training.soft_labels": True, "pseudo_labels.threshold": 0.0}
_UNLEARNT = {"alignment.learnt_score": False, "alignment.score": False}

TABLES: dict[str, Table] = {
    "1": Table(
        "Table 1: methods",
        (
            Row("supervised, equal steps", None, _strategy("none")),
            _PL,
            Row("UPS", 33.58, _strategy("uncertainty")),
            Row("FixMatch", None, _method("fixmatch", unlabelled_ratio=1)),
            Row("TimeBalance", 33.7, _method("timebalance", unlabelled_ratio=1)),
            _ALL,
        ),
        ("FinePseudo", "pseudo-labels of f_E (PL)"),
    ),
    "3": Table(
        "Table 3: 3D-ResNets",
        (
            Row("3D-ResNet-18, supervised", None, _network("r3d_18", "none")),
            Row("3D-ResNet-18, PL", None, _network("r3d_18", "confidence")),
            Row("3D-ResNet-18, FinePseudo", 56.1, _network("r3d_18", "collaborative")),
            Row("3D-ResNet-50, supervised", None, _network("r3d_50", "none")),
            Row("3D-ResNet-50, PL", None, _network("r3d_50", "confidence")),
            Row("3D-ResNet-50, FinePseudo", 62.6, _network("r3d_50", "collaborative")),
        ),
        ("3D-ResNet-18, FinePseudo", "3D-ResNet-18, PL"),
        full_size={"action_encoder.size": 224},
        source="paper (Kinetics-400, 10 %)",
    ),
    "4": Table(
        "Table 4: open world, one class in six is novel",
        (Row("supervised, equal steps", None, _strategy("none")), _PL, Row("FinePseudo", None)),
        ("FinePseudo", "pseudo-labels of f_E (PL)"),
        (*TOP1[:4], "novel accepted", "AUROC confidence", "AUROC alignability", "AUROC combined"),
        source="paper",
        novel=1 / 6,
    ),
    "5": Table(
        "Table 5: what each part adds",
        (
            Row("labels of people alone", 33.10, _strategy("none")),
            _PL,
            Row("pseudo-labels of f_A alone", 32.82, _strategy("alignability")),  # there f_A's own accuracy
            Row("both, no metric learning", 33.50, {**_UNLEARNT, "alignment.triplet": False}),
            # The heads of its columns are lost; by its text (Sec. 4.5) the triplet is worth more.
            Row("L_AT only", 36.11, _UNLEARNT),
            Row("L_score only", 33.73, {"alignment.triplet": False}),
            Row("without GITDL", 35.23, {"pretraining.epochs": 0}),
            _ALL,
            Row("L_score trains f_S alone", None, _DETACHED),
            Row("the same, and a margin per frame", None, _PER_FRAME),
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
            Row("collaborative, sum for mean", None, _SUM),
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
    "8": Table(
        "Table 8: distances, by verification after metric learning",
        (
            Row("cosine, pooled", None, _distance("cosine_pooled")),
            Row("cosine, frame by frame", None, _distance("cosine_unpooled")),
            Row("DTW with relaxed boundaries (OTAM)", None, _distance("otam")),
            Row("hard DTW", None, _distance("dtw")),
            Row("soft-DTW", None),
        ),
        ("soft-DTW", "cosine, frame by frame"),
        ("verification AP", "f_A", "unlabelled, f_A"),
        _ONLY_METRIC_LEARNING,
        source="paper",
    ),
    "9": Table(
        "Table 9: the Gaussian of GITDL",
        (Row("without Gaussian", 35.42, {"pretraining.gaussian": False}), Row("with Gaussian", 37.64)),
        ("with Gaussian", "without Gaussian"),
    ),
    "13": Table(
        "Table 13: phases, order and progress after pretraining",
        (
            Row("not trained", None, {"pretraining.epochs": 0}),
            Row("CARL", 93.1, {"pretraining.objective": "carl"}),
            Row("GITDL without Gaussian", 88.0, {"pretraining.gaussian": False}),
            Row("GITDL", 93.2),
        ),
        ("GITDL", "GITDL without Gaussian"),
        ("phase", "progress", "tau", "phase, clock", "progress, clock", "tau, clock"),
        _ONLY_PRETRAINING,
        source="paper (PennAction, phase)",
        phases=True,
    ),
    "15": Table(
        "Table 15: pretraining of f_A",
        (Row("CARL", 36.2, {"pretraining.objective": "carl"}), Row("GITDL", 37.64)),
        ("GITDL", "CARL"),
    ),
    "remedies": Table(
        "Remedies, one at a time",
        (
            Row("as it is", None),
            Row("strong views", None, {"action_encoder.augmentation": "strong"}),
            Row("temperature 0.1, the paper's", None, {"pseudo_labels.temperature": 0.1}),
            Row("temperature 0.01", None, {"pseudo_labels.temperature": 0.01}),
            Row("sum of both", None, _SUM),  # as a threshold of 0.3
            Row("threshold 0.4", None, {"pseudo_labels.threshold": 0.4}),
            Row("every label", None, {"pseudo_labels.threshold": 0.0}),
            Row(
                "f_E's own, threshold 0.3", None, {**_strategy("confidence"), "pseudo_labels.threshold": 0.3}
            ),
            Row("threshold 0.8", None, {"pseudo_labels.threshold": 0.8}),
            Row("labels weigh half", None, {"self_training.pseudo_label_weight": 0.5}),
            Row("probabilities for labels", None, {"self_training.soft_labels": True}),
            Row("probabilities of all clips", None, _DISTILLED),
            Row("f_A's probabilities of all clips", None, {**_strategy("alignability"), **_DISTILLED}),
            Row("twice the steps", None, {"self_training.epochs": 4}),
            Row("half a batch from people", None, {"self_training.labelled_share": 0.5}),
            Row("labels stay", None, {"self_training.keep_pseudo_labels": True}),
            Row("four short iterations", None, {"self_training.iterations": 4, "self_training.epochs": 1}),
            Row("f_E restarts", None, {"self_training.restart": True}),
            Row("exemplars anew", None, {"pseudo_labels.redraw_exemplars": True}),
            Row("accepted clips among exemplars", None, {"pseudo_labels.exemplars_from": "accepted"}),
            Row("eight clips of a class", None, {"self_training.clips_per_class": 8}),
            Row("margin 0.3", None, {"alignment.margin": 0.3}),
            Row("triplet on D/T", None, {"alignment.normalise_triplet": True}),
            Row("score keeps off f_A", None, _DETACHED),
            Row("the same, and a margin per frame", None, _PER_FRAME),
            Row("score of triplets' pairs", None, {"alignment.score_pairs": "triplet"}),
            Row("f_S falls with D", None, {"alignment.monotone": True}),
            Row("D not standardised", None, {"alignment.standardise_distance": False}),
        ),
        ("strong views", "as it is"),
        (*TOP1, "verification AP"),
        source="paper",
    ),
}

# Where rounds of a CPU start from, by scale and data. An epoch has as many steps as all clips of lips make or
# nearly, however many labels a variant accepts: every row of a table trains for equally many.
_LARGE = {
    "alignment.detach_distance": False,  # the paper's, which a row of Table 5 and of the remedies changes
    "self_training.least_steps": 32,
    "self_training.alignability_epochs": 10,
    "self_training.action_epochs": 10,
    "self_training.iterations": 2,
    "self_training.epochs": 5,
    "checkpoint_seconds": 120.0,
}
_SMALL = {
    **_LARGE,
    "self_training.least_steps": 34,
    "self_training.alignability_epochs": 5,
    "self_training.action_epochs": 5,
    "self_training.epochs": 2,
    "pretraining.epochs": 5,
    "optimizer.learning_rate": 3e-3,
    "action_encoder.width": 8,
    "action_encoder.size": 32,
    "alignability_encoder.size": 32,
}
SCALES: dict[str, dict[str, dict[str, Any]]] = {
    "small": {
        "lips": {**_SMALL, "alignability_encoder.frames": 12},
        "penn_motion": {**_SMALL, "optimizer.learning_rate": 1.5e-3},
        "dives": {**_SMALL, "pretraining.epochs": 12, "optimizer.learning_rate": 1.5e-3},
        "": _SMALL,
    },
    "large": {
        "lips": {**_LARGE, "alignability_encoder.frames": 16, "pretraining.epochs": 5},
        "penn_motion": {**_LARGE, "pretraining.epochs": 5},
        "": _LARGE,
    },
    # cpu-demo as the studio starts it: the score loss keeps off f_A in every row, and their steps differ
    "unchanged": {"": {}},
}


def rows_of(tables: Sequence[Table], names: Sequence[str] | None) -> list[tuple[Row, ...]]:
    """For each of some tables its rows of these names, all of them for None.

    Raises:
        ConfigError: no table has a row of that name.
    """
    known = dict.fromkeys(row.name for table in tables for row in table.rows)
    strange = [name for name in names or () if name not in known]
    if strange:
        titles = ", ".join(table.title for table in tables)
        raise ConfigError(f"{titles} has no row {strange[0]!r}; choose of {', '.join(known)}.")
    return [tuple(row for row in table.rows if names is None or row.name in names) for table in tables]


def settings_of(scale: str, data: str) -> Mapping[str, Any]:
    """Settings of all rows at a scale, for the clips of a folder of this name."""
    known = SCALES[scale]
    return known.get(data, known[""])
