"""Pooled image features of frames, computed once: the image encoder is frozen after pretraining."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from finepseudo_core.datasets.clip_dataset import Draw
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.feature_files import FeatureFiles
from finepseudo_core.selftraining.round import Round
from finepseudo_core.selftraining.schedule import PROPOSAL_CHUNK
from finepseudo_core.video.sampling import uniform_indices
from finepseudo_core.video.transforms import EvaluationTransform, TrainingTransform

SAMPLED = -1  # in place of a view: the T frames that a clip is looked at by, not augmented


@torch.no_grad()
def image_features(round: Round, record: ClipRecord, view: int) -> Tensor:
    """Features of all frames of a clip (frames, C), or of T of them (T, C) where the view is SAMPLED.

    View 0 is not augmented, the others are; the augmentation of a view depends on the seed and the clip
    alone. Kept in memory after the first call, and on disk where rounds share their stages.
    """
    kept, files = round.image_features.get((record.key, view)), _files(round)
    if kept is None and files is not None:
        kept = files.fetch(record, view)
        round.image_features |= {} if kept is None else {(record.key, view): kept}
    if kept is None:
        part, encoder = round.config.alignability_encoder, round.models.alignability
        length = round.store.frames(record.key)
        chosen = uniform_indices(length, part.frames) if view == SAMPLED else np.arange(length)
        frames = round.store.read(record.key, chosen)
        if view in (0, SAMPLED):
            clip = EvaluationTransform(part.size)(frames)[0]
        else:
            generator = np.random.default_rng((*round.progress.stream(record.key), view))
            clip = TrainingTransform(part.size)(frames, generator)
        looks = encoder.image_encoder.training  # frozen, it is in evaluation mode already
        if looks:
            encoder.image_encoder.eval()
        with round.autocast():
            kept = encoder.image_features(clip[None].to(round.device))[0].float().cpu()
        if looks:
            encoder.train(encoder.training)
        round.image_features[record.key, view] = kept
        if files is not None:
            files.keep(record, view, kept)
    return kept


def _files(round: Round) -> FeatureFiles | None:
    """Where other rounds find this one's image features, None where they share nothing."""
    if round.feature_files is None and round.progress.cache is not None:
        config = round.config
        size = max(config.action_encoder.size, config.alignability_encoder.size)  # of the decoded frames
        settings = config.alignability_encoder, config.seed, size, config.fit, config.precision
        round.feature_files = FeatureFiles(
            round.progress.cache.folder / "features",
            round.models.alignability.image_encoder,
            *settings,
            round.device.type,
        )
    return round.feature_files


def features_of_views(round: Round, stage: str, records: Sequence[ClipRecord], views: int) -> list[Tensor]:
    """Image features of clips under views 0 to `views` - 1, (views, frames, C) each.

    The processes share the work, and each keeps everything. Observers see it as the steps of `stage`.
    """
    places = [(place, view) for place in range(len(records)) for view in range(views)]
    missing = [place for place in places if (records[place[0]].key, place[1]) not in round.shared_features]
    own: dict[int, Tensor] = {}
    for step in round.progress.look(stage, math.ceil(len(missing) / PROPOSAL_CHUNK)):
        first = step * PROPOSAL_CHUNK
        for number, (place, view) in enumerate(missing[first : first + PROPOSAL_CHUNK], start=first):
            if distributed.takes(number):
                own[number] = image_features(round, records[place], view)
    for (place, view), features in zip(missing, distributed.in_order(own), strict=True):
        round.image_features[records[place].key, view] = features
        round.shared_features.add((records[place].key, view))
    return [
        torch.stack([round.image_features[record.key, view] for view in range(views)]) for record in records
    ]


def look_ahead(round: Round, stage: str, chunks: Sequence[Sequence[ClipRecord]]) -> None:
    """Image features of this process's chunks, as the steps of `stage`: later passes take equally long."""

    def new() -> bool:
        return any(
            (record.key, SAMPLED) not in round.image_features for step in own for record in chunks[step]
        )

    own = [place for place in range(len(chunks)) if distributed.takes(place)]
    for step in round.progress.look(stage, len(chunks) if distributed.from_main(new) else 0):
        for record in chunks[step] if distributed.takes(step) else ():
            image_features(round, record, SAMPLED)


class FeatureClips(Dataset):
    """Training clips of f_A as image features: T frames of a random view -> (T, C).

    Args:
        features: image features of every clip, (views, frames, C) each.
        frames: T.
    """

    def __init__(self, features: Sequence[Tensor], frames: int) -> None:
        self.features, self.frames = tuple(features), frames

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, int]:
        """Image features (T, C) and the number of the clip."""
        generator = np.random.default_rng(draw.seed)
        views = self.features[draw.index]
        indices = uniform_indices(views.shape[1], self.frames, generator)
        return views[generator.integers(len(views)), indices], draw.index


@torch.no_grad()
def embed_clips(round: Round, records: Sequence[ClipRecord]) -> Tensor:
    """Frame embeddings of clips without randomness (N, T, F), in evaluation mode."""
    encoder = round.models.alignability.eval()
    features = torch.stack([image_features(round, record, SAMPLED) for record in records])  # (N, T, C)
    with round.autocast():
        return encoder.embed(features.to(round.device)).float()


def embed_all(round: Round, records: Sequence[ClipRecord]) -> Tensor:
    """The same for many clips, chunk by chunk: the processes share the chunks, and each gets everything."""
    own = {
        place: embed_clips(round, chunk).cpu()
        for place, chunk in enumerate(chunked(records))
        if distributed.takes(place)
    }
    return torch.cat(distributed.in_order(own)).to(round.device)


def chunked(records: Sequence[ClipRecord]) -> list[Sequence[ClipRecord]]:
    """Records in runs of PROPOSAL_CHUNK, at least one run."""
    runs = max(1, math.ceil(len(records) / PROPOSAL_CHUNK))
    return [records[place * PROPOSAL_CHUNK : (place + 1) * PROPOSAL_CHUNK] for place in range(runs)]
