"""Two clips to compare: what is known about them, what they are aligned by, and which to take."""

from dataclasses import dataclass

from app.services import datasets, phase_marks, phase_transfer, queue
from app.services.clip_cards import ClipCard, ClipFilter
from app.services.embeddings import kept
from app.services.pair_distances import NOTHING, PairDistances, pair_distances
from app.services.phase_marks import MarkCard
from app.services.studio import Studio
from db.repositories import rounds

MOST_LISTED = 500


@dataclass(frozen=True)
class Comparison:
    """A pair of clips.

    Args:
        round_number, iteration: pass whose embeddings align them, None without one.
        features: width of an embedding, 0 without any.
        unaligned_because: why the two can't be aligned and what to do, None where they can.
        distances: what their distance is judged against.
        marks: standing phase marks of both; `phases` are all names in use.
        class_name, class_clips: class of the first clip, and how many other clips it has; None and 0 without.
    """

    first: ClipCard
    second: ClipCard
    round_number: int | None
    iteration: int | None
    features: int
    unaligned_because: str | None
    distances: PairDistances
    marks: tuple[MarkCard, ...]
    phases: tuple[str, ...]
    class_name: str | None
    class_clips: int


def compare(studio: Studio, first: ClipCard, second: ClipCard) -> Comparison:
    """Everything the compare screen shows about two readable clips."""
    with studio.database.read() as session:
        row = rounds.under_review(session)
    found = kept(studio, row.number, row.iteration) if row else None
    because = None
    if row is None:
        because = (
            "No round has learned to align clips yet: start one on the Rounds page. Until then the clips are "
        )
        because += "stretched evenly."
    elif found is None:
        because = (
            f"Round {row.number} kept no embeddings, so the clips are stretched evenly. Run a new round to "
        )
        because += "align them."
    else:
        absent = [clip.key for clip in (first, second) if clip.id not in found.places]
        if absent:
            because = (
                f"Round {row.number} did not see {' and '.join(absent)}, so the clips are stretched evenly. "
            )
            because += "The next round will."
    usable = row is not None and found is not None and because is None
    rivals = phase_transfer.targets(studio, first.id)
    return Comparison(
        first=first,
        second=second,
        round_number=row.number if row else None,
        iteration=row.iteration if row else None,
        features=found.features if found and usable else 0,
        unaligned_because=because,
        distances=pair_distances(studio, row) if row and usable else NOTHING,
        marks=phase_marks.standing(studio, (first.id, second.id)),
        phases=phase_marks.phases(studio),
        class_name=rivals[0] if rivals else None,
        class_clips=len(rivals[1]) if rivals else 0,
    )


def listed(studio: Studio, which: ClipFilter, limit: int = MOST_LISTED) -> tuple[tuple[ClipCard, ...], int]:
    """Readable clips to choose from, by key, at most `limit`, and how many match in all."""
    page = datasets.clips(studio, which, limit=limit)
    return tuple(clip for clip in page.clips if clip.sprite is not None), page.total


def partner(studio: Studio, user_id: int, clip: ClipCard) -> int | None:
    """A clip to compare with: the labelled one that aligns best, else another of the class, else any."""
    item = queue.item(studio, user_id, clip.id) if clip.proposed else None
    near = [near.clip_id for near in item.nearest if near.sprite] if item else []
    class_id = clip.label_id or (clip.proposed.class_id if clip.proposed else None)
    alike = (
        listed(studio, ClipFilter(state="ready", class_id=class_id), 2)[0] if class_id and not near else ()
    )
    anything = listed(studio, ClipFilter(state="ready"), 2)[0] if not near and len(alike) < 2 else ()
    ids = (*near, *(card.id for card in alike), *(card.id for card in anything))
    return next((other for other in ids if other != clip.id), None)
