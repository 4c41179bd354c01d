"""The clips most alike one clip, by the frame embeddings that a round left behind."""

from dataclasses import dataclass

import numpy as np

from app.services import embeddings
from app.services.clip_cards import ClipCard
from app.services.clip_listing import by_id, proposing_round
from app.services.embeddings import Kept
from app.services.studio import Studio

NEAREST = 12
AT_ONCE = 4096  # clips read from the file at a time
MOST_KEPT = 2


@dataclass(frozen=True)
class Similar:
    """Clips alike, the most alike first.

    Args:
        clips: each with the cosine of its embedding and the clip's, at most 1.
        round_number: the round whose embeddings tell, None before any.
        unknown_because: why there are none and what to do, None where there are.
    """

    clips: tuple[tuple[ClipCard, float], ...]
    round_number: int | None
    unknown_because: str | None = None


@dataclass(frozen=True)
class Pooled:
    """Embeddings of whole clips.

    Args:
        kept: the frame embeddings they come from.
        vectors: mean over the frames, of unit length, float32 (N, F).
        ids: clip of each row, 0 where there is none any more (N,).
    """

    kept: Kept
    vectors: np.ndarray
    ids: np.ndarray

    def nearest(self, clip_id: int, limit: int) -> list[tuple[int, float]]:
        """The other clips with the largest cosine, as (clip id, cosine).

        Raises:
            KeyError: the clip is not among them.
        """
        alike = self.vectors @ self.vectors[self.kept.places[clip_id]]
        alike[(self.ids == clip_id) | (self.ids == 0)] = -np.inf
        limit = min(limit, int(np.isfinite(alike).sum()))
        if not limit:
            return []
        best = np.argpartition(-alike, limit - 1)[:limit]
        best = best[np.argsort(-alike[best], kind="stable")]
        return [(int(self.ids[place]), float(min(alike[place], 1.0))) for place in best]


_made: dict[tuple[Studio, int, int], Pooled] = {}


def similar(studio: Studio, clip_id: int, limit: int = NEAREST) -> Similar:
    """The clips most alike a clip in the round under review, whatever their class.

    Alike means: the mean of the embeddings of its frames points the same way. Timing does not count.
    """
    with studio.database.read() as session:
        row = proposing_round(session, None)
    if row is None:
        return Similar((), None, "A round finds out which clips are alike. Start one on the Rounds page.")
    kept = embeddings.kept(studio, row.number, row.iteration)
    if kept is None:
        because = f"Round {row.number} has no embeddings of clips any more. The next round leaves new ones."
        return Similar((), row.number, because)
    if clip_id not in kept.places:
        because = f"Round {row.number} did not see this clip. The next round will, once the clip is read."
        return Similar((), row.number, because)
    found = pooled(studio, row.number, row.iteration, kept).nearest(clip_id, limit)
    cards = by_id(studio, [other for other, _ in found])
    return Similar(tuple((cards[other], alike) for other, alike in found if other in cards), row.number)


def pooled(studio: Studio, number: int, iteration: int, kept: Kept) -> Pooled:
    """Embeddings of whole clips, made once per pass of a round and kept for the few passes used last."""
    wanted = (studio, number, iteration)
    found = _made.get(wanted)
    if found is None or found.kept is not kept:
        found = _pool(kept)
        _made.pop(wanted, None)
        _made[wanted] = found
        while len(_made) > MOST_KEPT:
            _made.pop(next(iter(_made)), None)
    return found


def _pool(kept: Kept) -> Pooled:
    vectors = np.empty((len(kept.embedded), kept.features), np.float32)
    for start in range(0, len(vectors), AT_ONCE):
        part = kept.embedded[start : start + AT_ONCE].astype(np.float32)
        part /= np.maximum(np.linalg.norm(part, axis=2, keepdims=True), 1e-12)
        vectors[start : start + AT_ONCE] = part.mean(1)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    ids = np.zeros(len(vectors), np.int64)
    ids[list(kept.places.values())] = list(kept.places)
    return Pooled(kept, vectors, ids)
