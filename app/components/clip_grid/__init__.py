"""A grid of thumbnails that play under the pointer; a click opens the clip, a check mark selects it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.components import SPRITES, join

_mount = st.components.v2.component(
    "finepseudo_clip_grid",
    css=join(["tokens.css", "clip_grid/style.css"]),
    js=join(["dom.js", *SPRITES, "clip_grid/clip_card.js", "clip_grid/selection.js",
             "clip_grid/index.js"]),
)  # fmt: skip


@dataclass(frozen=True)
class Selection:
    """What is selected, on show or not; `answered` is `at` of the newest message that it takes in."""

    clip_ids: Collection[int]
    answered: float = 0.0


@dataclass(frozen=True)
class Picked:
    """What the browser says is selected: `clip_ids` of the clips it shows, `shown`; `everywhere` says that
    nothing else is. Messages are told apart by `at`."""

    shown: frozenset[int]
    clip_ids: frozenset[int]
    everywhere: bool
    at: float


def clip_grid(
    clips: Sequence[Mapping[str, Any]],
    key: str,
    *,
    least_width: int = 118,
    on_pressed: Callable[[], None] = lambda: None,
    selection: Selection | None = None,
    on_picked: Callable[[], None] = lambda: None,
) -> int | None:
    """Draw the grid; returns the id of the clip that was just opened.

    Args:
        clips: each with clip_id, href, thumb (address, or empty), absent (text in its place),
            sprite (or None), title, note, badge (or None) and tone ("good" or ""), and, if it has them,
            actions: buttons [name, label, whether it is pressed], and links: [name, label, address].
        key: the widget's key.
        least_width: narrowest card, in pixels.
        on_pressed: called when a button or link of a card is pressed; `pressed_action` gives it there.
        selection: lets people select, and says what is selected; None for a grid to look at.
        on_picked: called when the selection changes; `picked_clips` gives it there.
    """
    data: dict[str, Any] = {"clips": [dict(clip) for clip in clips], "least_width": least_width}
    if selection is not None:
        shown = {clip["clip_id"] for clip in clips}
        data["selected"] = sorted(shown.intersection(selection.clip_ids))
        data["elsewhere"] = len(selection.clip_ids) - len(data["selected"])
        data["answered"] = selection.answered
    grid = _mount(
        key=key,
        data=data,
        on_opened_change=lambda: None,
        on_pressed_change=on_pressed,
        on_picked_change=on_picked,
    )
    return int(grid.opened) if grid.opened is not None else None


def pressed_action(key: str) -> tuple[int, str] | None:
    """The clip and the name of the button that was just pressed in a grid, None for anything else."""
    pressed = (st.session_state.to_dict().get(key) or {}).get("pressed") or {}
    clip_id, action = pressed.get("clip_id"), pressed.get("action")
    if isinstance(clip_id, int) and not isinstance(clip_id, bool) and isinstance(action, str):
        return clip_id, action
    return None


def picked_clips(key: str) -> Picked | None:
    """The selection that a grid last sent, None for anything else."""
    sent = (st.session_state.to_dict().get(key) or {}).get("picked")
    if not isinstance(sent, Mapping) or not isinstance(sent.get("at"), int | float):
        return None
    shown, chosen = (_ids(sent.get(name)) for name in ("shown", "clip_ids"))
    return Picked(shown, chosen & shown, sent.get("everywhere") is True, float(sent["at"]))


def _ids(values: Any) -> frozenset[int]:
    listed = values if isinstance(values, Sequence) else ()
    return frozenset(value for value in listed if isinstance(value, int) and not isinstance(value, bool))
