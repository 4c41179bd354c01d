"""The compare screen as the browser's component takes it, and the choice of its two clips."""

from typing import Any

import streamlit as st

from app.resources import Visit
from app.services import comparison, review
from app.services.clip_cards import ClipCard, ClipFilter
from app.services.comparison import Comparison
from app.services.review import Recorded
from app.views.cards import plain

VIDEO = "/compare/video.mp4"


def compare_data(guest: Visit, pair: Comparison, recorded: Recorded, told: str) -> dict[str, Any]:
    """Everything the compare screen shows."""
    return {
        "scope": f"{guest.studio.settings.project}|{guest.user.id}",
        "a": _clip(guest, pair, pair.first),
        "b": _clip(guest, pair, pair.second),
        "features": pair.features,
        "round_number": pair.round_number,
        "usual": vars(pair.distances),
        "unaligned_because": pair.unaligned_because,
        "marks": [vars(mark) for mark in pair.marks],
        "phases": list(pair.phases),
        "class_name": pair.class_name,
        "class_clips": pair.class_clips,
        "told": told,
        "video": VIDEO,
        "acknowledged": list(recorded.saved),
        "refused": [[refusal.uuid, refusal.reason] for refusal in recorded.refused],
    }


def _clip(guest: Visit, pair: Comparison, clip: ClipCard) -> dict[str, Any]:
    assert clip.sprite is not None  # the page leaves those out
    aligned = pair.round_number is not None and pair.iteration is not None and pair.features
    return {
        "clip_id": clip.id,
        "name": clip.key,
        "fps": clip.fps or 25.0,
        "sprite": guest.sprite(clip.id, clip.sha256 or "", clip.sprite, clip.fps or 25.0, clip.frames),
        "embedding": guest.embedding(pair.round_number or 0, pair.iteration or 0, clip.id) if aligned else "",
    }


def class_of(clip: ClipCard) -> str:
    """A clip's class as it stands, or what is proposed."""
    return clip.label_name or (f"{clip.proposed.class_name}?" if clip.proposed else "no label")


def chosen_filter(side: str) -> ClipFilter:
    """What the selectors of a side ask for; usable before they are drawn."""
    state = st.session_state
    return ClipFilter(
        search=str(state.get(f"{side}_search") or "").strip(),
        class_id=state.get(f"{side}_class"),
        state="ready",
    )


def take(side: str) -> None:
    """Put the clip that was just chosen into the address."""
    if (chosen := st.session_state.get(f"{side}_clip")) is not None:
        st.query_params[side] = str(chosen)


def draw_choice(guest: Visit, side: str, clip: ClipCard) -> None:
    """A button that names the clip of a side and opens its selectors."""
    with st.popover(
        f"**{side.upper()}** &nbsp; {plain(clip.key)} · {plain(class_of(clip))}", width="stretch"
    ):
        classes = dict(review.classes(guest.studio))
        st.text_input("File name", key=f"{side}_search", placeholder="part of the name")
        st.selectbox(
            "Class",
            [None, *classes],
            key=f"{side}_class",
            format_func=lambda class_id: classes.get(class_id, "all classes"),
        )
        found, total = comparison.listed(guest.studio, chosen_filter(side))
        names = {card.id: f"{card.key} · {class_of(card)}" for card in found}
        st.selectbox(
            f"Clip {side.upper()}",
            list(names),
            index=None,
            key=f"{side}_clip",
            format_func=lambda clip_id: names.get(clip_id, str(clip_id)),
            placeholder=f"choose one of {total:,}",
            on_change=take,
            args=(side,),
        )
        if total > len(found):
            st.caption(f"The first {len(found)} are listed; narrow the search to reach the others.")
