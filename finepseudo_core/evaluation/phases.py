"""Class-agnostic evaluation of frame embeddings as CARL: phases, progress, order in time, frame retrieval.

Table 13 of FinePseudo (Dave et al., ECCV 2024) reports phase classification, Kendall's tau and progress on
PennAction, where CARL's code takes every action by itself. `phases_run` is the command.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from finepseudo_core.datasets.phase_annotations import PhaseAnnotation
from finepseudo_core.errors import DatasetError
from finepseudo_core.evaluation.kendalls_tau import kendalls_tau
from finepseudo_core.evaluation.phase_classification import FRACTIONS, draw_clips, phase_accuracy
from finepseudo_core.evaluation.phase_progression import progress, progression_scores
from finepseudo_core.evaluation.retrieval import AT, retrieval_precision
from finepseudo_core.video.sampling import uniform_indices


@dataclass(frozen=True)
class PhaseProtocol:
    """How phases are evaluated.

    Args:
        fractions: shares of the training clips that the phase classifier learns from.
        at: how many frames are retrieved.
        stride: every stride-th frame takes part in Kendall's tau and in retrieval, as in CARL.
        strength: of the phase classifier, C of scikit-learn. CARL leaves it at 1, which is a strong penalty
            where the clips drawn have few frames and embeddings are of length one.
        seed: of the draw of training clips.
    """

    fractions: tuple[float, ...] = FRACTIONS
    at: tuple[int, ...] = AT
    stride: int = 1
    strength: float = 1.0
    seed: int = 0


PROTOCOL = PhaseProtocol()


def evaluate_phases(
    embeddings: Mapping[str, np.ndarray],
    annotations: Mapping[str, PhaseAnnotation],
    held_out: Collection[str],
    *,
    times: Mapping[str, np.ndarray] | None = None,
    protocol: PhaseProtocol = PROTOCOL,
) -> dict[str, float]:
    """All metrics of one set of clips; the order of clips does not matter.

    `phase_accuracy_<fraction>` and `phase_progression` (mean R² over key events) are learnt on the other
    clips and measured on the held-out ones; `kendalls_tau` and `retrieval_ap_<K>` compare held-out clips with
    one another. `phase_majority` is the share of the most frequent phase among held-out frames,
    `kendalls_tau_pairs` the share of the pairs of clips that have a tau: below 1 neighbours have collapsed.
    A metric that can't be computed is absent: progression where clips differ in their sequence of phases, an
    accuracy where the drawn clips show one phase only, tau where no pair has one, retrieval of more frames
    than there are.

    Args:
        embeddings: frame embeddings (T, F) by clip; T may differ.
        annotations: the phases of each of these clips; others are ignored.
        held_out: keys of the clips to measure on, at least two.
        times: frame number (T,) of every embedding; None for `uniform_indices`, which is every frame where
            T is the length of the clip.
        protocol: fractions, Ks, stride and seed.

    Raises:
        DatasetError: a clip has no phases, no clip is left to learn from, fewer than two to measure on, or
            all show the same phase.
        ValueError: embeddings that are not (T, F) of one F, hold values that are not finite, or don't fit
            their times; a held-out clip that has no embeddings.
    """
    clips = _clips(embeddings, annotations, times or {})
    strange = sorted(set(held_out) - embeddings.keys())
    if strange:
        raise ValueError(f"held-out clips without embeddings: {', '.join(strange[:5])}.")
    chosen = set(held_out)
    training = {key: clip for key, clip in clips.items() if key not in chosen}
    tested = [clip for key, clip in clips.items() if key in chosen]
    if not training or len(tested) < 2:
        raise DatasetError(
            f"{len(training)} clips to learn from and {len(tested)} held out; phases need one and two at "
            "least. Annotate more clips, or hold out others."
        )
    shown = np.concatenate([clip.labels for clip in tested])
    counts = np.bincount(shown[shown >= 0])
    if np.count_nonzero(counts) < 2:
        raise DatasetError("the held-out frames show one phase only; annotate clips with two or more.")
    metrics = {"phase_majority": float(counts.max() / counts.sum())}
    for fraction in protocol.fractions:
        drawn = [training[key] for key in draw_clips(training, fraction, protocol.seed)]
        if len(np.setdiff1d(np.concatenate([clip.labels for clip in drawn]), [-1])) > 1:
            metrics[f"phase_accuracy_{fraction:g}"] = phase_accuracy(
                [clip.embeddings for clip in drawn],
                [clip.labels for clip in drawn],
                [clip.embeddings for clip in tested],
                [clip.labels for clip in tested],
                strength=protocol.strength,
            )
    if len({clip.sequence for clip in clips.values()}) == 1 and len(tested[0].sequence) > 1:
        scores = progression_scores(
            [clip.embeddings[clip.labels >= 0] for clip in training.values()],
            [clip.progress[clip.labels >= 0] for clip in training.values()],
            [clip.embeddings[clip.labels >= 0] for clip in tested],
            [clip.progress[clip.labels >= 0] for clip in tested],
        )
        metrics["phase_progression"] = float(scores.mean())
    return metrics | _compare(tested, protocol)


def evaluate_by_class(
    embeddings: Mapping[str, np.ndarray],
    annotations: Mapping[str, PhaseAnnotation],
    held_out: Collection[str],
    classes: Mapping[str, str],
    *,
    times: Mapping[str, np.ndarray] | None = None,
    protocol: PhaseProtocol = PROTOCOL,
) -> dict[str, dict[str, float]]:
    """`evaluate_phases` for the clips of each class by themselves, as CARL does for PennAction's actions.

    Args:
        classes: class of every clip, by key.

    Returns:
        Class -> metrics. A class with no clip to learn from or fewer than two held out is absent.

    Raises:
        DatasetError: a clip has no phases, or no class has enough clips.
        ValueError: as `evaluate_phases`, or a clip has no class.
    """
    without = sorted(embeddings.keys() - classes.keys())
    if without:
        raise ValueError(f"clips without a class: {', '.join(without[:5])}.")
    chosen, found = set(held_out), {}
    for name in sorted({classes[key] for key in embeddings}):
        own = {key: clip for key, clip in embeddings.items() if classes[key] == name}
        tested = chosen & own.keys()
        if len(tested) >= 2 and len(tested) < len(own):
            found[name] = evaluate_phases(own, annotations, tested, times=times, protocol=protocol)
    if not found:
        raise DatasetError(
            "no class has two held-out clips and one to learn from. Annotate more clips of a class."
        )
    return found


def mean_over_classes(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Mean of every metric that all classes have."""
    shared = set.intersection(*(set(found) for found in metrics.values()))
    first = next(iter(metrics.values()))
    return {name: float(np.mean([m[name] for m in metrics.values()])) for name in first if name in shared}


@dataclass(frozen=True)
class _Clip:
    """Frames of a clip: embeddings (T, F), phases (T,), progress towards each key event (T, E)."""

    embeddings: np.ndarray
    labels: np.ndarray
    progress: np.ndarray
    sequence: tuple[str, ...]


def _clips(
    embeddings: Mapping[str, np.ndarray],
    annotations: Mapping[str, PhaseAnnotation],
    times: Mapping[str, np.ndarray],
) -> dict[str, _Clip]:
    """Clips by key, in the order of the keys."""
    missing = sorted(embeddings.keys() - annotations.keys())
    if missing:
        raise DatasetError(f"{', '.join(missing[:5])}: no phases. Annotate them, or leave them out.")
    names = {name for key in embeddings for name in annotations[key].sequence}
    phases, clips, width = sorted(names), {}, None
    for key in sorted(embeddings):
        frames, annotation = np.asarray(embeddings[key]), annotations[key]
        if frames.ndim != 2 or 0 in frames.shape or frames.shape[1] != (width or frames.shape[1]):
            raise ValueError(f"{key}: embeddings have shape {frames.shape}; give (T, F), F like the others.")
        if not np.isfinite(frames).all():
            raise ValueError(
                f"{key}: embeddings hold values that are not finite; look for a diverged encoder."
            )
        width = frames.shape[1]
        at = np.asarray(times.get(key, uniform_indices(annotation.frames, len(frames))))
        if at.shape != (len(frames),):
            raise ValueError(f"{key}: {len(frames)} embeddings, but times of shape {at.shape}.")
        labels = annotation.labels(at, phases)
        towards = progress(at, annotation.key_events, annotation.frames)
        clips[key] = _Clip(frames, labels, towards, annotation.sequence)
    return clips


def _compare(clips: list[_Clip], protocol: PhaseProtocol) -> dict[str, float]:
    """Kendall's tau and retrieval among held-out clips, over the frames that have a phase."""
    chosen = [np.flatnonzero(clip.labels >= 0)[:: protocol.stride] for clip in clips]
    shown = [(clip, places) for clip, places in zip(clips, chosen, strict=True) if len(places)]
    if len(shown) < 2:
        raise DatasetError("fewer than two held-out clips have a frame with a phase. Hold out others.")
    frames = [clip.embeddings[places] for clip, places in shown]
    labels = [clip.labels[places] for clip, places in shown]
    tau = kendalls_tau(frames)
    found = {"kendalls_tau": tau.mean} if tau.pairs else {}
    found["kendalls_tau_pairs"] = tau.pairs / (tau.pairs + tau.without)
    sizes = [len(part) for part in labels]
    at = [count for count in protocol.at if count <= sum(sizes) - max(sizes)]
    precision = retrieval_precision(frames, labels, at=at)
    return found | {f"retrieval_ap_{count}": value for count, value in precision.items()}
