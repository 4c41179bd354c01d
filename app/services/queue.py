"""What to look at next: the pseudo-labels of the round under review, the least certain first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.services.datasets import Sprite
from app.services.studio import Studio
from app.services.users import current
from db.engine import Session
from db.models import Clip, PseudoLabel, Round
from db.repositories import classes, clips, jobs, leases, pseudo_labels, rounds, verdicts

BARS = 9  # classes with a digit key
ORDER = "the least certain first"
CLOSE = 0.15  # margin of the combined probabilities below which two classes count as close
ALIGNS_POORLY = 0.4  # alignability below which a clip may belong to no class


@dataclass(frozen=True)
class ClassBar:
    """One class on the review screen: p_E, alignability S̄_c, and the combined probability, each in [0, 1].
    `example_id` is the labelled clip that shows it: the one that aligns best, else the first exemplar.
    """

    class_id: int
    name: str
    action: float
    alignability: float
    combined: float
    example_id: int | None


@dataclass(frozen=True)
class Example:
    """A labelled clip to compare with; `author` gave it its label, None where it came with the import."""

    clip_id: int
    key: str
    sha256: str
    sprite: Sprite | None
    frames: int
    fps: float
    author: str | None


@dataclass(frozen=True)
class Neighbour(Example):
    """A labelled clip that aligns well with the clip under review."""

    class_id: int
    class_name: str
    alignability: float


@dataclass(frozen=True)
class ReviewItem:
    """One clip to decide on, with everything its screen shows. `sha256` names the canonical clip and its
    media; `classes` are the nine best by combined probability, best first; `nearest` the best five;
    `examples` the clips that `classes` name. `features` is the width of a frame embedding of this pass."""

    clip_id: int
    key: str
    sha256: str
    sprite: Sprite | None
    frames: int
    fps: float
    round_id: int
    round_number: int
    iteration: int
    features: int
    predicted_class_id: int
    predicted_class_name: str
    confidence: float
    alignability: float
    accepted: bool
    reason: str
    classes: tuple[ClassBar, ...]
    nearest: tuple[Neighbour, ...]
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class ReviewQueue:
    """The next items of one reviewer.

    Args:
        items: leased to this reviewer for ten minutes; asking again renews the lease.
        waiting: clips of the round still to be decided on, by anyone.
        reviewed: clips of the round that were decided on.
        round_id, round_number: the round under review, None before the first pseudo-labels.
        order: how the queue is sorted, in words.
        empty_because: why `items` is empty and what to do, None when it is not.
    """

    items: tuple[ReviewItem, ...]
    waiting: int
    reviewed: int
    round_id: int | None
    round_number: int | None
    order: str
    empty_because: str | None


def next_items(
    studio: Studio, reviewer_id: int, limit: int = 8, exclude: Collection[int] = ()
) -> ReviewQueue:
    """The next clips for this reviewer, leased so that nobody else gets them.

    Skipped and flagged clips come back at the end, to the reviewer who set them aside.
    `exclude` names clips the reviewer's browser holds verdicts on that are not saved yet.

    Raises:
        StudioError: the reviewer is unknown or removed.
    """
    with studio.database.write() as session:
        current(session, reviewer_id)
        row = rounds.under_review(session)
        if row is None:
            return ReviewQueue((), 0, 0, None, None, ORDER, _why_no_round(session))
        leases.lock_queue(session)
        taken = leases.held_by_others(session, reviewer_id=reviewer_id) | set(exclude)
        aside = verdicts.skipped(session, reviewer_id=reviewer_id, round_id=row.id)
        found = pseudo_labels.next_for_review(session, row=row, limit=limit, without=taken | set(aside))
        if len(found) < limit:
            again = [clip_id for clip_id in aside if clip_id not in taken]
            found += pseudo_labels.among(session, row=row, clip_ids=again)[: limit - len(found)]
        leases.take(session, reviewer_id=reviewer_id, clip_ids=[clip.id for _, clip in found])
        waiting, reviewed = pseudo_labels.review_counts(session, row=row)
        items = _items(session, row, found)
    return ReviewQueue(items, waiting, reviewed, row.id, row.number, ORDER, _why_empty(items, waiting))


def item(studio: Studio, reviewer_id: int, clip_id: int) -> ReviewItem | None:
    """One clip by its id, whatever was decided on it before; None without a pseudo-label under review."""
    with studio.database.read() as session:
        current(session, reviewer_id)
        row = rounds.under_review(session)
        found = pseudo_labels.get(session, row=row, clip_id=clip_id) if row else None
        return _items(session, row, [found])[0] if row and found else None


def _why_no_round(session: Session) -> str:
    counts = clips.counts(session)
    if not counts["clips"]:
        return "There are no clips yet. Import a folder on the Transfer page."
    if counts["reading"]:
        return "The clips are still being read. Pseudo-labels come after the first round; see Today."
    if jobs.running(session, kind="round"):
        return "The first round is at work; its pseudo-labels appear here as soon as they exist."
    return "No round has proposed labels yet. Start one on the Rounds page."


def _why_empty(items: tuple[ReviewItem, ...], waiting: int) -> str | None:
    if items:
        return None
    if waiting:
        return "Other reviewers are looking at the last clips. They come back here if left undecided."
    return "Every clip of this round is decided on. Start the next round on the Rounds page."


def _items(session: Session, row: Round, found: Sequence[tuple[PseudoLabel, Clip]]) -> tuple[ReviewItem, ...]:
    names, first = classes.names(session), rounds.first_exemplars(session, round_id=row.id)
    needed = {match["clip_id"] for label, _ in found for match in label.nearest}
    for label, _ in found:
        needed |= {first[row.classes[place]] for place in _best(label) if row.classes[place] in first}
    examples = {
        clip_id: Example(
            clip_id, clip.key, clip.sha256 or "", _sprite(clip), clip.frames or 0, clip.fps or 0.0, author
        )
        for clip_id, (clip, author) in clips.with_author(session, clip_ids=needed).items()
    }
    return tuple(_item(row, label, clip, names, first, examples) for label, clip in found)


def _item(
    row: Round,
    label: PseudoLabel,
    clip: Clip,
    names: Mapping[int, str],
    first: Mapping[int, int],
    examples: Mapping[int, Example],
) -> ReviewItem:
    action, p_alignability, combined, alignability = (
        np.frombuffer(packed, "<f4")
        for packed in (
            label.action_probabilities,
            label.alignability_probabilities,
            label.probabilities,
            label.class_alignabilities,
        )
    )
    nearest = [match for match in label.nearest if match["clip_id"] in examples]
    shown = {**first, **{int(match["class_id"]): int(match["clip_id"]) for match in reversed(nearest)}}
    bars = tuple(
        ClassBar(
            row.classes[place],
            names[row.classes[place]],
            float(action[place]),
            float(alignability[place]),
            float(combined[place]),
            shown.get(row.classes[place]) if shown.get(row.classes[place]) in examples else None,
        )
        for place in _best(label)
    )
    heads = [names[row.classes[int(array.argmax())]] for array in (action, p_alignability)]
    return ReviewItem(
        clip_id=clip.id,
        key=clip.key,
        sha256=clip.sha256 or "",
        sprite=_sprite(clip),
        frames=clip.frames or 0,
        fps=clip.fps or 0.0,
        round_id=row.id,
        round_number=row.number,
        iteration=row.iteration,
        features=int(row.config["alignability_encoder"]["embedding"]),
        predicted_class_id=label.class_id,
        predicted_class_name=names[label.class_id],
        confidence=label.confidence,
        alignability=label.alignability,
        accepted=label.accepted,
        reason=_reason(label, bars, heads),
        classes=bars,
        nearest=tuple(
            Neighbour(
                **vars(examples[match["clip_id"]]),
                class_id=int(match["class_id"]),
                class_name=names[int(match["class_id"])],
                alignability=float(match["alignability"]),
            )
            for match in nearest
        ),
        examples=tuple(examples[bar.example_id] for bar in bars if bar.example_id is not None),
    )


def _best(label: PseudoLabel) -> list[int]:
    """Places of the classes with the highest combined probability, best first."""
    combined = np.frombuffer(label.probabilities, "<f4")
    return np.argsort(-combined, kind="stable")[:BARS].tolist()


def _sprite(clip: Clip) -> Sprite | None:
    return Sprite(**clip.sprite) if clip.sprite else None


def _reason(label: PseudoLabel, bars: Sequence[ClassBar], heads: Sequence[str]) -> str:
    """Why a person should look at this clip, in words."""
    if heads[0] != heads[1]:
        return f"The encoder says {heads[0]}, alignment says {heads[1]}."
    if len(bars) > 1 and label.margin < CLOSE:
        return f"{bars[0].name} and {bars[1].name} are close."
    if label.alignability < ALIGNS_POORLY:
        return "It aligns poorly with every example of its class; it may be something else."
    if not label.accepted:
        return "Both agree, but not surely enough to train on."
    return "Both agree; a quick look confirms it."
