"""Review: one pseudo-label, one key."""

from functools import partial

import streamlit as st

from app.components.clip_review import chosen_queue, clip_review, received_log
from app.resources import visit
from app.services import queue, review_queues, today
from app.services.studio import Studio
from app.views.review_stock import ReviewStock


def save(studio: Studio, reviewer_id: int, stock: ReviewStock) -> None:
    """Write the browser's log in one transaction; nothing is drawn before or in between."""
    events = received_log()
    if events:
        stock.record(studio, reviewer_id, events)


def choose(studio: Studio, reviewer_id: int, stock: ReviewStock) -> None:
    """Go on in the queue that was chosen; the address names it, so that it can be kept and passed on."""
    name, class_id = chosen_queue()
    queue.leave(studio, reviewer_id)
    stock.forget()
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
def review_screen(stock: ReviewStock) -> None:
    """The screen; a fragment, so that a verdict redraws nothing else."""
    guest = visit()
    name, class_id = wanted_queue()
    data = stock.data(guest, name, class_id)
    whose = (guest.studio, guest.user.id, stock)
    clip_review(data, on_log=partial(save, *whose), on_queue=partial(choose, *whose))
    if not data["items"] and name == review_queues.DEFAULT:
        wait_for_proposals()


stock = st.session_state.setdefault("review_stock", ReviewStock())
stock.forget()
review_screen(stock)
