"""Rounds: start one, watch it, compare it with the one before, decide which is reviewed."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from app.resources import Visit, visit
from app.services import round_dry_run, rounds
from app.services.rounds import RoundCard
from app.services.studio import Studio
from app.views.cards import plain
from app.views.round_cards import draw_choices, draw_decision, draw_head, draw_result
from app.views.round_differences import draw_differences
from app.views.round_dry_run import draw_dry_run, draw_next_round
from app.views.round_form import draw_settings
from app.views.running import draw_losses, draw_stage, fetch_progress
from finepseudo_core.errors import FinePseudoError

LIVE = ("queued", "running")
THRESHOLD = "pseudo_labels.threshold"
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
    """Freeze the labels and queue a round; the whole page shows what came of it."""
    attempt(rounds.start, studio, preset, changes, user_id)
    st.session_state["started"] = True


@st.fragment
def draw_start(guest: Visit) -> None:
    """Preset, a few settings, the dry run, start."""
    if st.session_state.pop("started", False):
        st.rerun()
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
        threshold = changes.get(THRESHOLD, presets[preset]["pseudo_labels"]["threshold"])
        draw_dry_run(guest, preset, changes, f"{preset}|{THRESHOLD}", threshold)
        if st.toggle("What it would learn from", key="learn_from"):
            draw_next_round(round_dry_run.next_round(guest.studio))


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


def draw_round(
    guest: Visit, card: RoundCard, under_review: RoundCard | None, back_to: RoundCard | None
) -> None:
    """One finished round, and the decision to review it or no longer to."""
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
            with act.popover("Review this one", width="stretch"):
                draw_decision(card, under_review)
                st.button(
                    f"Yes, review round {card.number}",
                    key=f"promote_{card.id}",
                    type="primary",
                    on_click=attempt,
                    args=(rounds.promote, guest.studio, card.id, guest.user.id),
                )
        elif card.active and back_to is not None:
            with act.popover("Roll back", width="stretch"):
                draw_decision(back_to, card)
                st.button(
                    f"Yes, back to round {back_to.number}",
                    key="roll_back",
                    type="primary",
                    on_click=attempt,
                    args=(rounds.roll_back, guest.studio, guest.user.id),
                )
        if card.error:
            st.error(plain(card.error))
        if card.published:
            draw_result(card)


guest = visit()
st.session_state.pop("started", None)
st.title("Rounds")
if refused := st.session_state.pop("refused", None):
    st.error(plain(refused))
cards = rounds.listing(guest.studio)
live = next((card for card in cards if card.state in LIVE), None)
if live:
    draw_live(guest, live)
else:
    draw_start(guest)
published = [card for card in cards if card.published and card.state not in LIVE]
if len(published) > 1:
    draw_differences(guest, published)
under_review = next((card for card in cards if card.active), None)
before = rounds.rolls_back_to(guest.studio)
for card in cards:
    if card.state not in LIVE:
        draw_round(guest, card, under_review, next((one for one in cards if one.id == before), None))
if chosen := rounds.choices(guest.studio):
    draw_choices(chosen)
if not cards:
    st.caption("No round has run yet. The first one proposes labels for all clips that have none.")
