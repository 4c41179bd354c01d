"""A folder of clips with phases, embedded by a finished round's f_A, training and held-out ones."""

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from finepseudo_core.datasets.dataset import Dataset
from finepseudo_core.datasets.frame_store import open_frame_store
from finepseudo_core.datasets.phase_annotations import PhaseAnnotation
from finepseudo_core.errors import DatasetError
from finepseudo_core.evaluation.annotated_clips import held_out, read_annotated
from finepseudo_core.evaluation.frame_embeddings import embed_frames
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining.models import load_models


@dataclass(frozen=True)
class EmbeddedFolder:
    """What is known about the usable clips, by key.

    Args:
        embeddings: float32 (T, F).
        times: frame numbers (T,) of the embeddings.
        windows: first frame of the part that was looked at, and the frame it ends before.
        phases: annotations, at least of these clips.
        labels: classes of those that have one.
        held_out: keys of the clips to measure on.
        left_out: why other clips are not among them.
        frames: T that the encoder was trained with.
    """

    embeddings: dict[str, np.ndarray]
    times: dict[str, np.ndarray]
    windows: dict[str, tuple[int, int]]
    phases: dict[str, PhaseAnnotation]
    labels: dict[str, str]
    held_out: frozenset[str]
    left_out: dict[str, str]
    frames: int


def embed_folder(
    model: Path,
    data: Dataset,
    *,
    every_frame: bool = False,
    trim: float = 0.0,
    seed: int = 0,
) -> EmbeddedFolder:
    """Embed every clip that has phases, as the round would.

    Held out are the clips of the split "test"; where the list has none, a fifth of the clips by the seed.
    Clips that are missing, without phases, undecodable, or of another length than their phases are left out
    with a reason; parts of longer videos are cut out.

    Args:
        model: model file of a finished round.
        data: the clips, as `annotated_clips.read_annotated` takes them.
        every_frame: embed all frames of a clip at once in place of the T of training.
        trim: largest share of a clip cut off at either end, each drawn anew for every clip; in [0, 0.5).
            Trimmed clips begin and end at any moment, so the place of a frame does not give its phase away.
        seed: of the trimming, and of the division where the list has no split.

    Raises:
        CheckpointError: the model can't be read.
        DatasetError: the list or the phases can't be read, the annotation tells none, or no clip is left.
        ValueError: there is no such format or part, or trim is out of its range.
    """
    if not 0 <= trim < 0.5:
        raise ValueError(f"trim {trim} must lie in [0, 0.5).")
    models, config, _ = load_models(model)
    device = torch.device("cuda" if config.device != "cpu" and torch.cuda.is_available() else "cpu")
    encoder, size = models.alignability.to(device), config.alignability_encoder.size
    embeddings, times, windows = {}, {}, {}
    known = read_annotated(data)
    left_out, marks = known.left_out, known.phases
    with tempfile.TemporaryDirectory() as scratch:
        store = open_frame_store(
            [ClipRecord(clip.key, clip.path) for clip in known.clips],
            Path(scratch, "frames"),
            size=max(config.action_encoder.size, size),
            squash=config.fit == "squash",
            most_bytes=config.cache_bytes,
            leave_out=left_out.__setitem__,
        )
        for key in (clip.key for clip in known.clips if clip.key in store):
            if store.frames(key) != marks[key].frames:
                left_out[key] = f"it has {store.frames(key)} frames, its phases end at {marks[key].frames}"
                continue
            windows[key] = draw_window(key, marks[key].frames, trim, seed)
            embeddings[key], times[key] = embed_frames(
                encoder, store, key, size=size, every_frame=every_frame, window=windows[key], device=device
            )
    if not embeddings:
        reasons = "; ".join(sorted(set(left_out.values()))[:3])
        raise DatasetError(f"{data.folder} has no clip to measure on ({reasons or 'it holds none'}).")
    kept = [clip for clip in known.clips if clip.key in embeddings]
    return EmbeddedFolder(
        embeddings=embeddings,
        times=times,
        windows=windows,
        phases=marks,
        labels={clip.key: clip.label for clip in kept if clip.label is not None},
        held_out=held_out(kept, seed),
        left_out=left_out,
        frames=encoder.frames,
    )


def draw_window(key: str, frames: int, trim: float, seed: int) -> tuple[int, int]:
    """First frame and end of a trimmed clip, by seed and key: at either end up to the share `trim` is off."""
    digest = hashlib.sha256(json.dumps([seed, key]).encode()).digest()
    head, tail = (int.from_bytes(part, "big") / 2**64 for part in (digest[:8], digest[8:16]))  # in [0, 1)
    return int(head * trim * frames), frames - int(tail * trim * frames)
