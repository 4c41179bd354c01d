"""What changed between two rounds, chosen by the reader: counts, a table of flips, and the clips."""

from collections.abc import Sequence

import streamlit as st

from app.components.clip_grid import clip_grid
from app.resources import Visit
from app.services import datasets, round_differences
from app.services.round_differences import Change, Flip
from app.services.rounds import RoundCard
from app.views.cards import draw_tiles
from app.views.clip_cards import change_note, grid_card

SHOWN = 24
MEANING = {
    "flipped": ("Flipped", "proposed as another class"),
    "gained": ("Newly accepted", "accepted in the later round only"),
    "dropped": ("Dropped", "accepted in the earlier round only"),
}


@st.fragment
def draw_differences(guest: Visit, cards: Sequence[RoundCard]) -> None:
    """Two rounds to choose, and what changed from one to the other. `cards` are the published rounds, newest
    first, two at least."""
    with st.container(key="card_differences"):
        head, left, right = st.columns([4, 2, 2], vertical_alignment="bottom")
        shown = head.toggle("What changed between two rounds", key="differences")
        if not shown:
            return
        numbers = {card.id: f"round {card.number}" for card in cards}
        was = left.selectbox("From", numbers, index=1, format_func=numbers.__getitem__, key="from_round")
        now = right.selectbox("To", numbers, index=0, format_func=numbers.__getitem__, key="to_round")
        if was == now:
            st.caption("Choose two different rounds.")
            return
        change = round_differences.difference(guest.studio, now, was)
        counts = {"flipped": change.flipped, "gained": change.gained, "dropped": change.dropped}
        draw_tiles([(name, f"{counts[kind]:,}", meaning) for kind, (name, meaning) in MEANING.items()])
        kind = st.segmented_control(
            "Show", list(MEANING), default="flipped", required=True, key="changed",
            format_func=lambda kind: f"{MEANING[kind][0]} ({counts[kind]:,})", label_visibility="collapsed",
        )  # fmt: skip
        flip = _choose_flip(change.flips, change.flipped) if kind == "flipped" else None
        _draw_clips(guest, now, was, kind, flip)


def _choose_flip(flips: Sequence[Flip], total: int) -> Flip | None:
    """The table of flips, most frequent first; a chosen row narrows the clips to it."""
    if not flips:
        return None
    table = st.dataframe(
        [
            {
                "was": flip.was, "now": flip.now, "clips": flip.clips,
                "class known": flip.known, "✓ right before": flip.right_before,
                "✓ right now": flip.right_now,
            }
            for flip in flips
        ],
        hide_index=True, height=min(260, 36 * len(flips) + 40), key="flips",
        on_select="rerun", selection_mode="single-row",
    )  # fmt: skip
    shown = sum(flip.clips for flip in flips)
    rest = f" The table holds the {len(flips)} most frequent flips." if shown < total else ""
    st.caption(f"Choose a row to see its clips only.{rest}")
    rows = table.selection.rows
    return flips[rows[0]] if rows and rows[0] < len(flips) else None


def _draw_clips(guest: Visit, now: int, was: int, kind: str, flip: Flip | None) -> None:
    handle = f"{kind}_{was}_{now}_{flip.class_ids if flip else 'all'}"
    limit = SHOWN * (1 + st.session_state.get(f"more_{handle}", 0))
    found = round_differences.changes(
        guest.studio, now, was, kind, limit=limit + 1, flip=flip.class_ids if flip else None
    )
    if not found:
        st.caption("No clip changed in this way.")
        return
    clips = ((change, datasets.clip(guest.studio, change.clip_id)) for change in found[:limit])
    cards = [
        grid_card(guest, clip, change.now or change.was, f"{verdict(change)}{change_note(change)}")
        for change, clip in clips
        if clip
    ]
    opened = clip_grid(cards, key=f"grid_{handle}", least_width=190)
    if opened is not None:
        st.switch_page("app_pages/browse.py", query_params={"clip": str(opened)})
    if len(found) > limit:
        st.button("Show more", key=f"show_more_{handle}", on_click=_more, args=(f"more_{handle}",))


def _more(name: str) -> None:
    st.session_state[name] = st.session_state.get(name, 0) + 1


def verdict(change: Change) -> str:
    """Which of the two rounds is right, in words; empty where the class is not known."""
    if change.right is None:
        return ""
    words = {
        (True, True): "✓ both right", (True, False): "✕ right before, wrong now",
        (False, True): "✓ wrong before, right now", (False, False): f"✕ both wrong, it is {change.known}",
    }  # fmt: skip
    return f"{words[change.right]} · "
