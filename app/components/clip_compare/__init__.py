"""The compare screen: two clips under three clocks, the alignment between them, and the phases in both.

Marks of phases are kept by the browser until the database has them: the component sends its whole
unacknowledged log as the state `log`, as the review screen does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.components import SPRITES, join

KEY = "clip_compare"

_mount = st.components.v2.component(
    "finepseudo_clip_compare",
    css=join(["tokens.css", "query_clip.css", "aligned_clips.css", "clip_compare/style.css"]),
    js=join(
        [
            "dom.js",
            "overlay.js",
            *SPRITES,
            "clip_review/verdict_log.js",
            "alignment.js",
            "cost_matrix.js",
            "aligned_clips.js",
            "clip_compare/clocks.js",
            "clip_compare/compared_pair.js",
            "clip_compare/tempo.js",
            "clip_compare/phase_marks.js",
            "clip_compare/phase_list.js",
            "clip_compare/ribbons.js",
            "clip_compare/stage.js",
            "clip_compare/pair_clock.js",
            "clip_compare/phase_desk.js",
            "clip_compare/kept_anchors.js",
            "clip_compare/exports.js",
            "clip_compare/keys.js",
            "clip_compare/index.js",
        ]
    ),
)


@dataclass(frozen=True)
class Asked:
    """Which other two clips somebody just asked for.

    Args:
        swap: A and B change places.
        by: the clip so many places on is to be B, 0 for none.
        at: tells one request from another.
    """

    swap: bool = False
    by: int = 0
    at: int | None = None


def clip_compare(
    data: Mapping[str, Any], on_log: Callable[[], None], on_transfer: Callable[[], None]
) -> Asked:
    """Draw the compare screen.

    Args:
        data: `scope` (names this project and person in the browser's storage), `a` and `b` (clip_id, name,
            sprite, embedding, fps), `features` (width of an embedding), `round_number`, `usual` (same, other
            and local of `PairDistances`), `unaligned_because`, `marks`, `phases` (names used before),
            `class_name` and `class_clips` of A, `told` (a line about the last transfer), `video` (address
            that makes a video), `acknowledged` and `refused`.
        on_log: called when the browser sends its log; `received_marks` gives the log there.
        on_transfer: called when A's marks are to go to every clip of its class.
    """
    result = _mount(
        key=KEY,
        data=dict(data),
        on_log_change=on_log,
        on_go_change=lambda: None,
        on_transfer_change=on_transfer,
    )
    go = result.go or {}
    return Asked(bool(go.get("swap")), _whole(go.get("by")) or 0, _whole(go.get("at")))


def received_marks() -> tuple[Mapping[str, Any], ...]:
    """The events the browser last sent; it has no point at which a rerun ends it, see `received_log`."""
    state = st.session_state.to_dict().get(KEY) or {}
    log = state.get("log") or {}
    return tuple(event for event in log.get("events", ()) if isinstance(event, Mapping))


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
