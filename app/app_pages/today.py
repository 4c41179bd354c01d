"""Today: what is happening, how things stand, and the one thing to do next."""

from html import escape

import streamlit as st

from app.components.focused_enter import focused_enter
from app.resources import Visit, visit
from app.services import pictures, today
from app.services.today import Today
from app.views.aligned_pair import draw_aligned_pair
from app.views.cards import ago, blind_checks, draw_tiles, measured
from app.views.running import draw_pictures, draw_running_import, draw_running_round, fetch_progress
from app.views.tour import draw_show_again, draw_tour

PAGES = {"review": "review", "rounds": "rounds", "transfer": "transfer", "browse": "browse"}


def draw_next(now: Today) -> None:
    """The one big button; Enter presses it."""
    action = now.next_action
    with st.container(key="card_next"):
        st.html(
            f'<div class="fps-next"><b>{escape(action.title)}</b><span>{escape(action.detail)}</span></div>'
        )
        page = PAGES.get(action.page)
        if page and st.button(
            {"review": "Review now", "rounds": "Go to rounds"}.get(page, action.title),
            type="primary",
            key="next",
            shortcut="Enter",
            width="stretch",
        ):
            st.switch_page(f"app_pages/{page}.py")


def draw_counts(now: Today) -> None:
    """Counts, and how right the accepted pseudo-labels are."""
    by_people, interval = measured(now.precision)
    tiles = [
        (
            "Clips",
            f"{now.ready:,}",
            f"{now.classes} classes" + (f", {now.reading:,} being read" if now.reading else ""),
        ),
        ("Labelled by people", f"{now.labelled:,}", f"{now.imported:,} came with the import"),
        (
            "Waiting for review",
            f"{now.waiting:,}",
            f"round {now.review_round_number}" if now.review_round_number else "no round yet",
        ),
        ("Reviewed", f"{now.reviewed:,}", f"{now.by_me:,} by you"),
        ("Accepted labels right", by_people, interval),
    ]
    if now.known_precision is not None:
        tiles.append(("Against held-back labels", *measured(now.known_precision)))
    draw_tiles(tiles)
    if words := blind_checks(now.audited_precision):
        st.caption(f"Accepted labels of round {now.review_round_number}: {words}.")


def draw_method(guest: Visit, *, beside: bool) -> None:
    """What the studio does, in three sentences and a picture of the project's own clips."""
    with st.container(key="card_method"):
        words, picture = st.container(), st.container()
        if beside:
            words, picture = st.columns([2, 3], gap="medium", vertical_alignment="center")
        words.markdown(
            "**How it works.** A few labelled clips teach the studio which movements unfold alike. "
            "It lays every other clip over them, moment by moment, and proposes a label where they match. "
            "You confirm or correct with one key, and the next round learns from what you decided."
        )
        with picture:
            draw_aligned_pair(guest)


def draw_active(now: Today) -> None:
    """The round whose proposals are reviewed."""
    card = now.active_round
    if card is None:
        return
    with st.container(key="card_active"):
        st.markdown(f"**Round {card.number}** is the one you review, finished {ago(card.finished_at)}")
        top1 = card.metrics.get("test_top1")
        st.markdown(
            f"It looked at {card.proposed:,} unlabelled clips and accepted {card.accepted:,} proposals."
            + (f" On clips kept for testing it is right in {top1:.0%}." if top1 is not None else "")
        )


def news(now: Today) -> tuple[object, ...]:
    """What makes the whole page draw anew when it changes."""
    running = now.running_import and now.running_import.id, now.running_round and now.running_round.id
    return now.next_action, now.review_round_number, now.ready, now.waiting, *running


@st.fragment(run_every="1s")
def draw_happening(guest: Visit, drawn: Today) -> None:
    """Import and round at work; redraws itself every second, and the page when there is news."""
    now = today.overview(guest.studio, guest.user.id)
    if news(now) != news(drawn):
        st.rerun()
    if now.running_import:
        draw_running_import(now.running_import)
    elif making := pictures.progress(guest.studio):
        draw_pictures(making)
    if now.running_round:
        progress, losses = fetch_progress(guest.studio, now.running_round.id)
        if progress:
            draw_running_round(now.running_round, progress, losses)


guest = visit()
now = today.overview(guest.studio, guest.user.id)
focused_enter()
st.title("Today")
draw_tour(guest, now)
left, right = st.columns([5, 4], gap="medium")
with left:
    draw_next(now)
    draw_happening(guest, now)
with right:
    if now.active_round is None:
        draw_method(guest, beside=False)
    else:
        draw_active(now)
draw_counts(now)
if now.unreadable:
    st.page_link(
        "app_pages/transfer.py",
        label=f"{now.unreadable:,} clips can't be read: see why and check again",
        icon=":material/warning:",
    )
if now.active_round is not None:
    draw_method(guest, beside=True)
draw_show_again(guest)
