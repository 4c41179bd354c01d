"""Does an exported model answer as the round's own networks do?"""

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from finepseudo_core.config import RoundConfig
from finepseudo_core.datasets.clip_dataset import WholeClips
from finepseudo_core.datasets.frame_store import FrameStore, open_frame_store
from finepseudo_core.export.manifest import (
    ACTION_GRAPH,
    ACTION_WEIGHTS,
    ALIGNABILITY_GRAPH,
    ALIGNABILITY_WEIGHTS,
    ExportError,
)
from finepseudo_core.export.onnx_graph import open_graph
from finepseudo_core.export.weight_files import read_weights
from finepseudo_core.prediction import Predictor
from finepseudo_core.pseudo_labels.nonparametric_classifier import NonparametricClassifier
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining.models import Finished

CLIPS = 8
ON_CLIPS, ON_RANDOM = "clips", "random input"
TOLERANCE = 1e-4  # of probabilities, of embeddings of length one, and of logits as a share of the largest
ALIGNED_TOLERANCE = 1e-3  # of p_A: f_S and the temperature magnify what embeddings differ by


@dataclass(frozen=True)
class Inputs:
    """What both models look at.

    Args:
        on: "clips" for real ones, "random input" where none could be read.
        action: clips for f_E (N, 3, T, H, W).
        alignability: the same for f_A (N, 3, T', H', W').
        store: frames of the real clips, to answer for them as `Predictor` does; None for random input.
        records: those clips.
    """

    on: str
    action: Tensor
    alignability: Tensor
    store: FrameStore | None = None
    records: tuple[ClipRecord, ...] = ()


@dataclass(frozen=True)
class Difference:
    """Largest absolute difference of one quantity between the round's model and an exported file."""

    file: str
    of: str
    largest: float
    tolerance: float


@dataclass(frozen=True)
class Check:
    """How an exported model compares: on what, on how many clips, and by how much it differs."""

    on: str
    clips: int
    differences: tuple[Difference, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for model.json, with the largest of all differences."""
        return {**asdict(self), "largest_difference": max(part.largest for part in self.differences)}


@contextmanager
def read_inputs(config: RoundConfig, clips: Sequence[Path]) -> Iterator[Inputs]:
    """Input of both encoders from at most CLIPS of these canonical clips, evenly chosen; else at random.

    A clip that can't be read gives way to another. Decoded frames are there until the block ends.
    """
    with tempfile.TemporaryDirectory() as scratch:
        yield _from_clips(config, _spread(clips), Path(scratch)) or _at_random(config)


def _from_clips(config: RoundConfig, paths: Sequence[Path], scratch: Path) -> Inputs | None:
    for start in range(0, len(paths), CLIPS):
        records = [ClipRecord(str(number), path) for number, path in enumerate(paths[start : start + CLIPS])]
        store = open_frame_store(
            records, scratch / str(start),
            size=max(config.action_encoder.size, config.alignability_encoder.size),
            squash=config.fit == "squash", most_bytes=config.cache_bytes,
        )  # fmt: skip
        readable = tuple(record for record in records if record.key in store)
        if readable:
            return Inputs(ON_CLIPS, *_views(config, store, readable), store, readable)
    return None


def _at_random(config: RoundConfig) -> Inputs:
    generator = torch.Generator().manual_seed(config.seed)
    action, alignability = (
        torch.randn(CLIPS, 3, part.frames, part.size, part.size, generator=generator)
        for part in (config.action_encoder, config.alignability_encoder)
    )
    return Inputs(ON_RANDOM, action, alignability)


@torch.no_grad()
def compare(finished: Finished, folder: Path, inputs: Inputs) -> Check:
    """Run the round's networks and the files of `folder` on the same input, and hold them side by side.

    Graphs run on all clips together and on one alone; weights must come back to the last bit; and on real
    clips the networks from the files must label as the round's own do, with every view and exemplar.

    Raises:
        ExportError: a difference is above its tolerance, or an answer is not a number.
    """
    reopened = read_weights(folder, finished.config, finished.classes)
    differences = (
        *_of_graphs(finished, folder, inputs),
        *_of_weights(finished, reopened),
        *_of_answers(finished, reopened, inputs),
    )
    check = Check(inputs.on, len(inputs.action), _by_quantity(differences))
    _refuse(check)
    return check


def _of_graphs(finished: Finished, folder: Path, inputs: Inputs) -> Iterator[Difference]:
    models = finished.models
    logits = torch.cat([models.action(clip) for clip in inputs.action.split(1)])
    embeddings = torch.cat([models.alignability(clip) for clip in inputs.alignability.split(1)])
    if not bool(logits.isfinite().all() and embeddings.isfinite().all()):
        raise ExportError("The round's own model answers with NaN or infinity; export another round.")
    graph = open_graph(folder / ACTION_GRAPH)
    for exported in (graph(inputs.action), torch.cat([graph(clip) for clip in inputs.action.split(1)])):
        yield Difference(
            ACTION_GRAPH, "logits", _largest(exported, logits),
            TOLERANCE * max(1.0, float(logits.abs().max())),
        )  # fmt: skip
        apart = _largest(exported.softmax(1), logits.softmax(1))
        yield Difference(ACTION_GRAPH, "probabilities", apart, TOLERANCE)
    graph = open_graph(folder / ALIGNABILITY_GRAPH)
    for exported in (
        graph(inputs.alignability),
        torch.cat([graph(clip) for clip in inputs.alignability.split(1)]),
    ):
        aligned = _largest(_aligned(finished, exported), _aligned(finished, embeddings))
        yield Difference(ALIGNABILITY_GRAPH, "embeddings", _largest(exported, embeddings), TOLERANCE)
        yield Difference(ALIGNABILITY_GRAPH, "class probabilities", aligned, ALIGNED_TOLERANCE)


def _of_weights(finished: Finished, reopened: Finished) -> Iterator[Difference]:
    ours, theirs = reopened.models, finished.models
    for name, parts in (
        (ACTION_WEIGHTS, ((ours.action, theirs.action),)),
        (ALIGNABILITY_WEIGHTS, ((ours.alignability, theirs.alignability), (ours.score, theirs.score))),
    ):
        largest = max(
            _largest(value, original.state_dict()[key])
            for copied, original in parts
            for key, value in copied.state_dict().items()
        )
        yield Difference(name, "weights", largest, 0.0)
    gallery = _largest(reopened.exemplars.embeddings, finished.exemplars.embeddings)
    yield Difference(ALIGNABILITY_WEIGHTS, "exemplars", gallery, 0.0)


def _of_answers(finished: Finished, reopened: Finished, inputs: Inputs) -> Iterator[Difference]:
    """Of what `Predictor` says of real clips, by every answer that the model has."""
    if inputs.store is None:
        return
    theirs, ours = (
        Predictor(part, device="cpu").all_answers(inputs.store, inputs.records)
        for part in (finished, reopened)
    )
    files = {"f_E": ACTION_WEIGHTS, "f_A": ALIGNABILITY_WEIGHTS}
    for by, expected in theirs.items():
        file = files.get(by, f"{ACTION_WEIGHTS} and {ALIGNABILITY_WEIGHTS}")
        yield Difference(file, f"answers of {by}", _largest(ours[by], expected), TOLERANCE)


def _refuse(check: Check) -> None:
    apart = [part for part in check.differences if not part.largest <= part.tolerance]
    if apart:
        told = "; ".join(
            f"{part.of} of {part.file} by {part.largest:.2g}, more than {part.tolerance:.2g}"
            for part in apart
        )
        raise ExportError(
            f"The exported model does not answer as the round's own does: on {check.clips} {check.on} they "
            f"differ in {told}. Nothing was written. Report the encoders' settings and the versions of "
            "torch and onnxruntime."
        )


def _by_quantity(differences: Sequence[Difference]) -> tuple[Difference, ...]:
    """The largest difference of each quantity."""
    worst: dict[tuple[str, str], Difference] = {}
    for part in differences:
        known = worst.get((part.file, part.of))
        if known is None or math.isnan(part.largest) or part.largest > known.largest:
            worst[part.file, part.of] = part
    return tuple(worst.values())


def _largest(found: Tensor, expected: Tensor) -> float:
    """Largest absolute difference; infinite where the shapes differ."""
    if found.shape != expected.shape:
        return math.inf
    return float((found.double() - expected.double()).abs().max()) if found.numel() else 0.0


def _aligned(finished: Finished, embeddings: Tensor) -> Tensor:
    """p_A (N, K) of clips by their embeddings (Eq. 7-8); NaN where those are no numbers."""
    if not bool(embeddings.isfinite().all()):
        return torch.full((len(embeddings), len(finished.classes)), math.nan)
    classifier = NonparametricClassifier(
        finished.exemplars.embeddings, finished.exemplars.classes, len(finished.classes),
        finished.models.score, gamma=finished.config.alignment.gamma,
        temperature=finished.config.pseudo_labels.temperature,
        distance=finished.config.alignment.distance,
    )  # fmt: skip
    return classifier.predict(embeddings, nearest=0).probabilities


def _spread(clips: Sequence[Path]) -> list[Path]:
    """All clips, CLIPS of them that lie evenly in the list first."""
    step = max(1, len(clips) // CLIPS)
    first = clips[::step][:CLIPS]
    chosen = set(first)
    return [*first, *(clip for clip in clips if clip not in chosen)]


def _views(config: RoundConfig, store: FrameStore, records: Sequence[ClipRecord]) -> tuple[Tensor, Tensor]:
    """The middle view of every clip for f_E, and its frames for f_A."""
    action, alignability = config.action_encoder, config.alignability_encoder
    return (
        _stacked(WholeClips(store, records, action.frames, action.size, stride=action.stride)),
        _stacked(WholeClips(store, records, alignability.frames, alignability.size)),
    )


def _stacked(clips: WholeClips) -> Tensor:
    return torch.cat([clips[number] for number in range(len(clips))])
