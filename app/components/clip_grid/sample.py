"""A sample of clips to look at one by one: A says right, X wrong, U goes one back.

The browser sends its whole unconfirmed log as state, so that a fast key is never lost; what the server has
saved comes back as `acknowledged`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from app.components import SPRITES, join

_mount = st.components.v2.component(
    "finepseudo_clip_sample",
    css=join(["tokens.css", "clip_grid/style.css", "clip_grid/sample.css"]),
    js=join(["dom.js", *SPRITES, "clip_grid/sample.js"]),
)


def clip_sample(data: Mapping[str, Any], key: str, on_log: Callable[[], None]) -> None:
    """Draw the sample.

    Args:
        data: `bulk` (names the sample), `clips` (as for `clip_grid`; `title` is the class that is asked
            about), `answers` ([clip id, uuid, whether right]), `acknowledged` (uuids to drop from the log),
            `told` (why something was not saved, or empty).
        key: the widget's key.
        on_log: called when the browser sends its log; `received_looks` gives the log there.
    """
    _mount(key=key, data=dict(data), on_log_change=on_log)


def received_looks(key: str) -> Sequence[Mapping[str, Any]]:
    """The entries the browser last sent."""
    log = (st.session_state.to_dict().get(key) or {}).get("log") or []
    return [entry for entry in log if isinstance(entry, Mapping)]
