"""The grid of the Browse page: thumbnails to select, and what can be done with the selection."""

from collections.abc import Sequence
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.components.clip_grid import Selection, clip_grid, picked_clips
from app.resources import Visit, visit
from app.services import clip_listing, review
from app.services.clip_cards import ClipPage
from app.views.browse_address import View, go
from app.views.browse_bulk import Work, ask
from app.views.clip_cards import grid_card

GRID = "grid"
A_PAGE = 60


def take_selection(work: Work) -> None:
    """Take over what the browser says is selected on its page."""
    picked = picked_clips(GRID)
    if picked is None or picked.at <= work.answered:
        return
    work.chosen = set(picked.clip_ids if picked.everywhere else work.chosen - picked.shown | picked.clip_ids)
    work.answered = picked.at


@st.fragment
def draw_clips(view: View, found: ClipPage, work: Work) -> None:
    """Pages, selection and thumbnails; a fragment, so that selecting asks the database nothing."""
    guest = visit()
    draw_bar(guest, view, found, work)
    opened = clip_grid(
        [grid_card(guest, clip) for clip in found.clips],
        GRID,
        least_width=132,
        selection=Selection(work.chosen, work.answered),
        on_picked=partial(take_selection, work),
    )
    if opened is not None:
        go(clip=opened)
        st.rerun()
    if found.total > len(found.clips):
        _draw_ways(found, st.columns([8, 1.2, 1.2])[1:], "_below")


def draw_bar(guest: Visit, view: View, found: ClipPage, work: Work) -> None:
    """What is on show, or what can be done with what is selected, and the ways on and back: one line, so that
    selecting moves nothing."""
    bar, *ways = st.columns([8, 1.2, 1.2], vertical_alignment="center")
    with bar:
        if work.chosen:
            _draw_actions(guest, view, found, work)
        else:
            last = found.offset + len(found.clips)
            st.caption(
                f"{found.offset + 1:,} to {last:,} of {found.total:,} clips · a check mark selects, "
                "with Shift up to there, Ctrl A the whole page"
            )
    _draw_ways(found, ways, "")


def _draw_ways(found: ClipPage, places: Sequence[DeltaGenerator], where: str) -> None:
    pages, here = -(-found.total // A_PAGE), found.offset // A_PAGE + 1
    if pages == 1:
        return
    for place, label, goal in zip(places, ("Earlier", "Later"), (here - 1, here + 1), strict=True):
        if place.button(label, key=f"{label}{where}", width="stretch", disabled=not 1 <= goal <= pages):
            go(page=goal)
            st.rerun()


def _draw_actions(guest: Visit, view: View, found: ClipPage, work: Work) -> None:
    number = view.filter().round_number
    act = partial(ask, guest.studio, guest.user.id, work)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        count = len(work.chosen)
        st.markdown(f"**{count:,} selected**", width="content")
        asked = [
            st.button(
                "Accept the proposals",
                key="bulk_accept",
                type="primary",
                on_click=act,
                args=("accept", number),
            )
        ]
        with st.popover("All are …"):
            classes = dict(review.classes(guest.studio))
            class_id = st.selectbox(
                f"All {count:,} clips are of the class",
                list(classes),
                index=None,
                key="bulk_class",
                format_func=lambda option: classes.get(option, ""),
                placeholder="choose a class",
            )
            asked.append(
                st.button(
                    "Label them",
                    key="bulk_label",
                    disabled=class_id is None,
                    on_click=act,
                    args=("class", number, class_id),
                )
            )
        asked.append(st.button("Reject", key="bulk_reject", on_click=act, args=("reject", number)))
        with st.popover("Flag"):
            note = st.text_input(
                "Why are they flagged?", key="bulk_note", placeholder="a note for the others"
            )
            flag = partial(act, "flag", number, None, note)
            asked.append(st.button("Flag them", key="bulk_flag", disabled=not note.strip(), on_click=flag))
        if count < found.total:
            every = partial(_select_all, guest, view, work)
            st.button(
                f"Select all {found.total:,} that match", key="select_all", type="tertiary", on_click=every
            )
        st.button("Clear", key="clear_selection", type="tertiary", on_click=work.chosen.clear)
    if any(asked):
        st.rerun()


def _select_all(guest: Visit, view: View, work: Work) -> None:
    work.chosen = set(clip_listing.clip_ids(guest.studio, view.filter()))
