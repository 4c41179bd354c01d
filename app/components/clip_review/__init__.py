"""The review screen: the looping clip, what the round proposes, and one key per verdict.

The browser keeps every verdict until the database has it: the component sends its whole unacknowledged log as
the state `log`, and `data["acknowledged"]` names what it may forget.
"""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from app.components import SPRITES, join

KEY = "clip_review"

_mount = st.components.v2.component(
    "finepseudo_clip_review",
    css=join(["tokens.css", "query_clip.css", "aligned_clips.css", "clip_review/style.css"]),
    js=join(
        [
            "dom.js",
            "overlay.js",
            *SPRITES,
            "clip_review/verdict_log.js",
            "clip_review/review_queue.js",
            "query_clip.js",
            "alignment.js",
            "cost_matrix.js",
            "aligned_clips.js",
            "clip_review/class_bars.js",
            "clip_review/class_search.js",
            "clip_review/neighbours.js",
            "clip_review/all_classes.js",
            "clip_review/flag_note.js",
            "clip_review/queue_choice.js",
            "clip_review/key_map.js",
            "clip_review/key_sheet.js",
            "clip_review/keys.js",
            "clip_review/layout.js",
            "clip_review/index.js",
        ]
    ),
)


def clip_review(data: Mapping[str, Any], on_log: Callable[[], None], on_queue: Callable[[], None]) -> None:
    """Draw the review screen.

    Args:
        data: `scope` (names this project and reviewer in the browser's storage), `items`, `examples` (clip
            id -> clip to compare with), `classes` (id, name, attributes), `questions`
            ({ask, then: [[answer, the question after it or None]]}, or None), `acknowledged` and `refused`
            (uuids, and (uuid, reason) pairs), `threshold`, `reviewed`, `waiting`, `last` (what undo takes
            back after a reload), `queues` ((name, title) pairs), `queue` (name and class id of the one on
            show), `unavailable` and `empty_because`.
        on_log: called when the browser sends its log; `received_log` gives the log there.
        on_queue: called when another queue is chosen; `chosen_queue` gives it there.
    """
    _mount(key=KEY, data=dict(data), on_log_change=on_log, on_queue_change=on_queue)


def received_log() -> tuple[Mapping[str, Any], ...]:
    """The events the browser last sent.

    Reads through `to_dict`, which has no yield point: `st.session_state[...]` in a callback can be ended
    by the next key before anything is saved.
    """
    state = st.session_state.to_dict().get(KEY) or {}
    log = state.get("log") or {}
    return tuple(event for event in log.get("events", ()) if isinstance(event, Mapping))


def chosen_queue() -> tuple[str, int | None]:
    """Name and class id of the queue that was chosen last."""
    chosen = (st.session_state.to_dict().get(KEY) or {}).get("queue") or {}
    name, class_id = chosen.get("name"), chosen.get("class_id")
    return (
        name if isinstance(name, str) else "",
        class_id if isinstance(class_id, int) and not isinstance(class_id, bool) else None,
    )
