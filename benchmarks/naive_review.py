"""Reviewing as Streamlit has it without our components: native buttons with shortcuts, and st.video.

Served by benchmarks.studio with Streamlit's own defaults, for comparison.
"""

import os
import time
import uuid
from pathlib import Path

import streamlit as st

from app.artifacts import inside
from app.services import queue, review, users
from app.services.datasets import clip
from app.services.studio import Studio, open_studio
from app.settings import load


@st.cache_resource
def studio() -> Studio:
    """The project that the benchmark names."""
    return open_studio(load(Path(os.environ["NAIVE_PROJECT"]), {}))


@st.cache_resource
def me() -> int:
    """The one reviewer."""
    return users.create(studio(), f"naive {time.time_ns()}")[0].id


def decide(kind: str, clip_id: int, class_id: int, round_id: int | None) -> None:
    """Save a verdict."""
    event = {
        "uuid": str(uuid.uuid4()), "clip_id": clip_id, "kind": kind, "round_id": round_id,
        "predicted_class_id": class_id,
    }  # fmt: skip
    review.record(studio(), me(), [event])


@st.fragment
def draw() -> None:
    """The next clip and its buttons."""
    found = queue.next_items(studio(), me(), limit=1)
    if not found.items:
        st.write("Nothing to do.")
        return
    item = found.items[0]
    card = clip(studio(), item.clip_id)
    assert card is not None
    assert card.path is not None
    st.video(inside(studio().settings, card.path).read_bytes(), autoplay=True, loop=True, muted=True)
    label = card.proposed.class_id if card.proposed else 0
    for kind, key in (("accept", "a"), ("reject", "x"), ("novel", "n"), ("skip", "s")):
        st.button(kind, on_click=decide, args=(kind, item.clip_id, label, found.round_id), shortcut=key)


st.title("Review")
draw()
