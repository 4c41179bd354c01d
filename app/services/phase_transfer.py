"""Phase marks carried over from one clip to every clip of its class, along the DTW paths of a round.

The confidence of a carried-over mark is the product of two shares in [0, 1]:

- how usual the local cost there is: twice the share of the path cells between clips of one class that cost
  at least as much, at most 1 (`PairDistances.usual`), so that moments which do not look alike are doubted;
- how surely the path passes there: of all columns of the mark's row, each weighed by exp(-excess / scale),
  the share within one embedding of the place (`certainty`). `excess` is how much dearer the cheapest path
  through a column is than the best one, `scale` the median cost of a path cell between clips of one class.
  A path that stands still in the other clip, or that could as well run elsewhere, is doubted.
"""

import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.services import pair_alignment, users
from app.services.embeddings import Kept, kept
from app.services.pair_distances import PairDistances, pair_distances
from app.services.studio import Studio, StudioError
from db.engine import Session
from db.models import Clip, PhaseMark
from db.repositories import classes as class_rows
from db.repositories import clips, phase_marks, rounds

CHUNK = 64  # clips aligned and written in one transaction


@dataclass(frozen=True)
class Carried:
    """A mark's place in another clip: `start_frame`, and `confidence` in [0, 1]."""

    start_frame: int
    confidence: float


@dataclass(frozen=True)
class TransferProgress:
    """How far a transfer is.

    Args:
        done, total: clips looked at, and clips of the class.
        marks: marks written so far.
        kept: marks left as they were: set by people, or carried over more surely before.
        left_out: clips the round has no embeddings of, and phases that found no frame of their own.
    """

    done: int
    total: int
    marks: int
    kept: int
    left_out: int


def targets(studio: Studio, clip_id: int) -> tuple[str, tuple[int, ...]] | None:
    """The class of a clip and the other clips of it, by key; None where the clip has no class.

    A clip's class is people's label, or else the accepted proposal of the round under review.
    """
    with studio.database.read() as session:
        return _targets(session, clip_id)


def transfer(studio: Studio, user_id: int, clip_id: int) -> Iterator[TransferProgress]:
    """Carry the marks of a clip over to every clip of its class, in chunks that are saved one by one.

    Marks that people set or confirmed stay, and so do those carried over from another clip with more
    confidence. Running it again changes nothing that is as it would be.

    Raises:
        StudioError: the clip has no marks or no class, the round kept no embeddings of it, or the person is
            unknown.
    """
    with studio.database.read() as session:
        users.current(session, user_id)
        marks = phase_marks.standing(session, clip_ids=[clip_id]).get(clip_id, [])
        source, found = clips.get(session, clip_id=clip_id), _targets(session, clip_id)
        row = rounds.under_review(session)
    embedded = kept(studio, row.number, row.iteration) if row else None
    if source is None or source.frames is None or not marks:
        raise StudioError("This clip has no phase marks yet; set one with M first.")
    if found is None:
        raise StudioError(f"{source.key} has no class yet; label it, then carry its marks over.")
    if row is None or embedded is None or clip_id not in embedded.places:
        raise StudioError(f"The round kept no embeddings of {source.key}; run a round with it first.")
    usual, listed = pair_distances(studio, row), found[1]
    done, written, stayed, out = 0, 0, 0, 0
    for start in range(0, len(listed), CHUNK):
        chunk = listed[start : start + CHUNK]
        usable = [other for other in chunk if other in embedded.places]
        places = _carry(studio, source, marks, usable, embedded, usual)
        with studio.database.write() as session:
            phase_marks.lock_marks(session)
            new, same, none = _write(session, user_id, clip_id, marks, places)
        done += len(chunk)
        written, stayed, out = written + new, stayed + same, out + none + len(chunk) - len(usable)
        yield TransferProgress(done, len(listed), written, stayed, out)


def carry(
    starts: Sequence[int], frames: int, aligned: pair_alignment.Aligned,
    lengths: Sequence[int], usual: PairDistances,
) -> list[list[Carried]]:  # fmt: skip
    """Where marks of the row clip lie in each of the other clips.

    Args:
        starts: frames of the marks, in a clip of `frames` frames.
        aligned: its alignment with P clips.
        lengths: number of frames of each of them (P,).
        usual: what costs between clips of one class are like.

    Returns:
        P lists with a place for every mark. A mark on the first frame stays on the first frame.
    """
    rows, columns = aligned.costs.shape[1:]
    excess = aligned.excess()
    found: list[list[Carried]] = [[] for _ in lengths]
    for start in starts:
        moment = pair_alignment.moment_of(start, frames)
        row = min(max(math.floor(moment * rows), 0), rows - 1)
        moments = pair_alignment.partner_moments(moment, aligned.partners, columns)
        sure = pair_alignment.certainty(excess[:, row], moments * columns - 0.5, usual.scale)
        confidence = sure * usual.usual(aligned.local[:, row])
        for pair, length in enumerate(lengths):
            frame = math.floor(moments[pair] * length)
            frame = min(max(frame, 0), length - 1) if start else 0
            found[pair].append(Carried(frame, float(confidence[pair])))
    return found


def _targets(session: Session, clip_id: int) -> tuple[str, tuple[int, ...]] | None:
    shown = rounds.under_review(session)
    number, iteration = (shown.id, shown.iteration) if shown else (None, -1)
    own, _ = clips.page(session, round_id=number, iteration=iteration, clip_id=clip_id)
    class_id = _class_of(own[0]) if own else None
    if class_id is None:
        return None
    rows, _ = clips.page(session, round_id=number, iteration=iteration, class_id=class_id, state="ready")
    ids = tuple(row.Clip.id for row in rows if _class_of(row) == class_id and row.Clip.id != clip_id)
    return class_rows.names(session)[class_id], ids


def _class_of(row: Any) -> int | None:
    """Class of a row of `clips.labels`: people's, or an accepted proposal that nobody turned down."""
    if row.class_id is not None:
        return int(row.class_id)
    return int(row.proposed_class_id) if row.accepted and row.kind is None else None


def _carry(
    studio: Studio, source: Clip, marks: Sequence[PhaseMark], clip_ids: Sequence[int], embedded: Kept,
    usual: PairDistances,
) -> dict[int, tuple[int, list[Carried]]]:  # fmt: skip
    """Clip id -> its number of frames and a place for every mark."""
    if not clip_ids:
        return {}
    with studio.database.read() as session:
        known = clips.by_id(session, clip_ids=clip_ids)
    lengths = [known[clip_id].frames or 1 for clip_id in clip_ids]
    costs = pair_alignment.cosine_costs(embedded.of([source.id])[0], embedded.of(clip_ids))
    aligned = pair_alignment.align(costs)
    places = carry([mark.start_frame for mark in marks], source.frames or 1, aligned, lengths, usual)
    return dict(zip(clip_ids, zip(lengths, places, strict=True), strict=True))


def _write(
    session: Session, user_id: int, from_clip_id: int, marks: Sequence[PhaseMark],
    places: Mapping[int, tuple[int, list[Carried]]],
) -> tuple[int, int, int]:  # fmt: skip
    """Write the places down as marks; returns how many are new, how many stayed, and how many found none."""
    standing = phase_marks.standing(session, clip_ids=list(places))
    rows: list[dict[str, Any]] = []
    gone: list[int] = []
    stayed = out = 0
    for clip_id, (length, carried) in places.items():
        there = {mark.phase: mark for mark in standing.get(clip_id, [])}
        pairs = list(zip(marks, carried, strict=True))
        stays = {mark.phase for mark, new in pairs if _stays(there.get(mark.phase), from_clip_id, new)}
        moving = {mark.phase for mark in marks} - stays
        taken = {mark.start_frame for phase, mark in there.items() if phase not in moving}
        gone += [mark.id for phase, mark in there.items() if phase in moving]
        stayed, last = stayed + len(stays), -1
        for mark, new in pairs:
            if mark.phase in stays:
                last = max(last, there[mark.phase].start_frame)
                continue
            frame = max(new.start_frame, last + 1)  # time runs forward, and no two begin together
            if frame >= length or frame in taken:
                out += 1
                continue
            last = frame
            taken.add(frame)
            row = {"uuid": str(uuid.uuid4()), "clip_id": clip_id, "phase": mark.phase, "start_frame": frame}
            rows.append(
                row | {"source": "transferred", "from_clip_id": from_clip_id, "confidence": new.confidence}
            )
    phase_marks.remove(session, mark_ids=gone, removed_by=user_id)
    phase_marks.add(session, author_id=user_id, rows=rows)
    return len(rows), stayed, out


def _stays(there: PhaseMark | None, from_clip_id: int, new: Carried) -> bool:
    """Whether a mark is left alone: a person's, a surer one from elsewhere, or the same one again."""
    if there is None:
        return False
    if there.source == "person" or there.confidence is None:
        return True
    if there.from_clip_id != from_clip_id:
        return there.confidence >= new.confidence
    return abs(there.confidence - new.confidence) < 1e-9 and there.start_frame >= new.start_frame
