"""One clip playing from its sprite, with speed, pause and single frames."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.components import SPRITES, join

_mount = st.components.v2.component(
    "finepseudo_clip_player",
    css=join(["tokens.css", "query_clip.css", "clip_player/style.css"]),
    js=join(["dom.js", *SPRITES, "query_clip.js", "clip_player/index.js"]),
)


def clip_player(sprite: Mapping[str, Any], key: str) -> None:
    """Play a clip; `sprite` holds url, frames, columns, width, height, step and fps."""
    _mount(key=key, data={"sprite": dict(sprite)})
