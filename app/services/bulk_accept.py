"""Many clips decided at once: planned, checked on a random sample, written in small steps, undone as one.

Each clip gets an ordinary verdict. The end of its note, the mark, says that it was given in bulk or looked at
in the sample of a bulk, so that the log tells the two apart from verdicts given one by one.
"""

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.services import review
from app.services.bulk_plans import LABELLING, MOST_UNSEEN, Bulk, plan, sample_size, sorted_out
from app.services.review import Recorded
from app.services.round_cards import Measured, measured
from app.services.studio import Studio, StudioError
from db.models import Verdict
from db.repositories import bulk_verdicts, rounds, verdicts

__all__ = [
    "MOST_UNSEEN", "Bulk", "Done", "Look", "Progress", "carry_out", "found", "look", "looks", "newest",
    "plan", "sample_size", "undo",
]  # fmt: skip

STEP = 15  # verdicts per transaction: the write lock is held for 0.1 to 0.2 s, also with 100,000 clips
MARK = re.compile(r"\[bulk ([0-9a-f]{12})\]$")


@dataclass(frozen=True)
class Look:
    """What was said of a clip of the sample; `uuid` is that of the verdict."""

    uuid: str
    right: bool


@dataclass(frozen=True)
class Progress:
    """How far an action is: clips `done` of `total`, `saved` of which have their verdict."""

    done: int
    total: int
    saved: int


@dataclass(frozen=True)
class Done:
    """The newest action of a person: what undo takes back."""

    id: str
    kind: str
    clips: int


def look(studio: Studio, reviewer_id: int, bulk: Bulk, log: Sequence[Mapping[str, Any]]) -> Recorded:
    """Save what was said of the sample's clips as verdicts. Safe to repeat.

    An entry holds uuid, clip_id, right, and seconds and made_at where known; or uuid and undoes_uuid. A wrong
    proposal is rejected; a clip that is wrongly said to be of a class it was not proposed for stays open.
    """
    events: list[dict[str, Any]] = []
    for entry in log:
        if not isinstance(entry, Mapping):
            continue
        given = {name: entry.get(name) for name in ("uuid", "seconds", "made_at")}
        clip_id = entry.get("clip_id")
        if entry.get("undoes_uuid"):
            events.append({**given, "kind": "undo", "undoes_uuid": entry["undoes_uuid"]})
        elif clip_id in bulk.sample:
            said = "right" if entry.get("right") is True else "wrong"
            note = f"{said}, in the random sample of a bulk {_sample_mark(bulk)}"
            events.append({**given, **_verdict(bulk, int(clip_id), said == "right"), "note": note})
    return review.record(studio, reviewer_id, events) if events else Recorded((), ())


def looks(studio: Studio, reviewer_id: int, bulk: Bulk) -> dict[int, Look]:
    """Clip of the sample -> what this person said of it, as the log has it now."""
    with studio.database.read() as session:
        found = bulk_verdicts.marked(
            session, reviewer_id=reviewer_id, mark=_sample_mark(bulk), clip_ids=bulk.sample
        )
    return {row.clip_id: Look(row.uuid, row.kind in ("accept", "correct")) for row in found}


def found(bulk: Bulk, said: Mapping[int, Look]) -> Measured | None:
    """The share of the sample that is right, None until all of it was looked at."""
    if not bulk.sample or any(clip_id not in said for clip_id in bulk.sample):
        return None
    return measured(sum(said[clip_id].right for clip_id in bulk.sample), len(bulk.sample))


def carry_out(studio: Studio, reviewer_id: int, bulk: Bulk) -> Iterator[Progress]:
    """Write the verdicts, a few per transaction; each `Progress` is saved for good. Safe to repeat.

    Clips that somebody decided on since the plan are left out.

    Raises:
        StudioError: the sample was not looked at in full.
    """
    share = found(bulk, looks(studio, reviewer_id, bulk))
    if bulk.sample and share is None:
        raise StudioError(f"Look at all {len(bulk.sample)} clips of the sample first.")
    done = saved = 0
    for part in _steps(bulk.rest):
        with studio.database.read() as session:
            row = rounds.get(session, round_id=bulk.round_id) if bulk.round_id else None
            open_still = sorted_out(session, bulk.kind, row, part)[0]
            own = bulk_verdicts.marked(session, reviewer_id=reviewer_id, mark=_mark(bulk.id), clip_ids=part)
        before = {verdict.clip_id for verdict in own}
        events = [
            {
                **_verdict(bulk, clip_id, True),
                "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{bulk.id} {reviewer_id} {clip_id}")),
                "note": f"{_words(bulk, share)} {_mark(bulk.id)}",
                "made_at": datetime.now(UTC).isoformat(),
            }
            for clip_id in part
            if clip_id in open_still and clip_id not in before
        ]
        recorded = review.record(studio, reviewer_id, events)
        done, saved = done + len(part), saved + len(recorded.saved) + len(before)
        yield Progress(done, len(bulk.rest), saved)


def newest(studio: Studio, reviewer_id: int) -> Done | None:
    """The action that undo takes back: the one that this person's newest verdict belongs to, if any."""
    with studio.database.read() as session:
        last = bulk_verdicts.newest(session, reviewer_id=reviewer_id)
        mark = MARK.search(last.note or "") if last else None
        if last is None or mark is None:
            return None
        clips = bulk_verdicts.count_marked(session, reviewer_id=reviewer_id, mark=mark.group())
    return Done(mark[1], last.kind, clips)


def undo(studio: Studio, reviewer_id: int, bulk_id: str) -> Iterator[Progress]:
    """Take back every verdict of an action; what was looked at in its sample stays. Safe to repeat."""
    with studio.database.read() as session:
        standing: list[Verdict] = bulk_verdicts.marked(session, reviewer_id=reviewer_id, mark=_mark(bulk_id))
    uuids = [verdict.uuid for verdict in reversed(standing)]
    done = saved = 0
    for part in _steps(uuids):
        events = [
            {
                "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, f"undo {name}")),
                "kind": "undo",
                "undoes_uuid": name,
                "made_at": datetime.now(UTC).isoformat(),
            }
            for name in part
        ]
        recorded = review.record(studio, reviewer_id, events)
        done, saved = done + len(part), saved + len(recorded.saved)
        yield Progress(done, len(uuids), saved)


def _verdict(bulk: Bulk, clip_id: int, right: bool) -> dict[str, Any]:
    """The event that says so of a clip, without its uuid."""
    proposed = bulk.proposed.get(clip_id)
    said = bulk.class_id if bulk.kind == "class" else proposed
    event = {"clip_id": clip_id, "predicted_class_id": proposed, "round_id": bulk.round_id}
    if bulk.kind in LABELLING and right:
        return {**event, "kind": "accept" if said == proposed else "correct", "class_id": said}
    if bulk.kind in LABELLING:
        return {**event, "kind": "reject" if said == proposed else "skip"}
    return {**event, "kind": bulk.kind}


def _words(bulk: Bulk, share: Measured | None) -> str:
    """What the notes of an action say before its mark."""
    if bulk.note:
        return bulk.note[:1000]
    words = f"one of {len(bulk.rest)} decided on at once"
    return f"{words}, {share.right} of {share.of} looked at before were right" if share else words


def _mark(bulk_id: str) -> str:
    return f"{verdicts.BULK}{bulk_id}]"


def _sample_mark(bulk: Bulk) -> str:
    return f"[sample {bulk.id}]"


def _steps(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), STEP):
        yield values[start : start + STEP]
