"""The review queues: what each holds, why a clip is in it, and why one can't be had."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from db.engine import Session
from db.models import Clip, PseudoLabel, Round
from db.repositories import classes, clips, pseudo_labels, verdicts
from db.repositories import review_queues as repository
from db.repositories.review_queues import Opinion

DEFAULT = "margin"
ALIGNED = "finepseudo"  # the method that learns which clips align

TITLES = {
    "margin": "Least certain",
    "disagreement": "The heads disagree",
    "alignability": "Aligns poorly: novel?",
    "flipped": "Newly flipped",
    "class": "One class",
    "random": "Random",
    "flagged": "Flagged",
    "skipped": "Skipped by me",
    "conflicts": "Conflicts",
}
AUDITED = ("margin", "disagreement", "alignability", "flipped", "class", "random")
WHOLE = ("margin", "alignability", "random")  # every clip of the round comes up in them


@dataclass(frozen=True)
class Found:
    """Clips of a queue in its order. `reasons`: clip id -> why it is there, where its proposal does not tell.
    `bare`: clips for which the round proposes nothing."""

    proposals: list[tuple[PseudoLabel, Clip]]
    reasons: Mapping[int, str]
    bare: tuple[Clip, ...] = ()


def unavailable(session: Session, row: Round, name: str, class_id: int | None) -> str | None:
    """Why a queue can't be had in this round and what to do; None where it can."""
    if name not in TITLES:
        return f"There is no queue {name[:40]!r}; choose one of the list."
    if name in ("disagreement", "alignability") and row.config.get("method", ALIGNED) != ALIGNED:
        return (
            f"Round {row.number} was trained with {row.config['method']}, which learns no alignment. "
            "A round of the method finepseudo has this queue."
        )
    if name == "flipped" and row.parent_id is None:
        return (
            f"Round {row.number} started from no earlier round, so there is nothing that could have flipped. "
            "The next round has this queue."
        )
    if name == "flipped" and not repository.has_flips(session, row=row):
        return f"The round that round {row.number} started from proposes nothing for any of its clips."
    if name == "class" and class_id not in {each.id for each in classes.listing(session)}:
        return "Choose a class beside the queue."
    return None


def find(
    session: Session, row: Round, reviewer_id: int, name: str, class_id: int | None, limit: int,
    taken: Collection[int],
) -> Found:  # fmt: skip
    """The next clips of a queue that can be had; `taken` are left out. What the reviewer set aside comes at
    the end, in queues where every clip comes up."""
    chosen = {"flagged": _flagged, "skipped": _skipped, "conflicts": _conflicts}.get(name)
    if chosen is not None:
        return chosen(session, row, reviewer_id, limit, taken)
    aside = verdicts.skipped(session, reviewer_id=reviewer_id, round_id=row.id)
    found = repository.proposals(
        session, row=row, name=name, limit=limit, without=set(taken) | set(aside),
        class_id=class_id if name == "class" else None,
    )  # fmt: skip
    if name in WHOLE and len(found) < limit:
        again = [clip_id for clip_id in aside if clip_id not in taken]
        found += pseudo_labels.among(session, row=row, clip_ids=again)[: limit - len(found)]
    return Found(found, _why_flipped(session, row, found) if name == "flipped" else {})


def _flagged(session: Session, row: Round, reviewer_id: int, limit: int, taken: Collection[int]) -> Found:
    flags = {flag.clip_id: flag for flag in repository.flags(session) if flag.clip_id not in taken}
    aside = verdicts.skipped(session, reviewer_id=reviewer_id, round_id=row.id, kinds=("skip",))
    order = [clip_id for clip_id in flags if clip_id not in aside] + [each for each in aside if each in flags]
    reasons = {
        clip_id: f"{flag.author} flagged it: {flag.note}" if flag.note else f"{flag.author} flagged it."
        for clip_id, flag in flags.items()
    }
    return _whatever_there_is(session, row, order, reasons, limit)


def _skipped(session: Session, row: Round, reviewer_id: int, limit: int, taken: Collection[int]) -> Found:
    aside = verdicts.skipped(session, reviewer_id=reviewer_id, round_id=row.id, kinds=("skip",))
    order = [clip_id for clip_id in aside if clip_id not in taken]
    found = pseudo_labels.among(session, row=row, clip_ids=order)[:limit]
    return Found(found, {clip.id: "You skipped it." for _, clip in found})


def _conflicts(session: Session, row: Round, reviewer_id: int, limit: int, taken: Collection[int]) -> Found:
    names = classes.names(session)
    aside = verdicts.skipped(session, reviewer_id=reviewer_id, round_id=row.id, kinds=("skip",))
    open_now = {key: said for key, said in repository.conflicts(session).items() if key not in taken}
    order = [clip_id for clip_id in open_now if clip_id not in aside]
    order += [clip_id for clip_id in aside if clip_id in open_now]
    reasons = {
        clip_id: "; ".join(_says(opinion, names) for opinion in reversed(said)) + "."
        for clip_id, said in open_now.items()
    }
    return _whatever_there_is(session, row, order, reasons, limit, settled=True)


def _whatever_there_is(session: Session, row: Round, order: list[int], reasons: Mapping[int, str],
                       limit: int, *, settled: bool = False) -> Found:  # fmt: skip
    """Clips with their proposal where the round has one, bare where it has none."""
    order = order[:limit]
    found = pseudo_labels.among(session, row=row, clip_ids=order, settled=settled)
    proposed = {clip.id for _, clip in found}
    others = clips.by_id(session, clip_ids=[clip_id for clip_id in order if clip_id not in proposed])
    known = pseudo_labels.proposed_among(session, row=row, clip_ids=list(others))
    bare = [
        others[key] for key in order if key in others and others[key].state == "ready" and key not in known
    ]
    return Found(found, reasons, tuple(bare))


def _says(opinion: Opinion, names: Mapping[int, str]) -> str:
    kind, class_id = opinion.answer
    who = opinion.author or "the import"
    name = names.get(class_id or 0, "the proposal")
    return {"class": f"{who} says {name}", "reject": f"{who} says not {name}"}.get(
        kind, f"{who} says none of these"
    )


def _why_flipped(
    session: Session, row: Round, found: list[tuple[PseudoLabel, Clip]]
) -> Mapping[int, str]:  # fmt: skip
    names = classes.names(session)
    before = repository.shown_by_parent(session, round_id=row.id, clip_ids=[clip.id for _, clip in found])
    return {
        label.clip_id: f"It was {names[before[label.clip_id]]} in the round before, now it is "
        f"{names[label.class_id]}."
        for label, _ in found
        if label.clip_id in before
    }
