"""Labels for new clips by the model of a finished round, with the exemplars that they rest on."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from finepseudo_core.datasets.clip_dataset import WholeClips
from finepseudo_core.datasets.frame_store import FrameStore, open_frame_store
from finepseudo_core.errors import CheckpointError, VideoError
from finepseudo_core.evaluation.top1 import averaged_probabilities
from finepseudo_core.export.weight_files import open_bundle
from finepseudo_core.pseudo_labels.nonparametric_classifier import ClassPrediction, NonparametricClassifier
from finepseudo_core.records import ClipRecord, ExemplarMatch, Prediction
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.models import Finished, load_finished
from finepseudo_core.video.guard import DecodeGuard
from finepseudo_core.video.sampling import uniform_indices
from finepseudo_core.video.transforms import EvaluationTransform

CLIPS_AT_ONCE = 32
NEAREST = 5
ANSWERS = ("f_E", "f_A", "both")


class Judgement(NamedTuple):
    """Probabilities (K,) of a clip; its S̄ (K,) and nearest exemplars, absent without a trained f_A."""

    probabilities: np.ndarray
    alignabilities: np.ndarray | None = None
    nearest: tuple[ExemplarMatch, ...] = ()


class Predictor:
    """The networks and exemplars of a finished round, ready to label clips.

    Methods that train f_E alone have no evidence of alignment: their predictions come without alignability
    and without nearest exemplars.

    Args:
        model: the round's model file, or what was loaded from it; `from_bundle` opens an exported model.
        sha256: its checksum, if known from elsewhere.
        device: "auto", "cpu" or "cuda".

    Raises:
        CheckpointError: the file is absent, damaged, older than the exemplars in it, or not finite.
        ValueError: the device is "cuda" where torch finds none.
    """

    def __init__(self, model: Path | Finished, *, sha256: str | None = None, device: str = "auto") -> None:
        finished = model if isinstance(model, Finished) else load_finished(model, sha256=sha256)
        self.device = distributed.device(device)
        self.models, self.config = finished.models.to(self.device), finished.config
        self.classes, self.exemplars = finished.classes, finished.exemplars
        self.classifier = NonparametricClassifier(
            self.exemplars.embeddings.to(self.device),
            self.exemplars.classes.to(self.device),
            len(self.classes),
            self.models.score,
            gamma=self.config.alignment.gamma,
            temperature=self.config.pseudo_labels.temperature,
            distance=self.config.alignment.distance,
        )

    @classmethod
    def from_bundle(cls, folder: Path, *, device: str = "auto") -> "Predictor":
        """The same from the folder of an exported model, whose files are checked against model.json.

        Raises:
            ExportError: a file is missing, differs from its checksum, or can't be read.
            ValueError: the device is "cuda" where torch finds none.
        """
        return cls(open_bundle(folder), device=device)

    def predict(
        self, paths: Sequence[Path], *, by: str | None = None, least: float | None = None
    ) -> Iterator[Prediction]:
        """One prediction for every file, in order; files that can't be read say why.

        Each file is brought into canonical form first, as an import does, in a guarded child process.

        Args:
            paths: video files.
            by: whose answer it is: "f_E", "f_A" or "both"; the round's `evaluation.predict` by default.
            least: least confidence of a label; the round's θ by default. 0 labels every clip.

        Raises:
            ValueError: `by` is none of these or asks for an f_A that was not trained, or least is not in
                [0, 1].
            CheckpointError: a network answers with NaN or infinity.
        """
        by = self.config.evaluation.predict if by is None else by
        least = self.config.pseudo_labels.threshold if least is None else least
        if by not in ANSWERS:
            raise ValueError(f"by is {by!r}; choose f_E, f_A or both.")
        if by not in self.answers:
            raise ValueError(
                f"by is {by!r}, but the method {self.config.method} trains f_E alone: f_A can't answer. "
                "Choose f_E, or a round of the method finepseudo."
            )
        if not 0 <= least <= 1:
            raise ValueError(f"least is {least!r}; a confidence lies between 0 and 1.")
        for start in range(0, len(paths), CLIPS_AT_ONCE):
            with tempfile.TemporaryDirectory() as scratch:
                yield from self._predict(paths[start : start + CLIPS_AT_ONCE], by, least, Path(scratch))

    def _predict(self, paths: Sequence[Path], by: str, least: float, scratch: Path) -> list[Prediction]:
        problems: dict[str, str] = {}
        records = []
        with DecodeGuard() as guard:
            for number, path in enumerate(paths):
                canonical = scratch / f"{number}.mp4"
                try:
                    guard.call("make_canonical", path, canonical)
                    records.append(ClipRecord(str(number), canonical))
                except (VideoError, OSError) as error:
                    problems[str(number)] = str(error)
        store = open_frame_store(
            records,
            scratch / "frames",
            size=max(self.config.action_encoder.size, self.config.alignability_encoder.size),
            squash=self.config.fit == "squash",
            most_bytes=self.config.cache_bytes,
            leave_out=problems.__setitem__,
        )
        readable = [record for record in records if record.key in store]
        found = dict(zip((record.key for record in readable), self._judge(store, readable, by), strict=True))
        predictions = []
        for number, path in enumerate(paths):
            if str(number) in found:
                predictions.append(self._describe(path, found[str(number)], least))
            else:
                predictions.append(Prediction(path, problem=problems[str(number)]))
        return predictions

    @property
    def answers(self) -> tuple[str, ...]:
        """Whose answers this model has: "f_E" always, "f_A" and "both" where its method trains f_A."""
        return ANSWERS if self.config.trains_alignability else ANSWERS[:1]

    @torch.no_grad()
    def probabilities_of_f_e(self, store: FrameStore, records: Sequence[ClipRecord]) -> Tensor:
        """p_E (N, K), the mean over the views of the test protocol."""
        config, protocol = self.config.action_encoder, self.config.evaluation
        clips = WholeClips(
            store, records, config.frames, config.size,
            stride=config.stride, views=protocol.clips, crops=protocol.crops,
        )  # fmt: skip
        return averaged_probabilities(self.models.action, clips, range(len(records)), self.device)

    @torch.no_grad()
    def prediction_of_f_a(self, store: FrameStore, records: Sequence[ClipRecord]) -> ClassPrediction:
        """p_A (N, K), S̄ (N, K) and the nearest exemplars of every clip."""
        return self.classifier.predict(self._embed(store, records), nearest=NEAREST)

    def all_answers(self, store: FrameStore, records: Sequence[ClipRecord]) -> dict[str, Tensor]:
        """p (N, K) of decoded clips by whose answer it is, of those that this model has."""
        found = {"f_E": self.probabilities_of_f_e(store, records)}
        if "f_A" in self.answers:
            found["f_A"] = self.prediction_of_f_a(store, records).probabilities
            found["both"] = (found["f_E"] + found["f_A"]) / 2
        return found

    def _judge(self, store: FrameStore, records: Sequence[ClipRecord], by: str) -> list[Judgement]:
        if not records:
            return []
        found = self.prediction_of_f_a(store, records) if "f_A" in self.answers else None
        if found is not None and by == "f_A":
            p = found.probabilities
        else:
            p = self.probabilities_of_f_e(store, records)
            if found is not None and by == "both":
                p = (p + found.probabilities) / 2
        if not bool(p.isfinite().all()):
            raise CheckpointError("The model answers with NaN or infinity; use another round.")
        if found is None:
            return [Judgement(row) for row in p.cpu().numpy()]
        aligned = found.alignability
        names = [self.classes[number] for number in self.exemplars.classes.tolist()]
        matches = [
            tuple(
                ExemplarMatch(self.exemplars.keys[place], names[place], score)
                for place, score in zip(places, scores, strict=True)
            )
            for places, scores in zip(aligned.nearest.tolist(), aligned.nearest_scores.tolist(), strict=True)
        ]
        rows = zip(p.cpu().numpy(), aligned.scores.cpu().numpy(), matches, strict=True)
        return [Judgement(*row) for row in rows]

    def _embed(self, store: FrameStore, records: Sequence[ClipRecord]) -> Tensor:
        """Frame embeddings (N, T, F), as a round's gallery is embedded."""
        encoder, transform = (
            self.models.alignability,
            EvaluationTransform(self.config.alignability_encoder.size),
        )
        features = []
        for record in records:
            times = uniform_indices(store.frames(record.key), encoder.frames)
            clip = transform(store.read(record.key, times))[0]
            features.append(encoder.image_features(clip[None].to(self.device))[0])
        return encoder.embed(torch.stack(features))

    def _describe(self, path: Path, judged: Judgement, least: float) -> Prediction:
        best = int(judged.probabilities.argmax())
        confidence = float(judged.probabilities[best])
        return Prediction(
            path,
            best=self.classes[best],
            confidence=confidence,
            alignability=None if judged.alignabilities is None else float(judged.alignabilities[best]),
            label=self.classes[best] if confidence >= least else None,
            probabilities=dict(zip(self.classes, judged.probabilities.tolist(), strict=True)),
            nearest=judged.nearest,
        )
