"""Snapshots of the whole project: make one, watch it, fetch it, and how to restore it."""

import streamlit as st

from app.resources import Visit
from app.services import snapshots
from app.services.snapshots import SnapshotCard
from app.views.cards import ago, draw_progress, plain, state_badge
from finepseudo_core.errors import FinePseudoError


def draw_snapshots(guest: Visit) -> None:
    """What a snapshot holds, a button that makes one, and those there are."""
    with st.container(key="card_snapshot"):
        st.markdown("#### The whole project in one file")
        st.caption(
            "Clips, classes, every verdict, finished rounds with their models, and the pictures that "
            "reviewing needs. It is made while everybody goes on working. Whoever has the file can read all "
            "of it."
        )
        if guest.user.role != "admin":
            st.info("Only an admin makes and fetches snapshots; ask one of them.")
            return
        videos, act = st.columns([5, 2], vertical_alignment="center")
        with_videos = videos.checkbox(
            "with videos",
            key="with_videos",
            help="The project's own copies of the clips. Without them the file is small; a restored project "
            "reads the videos from where they were imported, where they are still there.",
        )
        act.button(
            "Make a snapshot",
            key="snapshot",
            type="primary",
            width="stretch",
            on_click=_start,
            args=(guest, with_videos),
        )
        if refused := st.session_state.pop("snapshot_refused", None):
            st.error(plain(refused))
        draw_made(guest)
        with st.expander("Restore one"):
            st.markdown(
                "A snapshot becomes a new project, in a folder that is empty or not there yet. Everything in "
                "it is checked first, and nothing half restored is left behind. Everybody signs in with the "
                "token they have."
            )
            st.code("python -m app restore FILE --project NEW_FOLDER", language="shell")
            st.markdown("Where the videos lie elsewhere on that machine, say so:")
            st.code("python -m app restore FILE --project NEW_FOLDER --videos /old=/new", language="shell")


@st.fragment(run_every="2s")
def draw_made(guest: Visit) -> None:
    """Snapshots, newest first; the one being made moves."""
    for card in snapshots.listing(guest.studio):
        if card.state in ("queued", "running"):
            _draw_running(guest, card)
        else:
            _draw_done(guest, card)


def _draw_running(guest: Visit, card: SnapshotCard) -> None:
    line, act = st.columns([6, 1], vertical_alignment="center")
    with line:
        waiting = card.state == "queued"
        done = f"{card.step:,} of {card.steps:,} MB" if card.steps else ""
        title = "Snapshot waits for the worker" if waiting else "Making a snapshot"
        draw_progress(title, done, card.step / card.steps if card.steps else None)
    act.button(
        "Cancel",
        key=f"cancel_snapshot_{card.id}",
        width="stretch",
        on_click=snapshots.cancel,
        args=(guest.studio, card.id, guest.user.id),
    )


def _draw_done(guest: Visit, card: SnapshotCard) -> None:
    words, fetch, drop = st.columns([5, 1, 1], vertical_alignment="center")
    what = "with videos" if card.videos else "without videos"
    size = f"{card.bytes / 1e6:,.1f} MB, " if card.bytes is not None else ""
    words.markdown(
        f"{state_badge(card.state)} &nbsp; {size}{what}, by {plain(card.made_by)}, {ago(card.created_at)}"
    )
    if card.error:
        st.error(plain(card.error))
    if card.bytes is not None:
        address = snapshots.address(guest.studio.secret, card.name, guest.user.id)
        fetch.link_button("Download", address, width="stretch")
        drop.button(
            "Delete",
            key=f"delete_snapshot_{card.id}",
            width="stretch",
            on_click=snapshots.delete,
            args=(guest.studio, card.name, guest.user.id),
        )


def _start(guest: Visit, videos: bool) -> None:
    try:
        snapshots.start(guest.studio, guest.user.id, videos=videos)
    except FinePseudoError as error:
        st.session_state["snapshot_refused"] = str(error)
