"""A grid of thumbnails that play under the pointer; a click opens the clip."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from app.components import join

_mount = st.components.v2.component(
    "finepseudo_clip_grid",
    css=join(["tokens.css", "clip_grid/style.css"]),
    js=join(["dom.js", "sprite_player.js", "clip_grid/index.js"]),
)


def clip_grid(
    clips: Sequence[Mapping[str, Any]],
    key: str,
    *,
    least_width: int = 118,
    on_pressed: Callable[[], None] = lambda: None,
) -> int | None:
    """Draw the grid; returns the id of the clip that was just opened.

    Args:
        clips: each with clip_id, href, thumb (address, or empty), absent (text in its place),
            sprite (or None), title, note, badge (or None) and tone ("good" or ""), and, if it has buttons,
            actions: [name, label, whether it is pressed].
        key: the widget's key.
        least_width: narrowest card, in pixels.
        on_pressed: called when a button of a card is pressed; `pressed_action` gives it there.
    """
    data = {"clips": [dict(clip) for clip in clips], "least_width": least_width}
    grid = _mount(key=key, data=data, on_opened_change=lambda: None, on_pressed_change=on_pressed)
    return int(grid.opened) if grid.opened is not None else None


def pressed_action(key: str) -> tuple[int, str] | None:
    """The clip and the name of the button that was just pressed in a grid, None for anything else."""
    pressed = (st.session_state.to_dict().get(key) or {}).get("pressed") or {}
    clip_id, action = pressed.get("clip_id"), pressed.get("action")
    if isinstance(clip_id, int) and not isinstance(clip_id, bool) and isinstance(action, str):
        return clip_id, action
    return None
