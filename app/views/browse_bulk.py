"""An action on many clips on screen: what it will do, its sample, its progress, and undo."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import streamlit as st

from app.components.clip_grid.sample import clip_sample, received_looks
from app.resources import Visit, visit
from app.services import bulk_accept, clip_listing, review
from app.services.bulk_accept import Bulk, Progress
from app.services.review import Recorded
from app.services.round_cards import Measured
from app.services.studio import Studio
from app.views.cards import plain
from app.views.clip_cards import grid_card
from finepseudo_core.errors import FinePseudoError

SAMPLE = "browse_sample"
LEFT_OUT = {
    "audit": "drawn for a blind check that nobody has answered; a verdict given here would bend the "
    "precision. Review asks for them",
    "decided": "decided already",
    "proposal": "without a proposal",
    "unreadable": "not readable",
}
DONE = {
    "accept": "accepted",
    "correct": "labelled",
    "class": "labelled",
    "reject": "rejected",
    "flag": "flagged",
}
LOW = 0.75  # a sample that can't promise more than this advises against


@dataclass
class Work:
    """What a person is doing with many clips; kept for their session.

    Args:
        chosen: clips selected, on any page; `answered` is the newest message of the grid taken in.
        bulk: the action that is planned; `asked` for by these clips; `confirmed` once it is to be written.
        undoing: the action that is being taken back.
        told: how the last action went.
        recorded: what became of the sample's log.
    """

    chosen: set[int] = field(default_factory=set)
    answered: float = 0.0
    bulk: Bulk | None = None
    confirmed: bool = False
    undoing: str | None = None
    told: tuple[str, str] | None = None
    recorded: Recorded = Recorded((), ())
    sampled: dict[tuple[object, ...], Bulk] = field(default_factory=dict)


def ask(studio: Studio, user_id: int, work: Work, kind: str, round_number: int | None,
        class_id: int | None = None, note: str = "") -> None:  # fmt: skip
    """Plan an action on what is selected. One that needs no second look is to be written at once."""
    work.told = None
    wanted = (kind, class_id, round_number, frozenset(work.chosen))
    try:
        bulk = work.sampled.get(wanted) or bulk_accept.plan(
            studio, user_id, kind, work.chosen, round_number=round_number, class_id=class_id, note=note
        )
    except FinePseudoError as error:
        work.told = ("error", str(error))
        return
    work.sampled = {wanted: bulk} if bulk.sample else {}  # the same clips go on where they were left
    if not bulk.clip_ids:
        work.told = ("info", f"Nothing was done. Left out: {left_out(bulk) or 'clips that are gone'}.")
        return
    work.bulk, work.confirmed = bulk, len(bulk.clip_ids) <= bulk_accept.MOST_UNSEEN
    work.recorded = Recorded((), ())


def save_looks(studio: Studio, user_id: int, work: Work, bulk: Bulk) -> None:
    """Write the sample's log; nothing is drawn before or in between."""
    entries = received_looks(SAMPLE)
    if entries:
        work.recorded = bulk_accept.look(studio, user_id, bulk, entries)


def left_out(bulk: Bulk) -> str:
    """Why clips are left out, in words; empty where none is."""
    return "; ".join(
        f"{bulk.left_out[why]} {words}" for why, words in LEFT_OUT.items() if why in bulk.left_out
    )


def verdict_words(share: Measured, clips: int) -> str:
    """What a sample says about all of the clips."""
    return (
        f"{share.right} of {share.of} right: between {share.low:.0%} and {share.high:.0%} of these "
        f"{clips:,} are right."
    ).replace("%", " %")


def draw_work(guest: Visit, work: Work) -> bool:
    """An action that is planned or at work, in the place of the grid; whether there is one."""
    if work.undoing:
        undoing = work.undoing
        _write(work, bulk_accept.undo(guest.studio, guest.user.id, undoing), "Taking back", "taken back")
        st.rerun()
    if work.bulk is None:
        return False
    if work.confirmed:
        bulk = work.bulk
        _write(work, bulk_accept.carry_out(guest.studio, guest.user.id, bulk), "Writing", DONE[bulk.kind])
        st.rerun()
    _draw_plan(work.bulk, work)
    return True


def _write(work: Work, steps: Iterator[Progress], doing: str, done: str) -> None:
    """Go through the steps of an action; each is saved, and what a rerun ends, the next drawing takes up."""
    line = st.progress(0.0, f"{doing} …")
    now, kept = Progress(0, 0, 0), left_out(work.bulk) if work.bulk else ""
    try:
        for now in steps:
            line.progress(now.done / now.total, f"{doing}: {now.done:,} of {now.total:,} clips")
        missed = f"; {now.total - now.saved} were decided on meanwhile" if now.saved < now.total else ""
        work.told = (
            "success",
            f"{_clips(now.saved)} {done}{missed}." + (f" Left out: {kept}." if kept else ""),
        )
    except FinePseudoError as error:
        work.told = ("error", str(error))
    work.bulk, work.confirmed, work.undoing = None, False, None
    work.chosen, work.sampled = set(), {}
    line.empty()


def _draw_plan(bulk: Bulk, work: Work) -> None:
    head, leave = st.columns([8, 1.6], vertical_alignment="center")
    if bulk.sample:
        head.subheader(f"Look at {len(bulk.sample)} of {len(bulk.clip_ids)} first", anchor=False)
    else:
        what = {"reject": "Reject the proposals of", "flag": "Flag"}.get(bulk.kind, "Label")
        head.subheader(f"{what} {_clips(len(bulk.clip_ids))}?", anchor=False)
    leave.button("Back to the clips", key="leave_bulk", width="stretch", on_click=partial(_leave, work))
    notes = [f"Left out: {left_out(bulk)}."] if bulk.left_out else []
    if bulk.sample:
        notes.insert(
            0,
            "They were drawn at random, so they speak for all of them. Each answer is saved as your verdict; "
            "what is wrong is not accepted.",
        )
    if notes:
        st.caption(plain(" ".join(notes)))
    if bulk.decided and bulk.kind != "flag":
        st.warning(f"{_clips(bulk.decided)} of them are decided already and would be decided anew.")
    _draw_sample(work)


@st.fragment
def _draw_sample(work: Work) -> None:
    """The sample, what it says, and the buttons; a fragment, so that a key redraws nothing else."""
    guest, bulk = visit(), work.bulk
    if bulk is None:
        return
    share = None
    if bulk.sample:
        said = bulk_accept.looks(guest.studio, guest.user.id, bulk)
        share = bulk_accept.found(bulk, said)
        cards = clip_listing.by_id(guest.studio, bulk.sample)
        names = dict(review.classes(guest.studio))
        clip_sample(
            {
                "bulk": bulk.id,
                "clips": [
                    grid_card(guest, cards[clip_id], names.get(bulk.class_id or bulk.proposed[clip_id], "it"))
                    for clip_id in bulk.sample
                    if clip_id in cards
                ],
                "answers": [[clip_id, one.uuid, one.right] for clip_id, one in said.items()],
                "acknowledged": list(work.recorded.saved) + [one.uuid for one in work.recorded.refused],
                "told": " ".join(one.reason for one in work.recorded.refused),
            },
            SAMPLE,
            partial(save_looks, guest.studio, guest.user.id, work, bulk),
        )
        if share:
            words = verdict_words(share, len(bulk.clip_ids))
            if share.low < LOW:
                words += " That is not much: narrow the selection, by class or by confidence, and try again."
            (st.success if share.low >= LOW else st.warning)(words)
    ready = share is not None or not bulk.sample
    if ready and bulk.rest:
        sound = share is None or share.low >= LOW
        tone: Literal["primary", "secondary"] = "primary" if sound else "secondary"
        if st.button(_go_on(bulk), key="carry_out", type=tone, on_click=partial(_confirm, work)):
            st.rerun()


def _go_on(bulk: Bulk) -> str:
    count = len(bulk.rest)
    if bulk.sample:
        return f"Accept the other {count:,}" if bulk.kind == "accept" else f"Label the other {count:,}"
    return f"{'Reject' if bulk.kind == 'reject' else 'Flag'} {_clips(count)}"


def _confirm(work: Work) -> None:
    work.confirmed = True


def _leave(work: Work) -> None:
    work.bulk, work.confirmed = None, False


def draw_outcome(guest: Visit, work: Work) -> None:
    """How the last action went, and the button that takes it back as long as it is this person's newest."""
    last = bulk_accept.newest(guest.studio, guest.user.id)
    if work.told is None and last is None:
        return
    told, undo = st.columns([8, 1.6], vertical_alignment="center")
    if work.told:
        tone, words = work.told
        tones: dict[str, Callable[..., object]] = {
            "error": told.error,
            "info": told.info,
            "success": told.success,
        }
        tones[tone](plain(words))
    elif last:
        told.caption(f"Your last action: {_clips(last.clips)} {DONE.get(last.kind, last.kind)} at once.")
    if last:
        undo.button(
            f"Undo {_clips(last.clips)}",
            key="undo_bulk",
            width="stretch",
            help="Takes back what was decided at once; what you looked at in the sample stays.",
            on_click=partial(setattr, work, "undoing", last.id),
        )


def _clips(count: int) -> str:
    return f"{count:,} clip{'' if count == 1 else 's'}"
