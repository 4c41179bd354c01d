"""A grid of thumbnails that play under the pointer; a click opens the clip."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app.components import join

_mount = st.components.v2.component(
    "finepseudo_clip_grid",
    css=join(["tokens.css", "clip_grid/style.css"]),
    js=join(["dom.js", "sprite_player.js", "clip_grid/index.js"]),
)


def clip_grid(clips: Sequence[Mapping[str, Any]], key: str, *, least_width: int = 118) -> int | None:
    """Draw the grid; returns the id of the clip that was just opened.

    Args:
        clips: each with clip_id, href, thumb (address, or empty), absent (text in its place),
            sprite (or None), title, note, badge (or None) and tone ("good" or "").
        key: the widget's key.
        least_width: narrowest card, in pixels.
    """
    data = {"clips": [dict(clip) for clip in clips], "least_width": least_width}
    opened = _mount(key=key, data=data, on_opened_change=lambda: None).opened
    return int(opened) if opened is not None else None
