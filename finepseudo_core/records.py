"""What travels between the core and whoever calls it: plain values, no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class ClipRecord:
    """One clip of a dataset.

    Args:
        key: unique name within the dataset, stable over rounds.
        path: video file that decord opens.
        label: class name used for training, None where unlabelled.
        truth: class name known for measurement only; never read by training.
        weight: weight of the label in the losses, in [0, 1]; 1 for a human label. A clip of weight 0 gets a
            pseudo-label but never trains with it: people have turned one down.
        probabilities: of every class (K,), which f_E learns in place of the label alone; empty for the label.
    """

    key: str
    path: Path
    label: str | None = None
    truth: str | None = None
    weight: float = 1.0
    probabilities: tuple[float, ...] = ()


@dataclass(frozen=True)
class ExemplarMatch:
    """A labelled clip next to an unlabelled one, and how well the two align (score in [0, 1])."""

    key: str
    label: str
    alignability: float


@dataclass(frozen=True)
class PseudoLabel:
    """What a round proposes for one unlabelled clip. Arrays are float32 (K,), in the order of the classes.

    Args:
        label: class with the highest combined probability.
        confidence: that probability, in [0, 1].
        alignability: mean alignability score of the clip with that class's exemplars (Eq. 7), in [0, 1].
        accepted: True where the strategy lets the label into training.
        action_probabilities: p_E of the action encoder.
        alignability_probabilities: p_A of the non-parametric classifier (Eq. 8).
        probabilities: the combination the strategy decided on.
        class_alignabilities: S̄_c for every class (Eq. 7).
        nearest: the most alignable labelled clips of any class, best first, at most five.
    """

    key: str
    label: str
    confidence: float
    alignability: float
    accepted: bool
    action_probabilities: np.ndarray
    alignability_probabilities: np.ndarray
    probabilities: np.ndarray
    class_alignabilities: np.ndarray
    nearest: tuple[ExemplarMatch, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """One pass over the unlabelled clips: pseudo-labels, and the gallery they were compared with.

    Args:
        iteration: 0 for the pass before any self-training.
        classes: class names, the order of every (K,) array.
        exemplars: class name -> keys of its exemplars this round.
    """

    iteration: int
    classes: tuple[str, ...]
    exemplars: Mapping[str, tuple[str, ...]]
    pseudo_labels: tuple[PseudoLabel, ...]

    @property
    def accepted(self) -> tuple[PseudoLabel, ...]:
        """The pseudo-labels that the strategy lets into training."""
        return tuple(label for label in self.pseudo_labels if label.accepted)


@dataclass(frozen=True)
class RoundResult:
    """What a finished round leaves behind.

    Args:
        proposal: the last pass, made with the final encoders.
        metrics: name -> value; a metric that can't be computed is absent.
        model: file holding both encoders, f_S, the classes and the config.
        model_sha256: checksum of its content, which `checkpoint.load` compares.
        tested: key of a test clip -> the class that f_E says.
        embeddings: array name -> `.npy` file of frame embeddings, float16, for pair evidence.
    """

    proposal: Proposal
    metrics: Mapping[str, float]
    model: Path
    model_sha256: str
    embeddings: Mapping[str, Path] = field(default_factory=dict)
    tested: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Prediction:
    """What a model says about one clip.

    Args:
        path: the file.
        best: the likeliest class; None where the clip can't be read.
        confidence: its probability, in [0, 1].
        alignability: mean alignability of the clip with that class's exemplars, in [0, 1]; None where the
            clip can't be read, or the model's method does not train f_A.
        label: `best`, or None for "none of these": its confidence is below the threshold asked for.
        probabilities: class name -> probability.
        nearest: the most alignable exemplars of any class, best first; none without a trained f_A.
        problem: why the clip can't be read, else None.
    """

    path: Path
    best: str | None = None
    confidence: float = 0.0
    alignability: float | None = None
    label: str | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)
    nearest: tuple[ExemplarMatch, ...] = ()
    problem: str | None = None
