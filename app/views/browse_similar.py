"""Clips alike one clip, each with its label and who gave it."""

import streamlit as st

from app.components.clip_grid import clip_grid, pressed_action
from app.resources import Visit
from app.services.clip_cards import ClipCard
from app.services.similar_clips import similar
from app.views.browse_address import go
from app.views.clip_cards import grid_card


def draw_similar(guest: Visit, clip: ClipCard) -> None:
    """The clips most alike, which open here, each with a way to compare it."""
    st.markdown("#### Similar clips")
    found = similar(guest.studio, clip.id)
    if found.unknown_because:
        st.caption(found.unknown_because)
        return
    if not found.clips:
        st.caption("There is no other clip to be like it yet.")
        return
    st.caption(
        f"Similar means: over the whole clip, round {found.round_number} sees much the same postures and "
        "movements. The class, the tempo and the order do not count."
    )
    key = f"similar_{clip.id}"
    opened = clip_grid(
        [
            {
                **grid_card(guest, other, note=_note(other, alike)),
                "links": [["compare", "Compare", f"/compare?a={clip.id}&b={other.id}"]],
            }
            for other, alike in found.clips
        ],
        key=key,
        least_width=94,
    )
    if opened is not None:
        go(clip=opened)
        st.rerun()
    pressed = pressed_action(key)
    if pressed:
        st.switch_page("app_pages/compare.py", query_params={"a": str(clip.id), "b": str(pressed[0])})


def _note(clip: ClipCard, alike: float) -> str:
    """How alike, and who says what the clip is."""
    if clip.label_source == "verdict":
        author = f"by {clip.reviewer}"
    else:
        author = "label came with the import" if clip.label_source else "nobody has decided yet"
    return f"{alike:.2f} alike, {author}"
