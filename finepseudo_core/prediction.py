"""Labels for new clips by the model of a finished round, with the exemplars that they rest on."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from finepseudo_core.datasets.clip_dataset import WholeClips
from finepseudo_core.datasets.frame_store import FrameStore, open_frame_store
from finepseudo_core.errors import VideoError
from finepseudo_core.evaluation.top1 import averaged_probabilities
from finepseudo_core.pseudo_labels.nonparametric_classifier import NonparametricClassifier
from finepseudo_core.records import ClipRecord, ExemplarMatch, Prediction
from finepseudo_core.selftraining.models import load_finished
from finepseudo_core.video.guard import DecodeGuard
from finepseudo_core.video.sampling import uniform_indices
from finepseudo_core.video.transforms import EvaluationTransform

CLIPS_AT_ONCE = 32
NEAREST = 5


class Predictor:
    """The networks and exemplars of a finished round, ready to label clips.

    Args:
        model: the round's model file.
        sha256: its checksum, if known from elsewhere.
        device: "auto", "cpu" or "cuda".

    Raises:
        CheckpointError: the file is absent, damaged, or older than the exemplars in it.
    """

    def __init__(self, model: Path, *, sha256: str | None = None, device: str = "auto") -> None:
        finished = load_finished(model, sha256=sha256)
        use_cuda = device != "cpu" and torch.cuda.is_available()
        self.device = torch.device("cuda" if use_cuda else "cpu")
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
            ValueError: `by` is none of these, or least is not in [0, 1].
        """
        by = self.config.evaluation.predict if by is None else by
        least = self.config.pseudo_labels.threshold if least is None else least
        if by not in ("f_E", "f_A", "both"):
            raise ValueError(f"by is {by!r}; choose f_E, f_A or both.")
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
                predictions.append(self._describe(path, *found[str(number)], least))
            else:
                predictions.append(Prediction(path, problem=problems[str(number)]))
        return predictions

    @torch.no_grad()
    def _judge(
        self, store: FrameStore, records: Sequence[ClipRecord], by: str
    ) -> list[tuple[np.ndarray, np.ndarray, tuple[ExemplarMatch, ...]]]:
        """Probabilities (K,), S̄ (K,) and nearest exemplars of every clip."""
        if not records:
            return []
        p_alignability, aligned = self.classifier.predict(self._embed(store, records), nearest=NEAREST)
        p = p_alignability
        if by != "f_A":
            config, protocol = self.config.action_encoder, self.config.evaluation
            clips = WholeClips(
                store, records, config.frames, config.size,
                stride=config.stride, views=protocol.clips, crops=protocol.crops,
            )  # fmt: skip
            p_action = averaged_probabilities(self.models.action, clips, range(len(records)), self.device)
            p = p_action if by == "f_E" else (p_action + p_alignability) / 2
        names = [self.classes[number] for number in self.exemplars.classes.tolist()]
        matches = [
            tuple(
                ExemplarMatch(self.exemplars.keys[place], names[place], score)
                for place, score in zip(places, scores, strict=True)
            )
            for places, scores in zip(aligned.nearest.tolist(), aligned.nearest_scores.tolist(), strict=True)
        ]
        return list(zip(p.cpu().numpy(), aligned.scores.cpu().numpy(), matches, strict=True))

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

    def _describe(
        self,
        path: Path,
        probabilities: np.ndarray,
        scores: np.ndarray,
        nearest: tuple[ExemplarMatch, ...],
        least: float,
    ) -> Prediction:
        best = int(probabilities.argmax())
        confidence = float(probabilities[best])
        return Prediction(
            path,
            best=self.classes[best],
            confidence=confidence,
            alignability=float(scores[best]),
            label=self.classes[best] if confidence >= least else None,
            probabilities=dict(zip(self.classes, probabilities.tolist(), strict=True)),
            nearest=nearest,
        )
