"""Review: one pseudo-label, one key."""

from functools import partial

import streamlit as st

from app.components.clip_review import chosen_queue, clip_review, received_log
from app.resources import Visit, visit
from app.services import queue, review, review_queues, today
from app.services.queue import BareItem, ReviewItem
from app.services.review import Recorded
from app.services.studio import Studio
from app.views.class_search import class_search
from app.views.review_items import review_data

AHEAD = 24  # clips the browser holds, so that a quick hand never waits for the server


class Outcome:
    """What became of the log the browser sent last; the next drawing tells the browser."""

    recorded = Recorded((), ())
    fresh = False  # this drawing follows a log; the page has been there before


def save(studio: Studio, reviewer_id: int, outcome: Outcome) -> None:
    """Write the browser's log in one transaction; nothing is drawn before or in between."""
    events = received_log()
    if events:
        outcome.recorded = review.record(studio, reviewer_id, events)
        outcome.fresh = True


def choose(studio: Studio, reviewer_id: int) -> None:
    """Go on in the queue that was chosen; the address names it, so that it can be kept and passed on."""
    name, class_id = chosen_queue()
    queue.leave(studio, reviewer_id)
    st.query_params["queue"] = name
    if class_id is None:
        st.query_params.pop("class", None)
    else:
        st.query_params["class"] = str(class_id)


def wanted_queue() -> tuple[str, int | None]:
    """The queue and class that the address names."""
    class_id = st.query_params.get("class", "")
    name = st.query_params.get("queue", review_queues.DEFAULT)
    return name, int(class_id) if class_id.isdecimal() and len(class_id) < 10 else None


def last_verdict(guest: Visit) -> tuple[str, ReviewItem | BareItem] | None:
    """The newest verdict of this person that stands, with its clip: what undo takes back after a reload."""
    for verdict in review.history(guest.studio, guest.user.id, limit=5):
        if not verdict.undone:
            item = queue.decided(guest.studio, guest.user.id, verdict.clip_id, verdict.uuid)
            return (verdict.uuid, item) if item and item.sprite else None
    return None


@st.fragment(run_every="3s")
def wait_for_proposals() -> None:
    """Draw the page anew as soon as there is something to review."""
    guest = visit()
    now = today.overview(guest.studio, guest.user.id)
    if now.waiting:
        st.rerun()
    if now.running_round or now.running_import:
        st.caption("The studio is at work; proposals show up here by themselves.", text_alignment="center")


@st.fragment
def review_screen(outcome: Outcome) -> None:
    """The screen; a fragment, so that a verdict redraws nothing else."""
    guest = visit()
    name, class_id = wanted_queue()
    waiting = queue.next_items(guest.studio, guest.user.id, limit=AHEAD, name=name, class_id=class_id)
    data = review_data(guest, waiting, outcome.recorded, None if outcome.fresh else last_verdict(guest))
    outcome.fresh = False
    clip_review(
        data | class_search(guest.studio),
        on_log=partial(save, guest.studio, guest.user.id, outcome),
        on_queue=partial(choose, guest.studio, guest.user.id),
    )
    if not waiting.items and name == review_queues.DEFAULT:
        wait_for_proposals()


outcome = st.session_state.setdefault("outcome", Outcome())
outcome.fresh = False  # the browser that asks for the whole page may know nothing
review_screen(outcome)
