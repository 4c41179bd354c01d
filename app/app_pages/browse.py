"""Browse: every clip as a thumbnail, filtered and sorted by the address; `?clip=ID` shows one."""

import streamlit as st

from app.resources import Visit, visit
from app.services import datasets
from app.views.browse_address import current, go
from app.views.browse_bulk import Work, draw_outcome, draw_work
from app.views.browse_filters import draw_filters
from app.views.browse_grid import A_PAGE, draw_clips
from app.views.browse_similar import draw_similar
from app.views.cards import plain
from app.views.clip_detail import draw_clip


def draw_all(guest: Visit) -> None:
    """Filters, thumbnails, and what is done with many of them."""
    st.title("Browse")
    work: Work = st.session_state.setdefault("browse_work", Work())
    if draw_work(guest, work):
        return
    view = current()
    draw_filters(guest, view)
    draw_outcome(guest, work)
    which = view.filter()

    def page(number: int) -> datasets.ClipPage:
        return datasets.clips(
            guest.studio, which, (number - 1) * A_PAGE, A_PAGE, sort=view.sort, descending=view.descending
        )

    found = page(view.page)
    if found.total and not found.clips:  # the last page, where the address asks for one behind it
        found = page(-(-found.total // A_PAGE))
    if found.total:
        draw_clips(view, found, work)
    elif view.asked:
        st.info("No clip matches. Take a filter away, or clear all of them.")
    else:
        st.info("There are no clips yet. Bring some in on the Transfer page.")


def draw_one(guest: Visit, wanted: str) -> None:
    """One clip by the number in the address."""
    st.title("Browse")
    st.button("← All clips", key="back", on_click=go, kwargs={"clip": None})
    clip = datasets.clip(guest.studio, int(wanted)) if wanted.isascii() and wanted.isdecimal() else None
    if clip is None:
        st.error(plain(f"There is no clip {wanted!r} in this project. It may belong to another one."))
        return
    draw_clip(guest, clip)
    draw_similar(guest, clip)


guest = visit()
asked = st.query_params.get("clip")
if asked is None:
    draw_all(guest)
else:
    draw_one(guest, asked)
