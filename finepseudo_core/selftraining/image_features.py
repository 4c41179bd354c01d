"""Pooled image features of frames, computed once: the image encoder is frozen after pretraining."""

import math
from collections.abc import Iterator, Sequence

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
Look = tuple[ClipRecord, int]  # a clip and a view of it


class Looks(Dataset):
    """Clips as the image encoder of f_A is shown them, all frames or T of them -> (3, frames, H, W).

    View 0 is not augmented, the others are; the augmentation of a view depends on the seed and the clip
    alone.

    Args:
        looks: records and the views wanted of them.
    """

    def __init__(self, round: Round, looks: Sequence[Look]) -> None:
        part = round.config.alignability_encoder
        self.store, self.frames, self.size = round.store, part.frames, part.size
        self.looks = [(record.key, view, round.progress.stream(record.key)) for record, view in looks]

    def __len__(self) -> int:
        return len(self.looks)

    def __getitem__(self, number: int) -> Tensor:
        key, view, stream = self.looks[number]
        length = self.store.frames(key)
        chosen = uniform_indices(length, self.frames) if view == SAMPLED else np.arange(length)
        frames = self.store.read(key, chosen)
        if view in (0, SAMPLED):
            return EvaluationTransform(self.size)(frames)[0]
        return TrainingTransform(self.size)(frames, np.random.default_rng((*stream, view)))


def image_features(round: Round, looks: Sequence[Look]) -> Iterator[Tensor]:
    """Features of clips in order: of all frames (frames, C), or of T (T, C) where the view is SAMPLED.

    Kept in memory after the first time, and on disk where rounds share their stages. The frames of clips
    whose features nobody knows are prepared ahead.
    """
    files = _files(round)
    unknown = {
        (record.key, view): (record, view)
        for record, view in looks
        if (record.key, view) not in round.image_features and not (files and files.has(record, view))
    }
    clips = round.ahead(Looks(round, list(unknown.values())))
    for record, view in looks:
        place = record.key, view
        if place not in round.image_features and place in unknown:
            round.image_features[place] = _features(round, next(clips))
            if files is not None:
                files.keep(record, view, round.image_features[place])
        elif place not in round.image_features and files is not None:
            round.image_features[place] = files.fetch(record, view)
        yield round.image_features[place]


@torch.no_grad()
def _features(round: Round, clip: Tensor) -> Tensor:
    """Clip (3, frames, H, W) -> float32 (frames, C) on the CPU."""
    encoder = round.models.alignability
    looks = encoder.image_encoder.training  # frozen, it is in evaluation mode already
    if looks:
        encoder.image_encoder.eval()
    with round.autocast():
        features = encoder.image_features(clip[None].to(round.device))[0].float().cpu()
    if looks:
        encoder.train(encoder.training)
    return features


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
    looks = {
        number: (records[place], view)
        for number, (place, view) in enumerate(missing)
        if distributed.takes(number)
    }
    features = image_features(round, list(looks.values()))
    own: dict[int, Tensor] = {}
    for step in round.progress.look(stage, math.ceil(len(missing) / PROPOSAL_CHUNK)):
        for number in range(step * PROPOSAL_CHUNK, (step + 1) * PROPOSAL_CHUNK):
            if number in looks:
                own[number] = next(features)
    for (place, view), found in zip(missing, distributed.in_order(own), strict=True):
        round.image_features[records[place].key, view] = found
        round.shared_features.add((records[place].key, view))
    return [
        torch.stack([round.image_features[record.key, view] for view in range(views)]) for record in records
    ]


def look_ahead(round: Round, stage: str, passes: Sequence[Sequence[ClipRecord]]) -> None:
    """Image features for some passes over clips, as the steps of `stage`: the passes take equally long then.

    Each process looks at the clips whose chunks fall to it in any of the passes.
    """
    mine = {
        record.key: (record, SAMPLED)
        for records in passes
        for place, chunk in enumerate(chunked(records))
        if distributed.takes(place)
        for record in chunk
        if (record.key, SAMPLED) not in round.image_features
    }
    is_new = distributed.total(torch.tensor([float(len(mine))])).item() > 0
    clips = {record.key for records in passes for record in records}
    total = math.ceil(len(clips) / PROPOSAL_CHUNK) if is_new else 0
    own = [step for step in range(total) if distributed.takes(step)]
    shares = dict(zip(own, distributed.divided(range(len(mine)), max(1, len(own))), strict=False))
    features = image_features(round, list(mine.values()))
    for step in round.progress.look(stage, total):
        for _ in shares.get(step, ()):
            next(features)


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
    features = torch.stack(
        list(image_features(round, [(record, SAMPLED) for record in records]))
    )  # (N, T, C)
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
