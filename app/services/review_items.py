"""What the review screen shows of a clip: its pseudo-label, bars, examples and neighbours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.services.datasets import Sprite
from app.services.round_classes import RoundClasses, round_classes
from db.engine import Session
from db.models import Clip, PseudoLabel, Round
from db.repositories import classes, clips, exemplars

BARS = 9  # classes with a digit key
CLOSE = 0.15  # margin of the combined probabilities below which two classes count as close
ALIGNS_POORLY = 0.4  # alignability below which a clip may belong to no class


@dataclass(frozen=True)
class ClassBar:
    """One class on the review screen: p_E, alignability S̄_c, and the combined probability, each in [0, 1];
    classes merged since the round count together. `example_id` is the labelled clip that shows it: the one
    that aligns best, else the first exemplar.
    """

    class_id: int
    name: str
    action: float
    alignability: float
    combined: float
    example_id: int | None


@dataclass(frozen=True)
class ShownClip:
    """A clip as it is drawn; `sha256` names the canonical clip and its media."""

    clip_id: int
    key: str
    sha256: str
    sprite: Sprite | None
    frames: int
    fps: float


@dataclass(frozen=True)
class Example(ShownClip):
    """A labelled clip to compare with; `author` gave it its label, None where it came with the import."""

    author: str | None


@dataclass(frozen=True)
class Neighbour(Example):
    """A labelled clip that aligns well with the clip under review."""

    class_id: int
    class_name: str
    alignability: float


@dataclass(frozen=True)
class ReviewItem(ShownClip):
    """One clip to decide on, with everything its screen shows. `classes` are the nine best by combined
    probability, best first; `nearest` the best five; `examples` the clips that `classes` name. `features` is
    the width of a frame embedding of this pass."""

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
class BareItem(ShownClip):
    """A clip to decide on without any help: only the clip and the list of classes are shown.

    `blind`: an accepted pseudo-label drawn for the audit, whose proposal must not be seen. Otherwise the
    round proposes nothing for the clip, and `reason` says why it is asked about."""

    round_id: int
    round_number: int
    blind: bool
    reason: str


def bare_item(row: Round, clip: Clip, *, blind: bool, reason: str) -> BareItem:
    """A clip with nothing of what the round says about it."""
    return BareItem(**_as_drawn(clip), round_id=row.id, round_number=row.number, blind=blind, reason=reason)


def review_items(
    session: Session,
    row: Round,
    found: Sequence[tuple[PseudoLabel, Clip]],
    reasons: Mapping[int, str] | None = None,
) -> tuple[ReviewItem, ...]:
    """Clips with everything the round says about them; `reasons` holds clip id -> why it is asked about,
    where the proposal itself does not tell."""
    names, meant = classes.names(session), classes.merged(session)
    known = round_classes(session, row)
    galleries = exemplars.of_round(session, round_id=row.id)
    first = {class_id: clip_ids[0] for class_id, clip_ids in galleries.items()}
    needed = {match["clip_id"] for label, _ in found for match in label.nearest}
    for label, _ in found:
        needed |= {first[known.ids[place]] for place in _best(label, known) if known.ids[place] in first}
    examples = {
        clip_id: Example(**_as_drawn(clip), author=author)
        for clip_id, (clip, author) in clips.with_author(session, clip_ids=needed).items()
    }
    return tuple(
        _item(row, label, clip, names, meant, known, first, examples, (reasons or {}).get(clip.id))
        for label, clip in found
    )


def _item(
    row: Round,
    label: PseudoLabel,
    clip: Clip,
    names: Mapping[int, str],
    meant: Mapping[int, int],
    known: RoundClasses,
    first: Mapping[int, int],
    examples: Mapping[int, Example],
    reason: str | None,
) -> ReviewItem:
    action, p_alignability, combined = (
        known.summed(np.frombuffer(packed, "<f4"))
        for packed in (label.action_probabilities, label.alignability_probabilities, label.probabilities)
    )
    alignability = known.averaged(np.frombuffer(label.class_alignabilities, "<f4"))
    nearest = [
        {**match, "class_id": meant.get(int(match["class_id"]), int(match["class_id"]))}
        for match in label.nearest
        if match["clip_id"] in examples
    ]
    shown = {**first, **{int(match["class_id"]): int(match["clip_id"]) for match in reversed(nearest)}}
    bars = tuple(
        ClassBar(
            known.ids[place],
            names[known.ids[place]],
            float(action[place]),
            float(alignability[place]),
            float(combined[place]),
            shown.get(known.ids[place]) if shown.get(known.ids[place]) in examples else None,
        )
        for place in _best(label, known)
    )
    heads = [names[known.ids[int(array.argmax())]] for array in (action, p_alignability)]
    return ReviewItem(
        **_as_drawn(clip),
        round_id=row.id,
        round_number=row.number,
        iteration=row.iteration,
        features=int(row.config["alignability_encoder"]["embedding"]),
        predicted_class_id=meant.get(label.class_id, label.class_id),
        predicted_class_name=names[label.class_id],
        confidence=label.confidence,
        alignability=label.alignability,
        accepted=label.accepted,
        reason=reason or _reason(label, bars, heads),
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


def _best(label: PseudoLabel, known: RoundClasses) -> list[int]:
    """Places of the classes with the highest combined probability, best first."""
    combined = known.summed(np.frombuffer(label.probabilities, "<f4"))
    return np.argsort(-combined, kind="stable")[:BARS].tolist()


def _as_drawn(clip: Clip) -> dict[str, Any]:
    return {
        "clip_id": clip.id,
        "key": clip.key,
        "sha256": clip.sha256 or "",
        "sprite": Sprite(**clip.sprite) if clip.sprite else None,
        "frames": clip.frames or 0,
        "fps": clip.fps or 0.0,
    }


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
