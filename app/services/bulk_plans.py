"""What an action on many clips will do: which clips it takes, which it leaves out and why, and the sample."""

import hashlib
import random
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from app.services.clip_listing import proposing_round
from app.services.studio import Studio, StudioError
from app.services.users import current
from db.engine import Session
from db.models import Round
from db.repositories import bulk_verdicts, clip_filters, rounds
from db.repositories import classes as class_rows

KINDS = ("accept", "class", "reject", "flag")
LABELLING = ("accept", "class")  # kinds that give labels, and so ask for a sample
MOST_UNSEEN = 20


@dataclass(frozen=True)
class Bulk:
    """One action on many clips, as it was planned.

    Args:
        id: 12 hexadecimal digits that the notes of its verdicts end with.
        clip_ids: clips it takes, by id.
        proposed: clip id -> class that the round proposes, for those that have a proposal.
        sample: clips to look at before the others may follow, in their order; empty where none is asked for.
        left_out: why clips are left out -> how many: "unreadable", "proposal" (there is none), "decided"
            (somebody did already), "audit" (drawn for a blind check that is not answered).
        decided: clips it takes that somebody decided on before.
    """

    id: str
    kind: str
    class_id: int | None
    note: str | None
    round_number: int | None
    round_id: int | None
    clip_ids: tuple[int, ...]
    proposed: Mapping[int, int]
    sample: tuple[int, ...]
    left_out: Mapping[str, int]
    decided: int

    @property
    def rest(self) -> tuple[int, ...]:
        """Clips that follow after the sample."""
        looked_at = set(self.sample)
        return tuple(clip_id for clip_id in self.clip_ids if clip_id not in looked_at)


def sample_size(count: int) -> int:
    """How many of `count` clips are looked at before the others follow unseen; 0 where all can be.

    10 of up to 100, 20 of up to 500, 30 of more. The size decides what a sample without a mistake can
    promise: by Wilson's interval at least 72 % of the clips are right after 10, 84 % after 20 and 89 % after
    30. The more clips follow unseen, the more the promise has to say; beyond 30 it grows too slowly to be
    worth the looking (40: 91 %).
    """
    if count <= MOST_UNSEEN:
        return 0
    return 10 if count <= 100 else 20 if count <= 500 else 30


def plan(
    studio: Studio,
    reviewer_id: int,
    kind: str,
    clip_ids: Collection[int],
    *,
    round_number: int | None = None,
    class_id: int | None = None,
    note: str = "",
) -> Bulk:
    """What an action will do; writes nothing.

    Clips drawn for a blind check that is not answered are left out of everything that decides: the check
    would be lost for the precision. The sample follows from the clips and the action alone, so that asking
    again draws no other one, and other clips do.

    Args:
        kind: one of `KINDS`; "accept" takes each clip's proposal, "class" says `class_id` of all.
        round_number: whose proposals; None for the round under review.

    Raises:
        StudioError: the reviewer is unknown, or the class or the note is missing.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no action on many clips; choose one of {', '.join(KINDS)}.")
    if kind == "class" and class_id is None:
        raise StudioError("Choose the class that all of these clips are of.")
    if kind == "flag" and not note.strip():
        raise StudioError("Write a note that says why these clips are flagged.")
    with studio.database.read() as session:
        current(session, reviewer_id)
        if kind == "class" and class_id not in {one.id for one in class_rows.listing(session)}:
            raise StudioError("That class was merged or removed meanwhile; choose another one.")
        row = proposing_round(session, round_number)
        taken, left_out, decided = sorted_out(session, kind, row, clip_ids)
    ids = tuple(sorted(taken))
    size = sample_size(len(ids)) if kind in LABELLING else 0
    return Bulk(
        id=uuid.uuid4().hex[:12],
        kind=kind,
        class_id=class_id if kind == "class" else None,
        note=note.strip() or None,
        round_number=row.number if row else None,
        round_id=row.id if row else None,
        clip_ids=ids,
        proposed={clip_id: class_id for clip_id, class_id in taken.items() if class_id is not None},
        sample=tuple(_chance(studio, kind, class_id, row.id if row else 0, ids).sample(ids, size)),
        left_out=left_out,
        decided=decided,
    )


def sorted_out(
    session: Session, kind: str, row: Round | None, clip_ids: Collection[int]
) -> tuple[dict[int, int | None], dict[str, int], int]:
    """Clip id -> proposed class for the clips an action takes; why others are left out; decided before."""
    shown = rounds.under_review(session)
    drawn: set[int] = set()
    for each in {one.id: one for one in (row, shown) if one is not None}.values():
        drawn |= clip_filters.held_out(session, row=each)
    taken: dict[int, int | None] = {}
    left_out: Counter[str] = Counter()
    decided = 0
    rows = bulk_verdicts.standing(
        session,
        round_id=row.id if row else None,
        iteration=row.iteration if row else -1,
        clip_ids=clip_ids,
    )
    for clip in rows:
        known = clip.kind is not None or clip.class_id is not None
        if clip.state != "ready":
            left_out["unreadable"] += 1
        elif kind != "flag" and clip.id in drawn:
            left_out["audit"] += 1
        elif kind == "accept" and known:
            left_out["decided"] += 1
        elif kind in ("accept", "reject") and clip.proposed_class_id is None:
            left_out["proposal"] += 1
        else:
            taken[clip.id] = clip.proposed_class_id
            decided += known
    return taken, dict(left_out), decided


def _chance(
    studio: Studio, kind: str, class_id: int | None, round_id: int, ids: Sequence[int]
) -> random.Random:
    """Chance that the project's secret and what is asked for decide, and nobody can foresee."""
    asked = f"{kind} {class_id} {round_id} {','.join(map(str, ids))}".encode()
    return random.Random(hashlib.sha256(studio.secret + asked).digest())
