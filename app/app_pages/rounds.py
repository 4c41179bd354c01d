"""Rounds: start one, watch it, compare it with the one before, decide which is reviewed."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from app.resources import Visit, visit
from app.services import rounds
from app.services.rounds import RoundCard
from app.services.studio import Studio
from app.views.cards import plain
from app.views.round_cards import draw_difference, draw_head, draw_result
from app.views.round_form import draw_settings
from app.views.running import draw_losses, draw_stage, fetch_progress
from finepseudo_core.errors import FinePseudoError

LIVE = ("queued", "running")
ABOUT = {
    "cpu-demo": "small encoders, a few minutes on two cores",
    "single-gpu": "for one graphics card",
    "paper": "the paper's values, many hours on graphics cards",
}


def attempt(use_case: Callable[..., object], *arguments: object) -> None:
    """Run a use case in a callback; what it refuses is shown on the page."""
    try:
        use_case(*arguments)
    except FinePseudoError as error:
        st.session_state["refused"] = str(error)


def start(studio: Studio, preset: str, changes: dict[str, Any], user_id: int) -> None:
    """Freeze the labels and queue a round."""
    attempt(rounds.start, studio, preset, changes, user_id)


def draw_start(guest: Visit) -> None:
    """Preset, a few settings, start."""
    with st.container(key="card_start"):
        presets = rounds.presets()
        head, choice, act = st.columns([2, 5, 2], vertical_alignment="center")
        head.markdown("#### Start a round")
        preset = choice.segmented_control(
            "Preset",
            sorted(presets, key=list(ABOUT).index),
            default="cpu-demo",
            required=True,
            key="preset",
            label_visibility="collapsed",
        )
        st.caption(f"Learns from the labels as they stand now. {preset}: {ABOUT.get(preset, '')}.")
        changes = draw_settings(preset, presets[preset])
        act.button(
            "Start round",
            width="stretch",
            type="primary",
            key="start",
            on_click=start,
            args=(guest.studio, preset, changes, guest.user.id),
        )


@st.fragment(run_every="1s")
def draw_live(guest: Visit, card: RoundCard) -> None:
    """The round at work, redrawn every second."""
    now, losses = fetch_progress(guest.studio, card.id)
    if now is None or now.state not in LIVE or "refused" in st.session_state:
        st.rerun()
    with st.container(key=f"card_live_{card.id}"):
        stage, act = st.columns([6, 1], vertical_alignment="center", gap="medium")
        with stage:
            draw_stage(card, now)
        act.button(
            "Stopping …" if now.stopping else "Cancel",
            key="cancel",
            width="stretch",
            disabled=now.stopping,
            on_click=attempt,
            args=(rounds.cancel, guest.studio, card.id),
        )
        draw_losses(losses.lines, now.stage, f"losses_{card.id}")


def draw_round(guest: Visit, card: RoundCard, earlier: RoundCard | None) -> None:
    """One finished round."""
    with st.container(key=f"card_{card.id}"):
        head, act = st.columns([5, 2], vertical_alignment="center")
        with head:
            draw_head(card)
        if card.state in ("failed", "cancelled"):
            act.button(
                "Resume",
                key=f"resume_{card.id}",
                width="stretch",
                on_click=attempt,
                args=(rounds.resume, guest.studio, card.id),
            )
        elif card.state == "succeeded" and not card.active:
            act.button(
                "Review this one",
                key=f"promote_{card.id}",
                width="stretch",
                on_click=attempt,
                args=(rounds.promote, guest.studio, card.id, guest.user.id),
            )
        elif card.active and earlier is not None:
            act.button(
                "Roll back",
                key="roll_back",
                width="stretch",
                help="Make the round reviewed before this one the one to review.",
                on_click=attempt,
                args=(rounds.roll_back, guest.studio, guest.user.id),
            )
        if card.error:
            st.error(plain(card.error))
        if card.published:
            draw_result(card)
            if earlier is not None and st.toggle(
                f"What changed since round {earlier.number}", key=f"difference_{card.id}"
            ):
                draw_difference(guest, card, earlier)


guest = visit()
st.title("Rounds")
if refused := st.session_state.pop("refused", None):
    st.error(plain(refused))
cards = rounds.listing(guest.studio)
live = next((card for card in cards if card.state in LIVE), None)
if live:
    draw_live(guest, live)
else:
    draw_start(guest)
over = [card for card in cards if card.state not in LIVE]
for card in over:
    published = [other for other in cards if other.published and other.number < card.number]
    draw_round(guest, card, published[0] if published else None)
if not cards:
    st.caption("No round has run yet. The first one proposes labels for all clips that have none.")
