"""A round: what it reached, what can be done with it, how it differs from the one before."""

from collections.abc import Sequence

import streamlit as st

from app.components.clip_grid import clip_grid
from app.resources import Visit
from app.services import datasets, rounds
from app.services.rounds import Change, RoundCard
from app.views.cards import ago, blind_checks, draw_tiles, measured, plain, state_badge
from app.views.clip_cards import change_note, grid_card

SHOWN = 24


def draw_head(card: RoundCard) -> None:
    """Number, state, age."""
    active = " :primary-badge[under review]" if card.active else ""
    st.markdown(f"#### Round {card.number} &nbsp; {state_badge(card.state, stopping=card.stopping)}{active}")
    who = f" by {plain(card.created_by)}" if card.created_by else ""
    st.caption(
        f"{card.preset}, started {ago(card.created_at)}{who}" + (f", on {card.device}" if card.device else "")
    )


def draw_result(card: RoundCard) -> None:
    """What a round reached."""
    by_people, by_people_note = measured(card.reviewed_precision)
    known, known_note = measured(card.known_precision)
    top1 = card.metrics.get("test_top1")
    draw_tiles(
        [
            (
                "Learned from",
                f"{card.labelled}",
                "labels of people" + (f", {card.carried} accepted before" if card.carried else ""),
            ),
            ("Accepted", f"{card.accepted}", f"of {card.proposed} unlabelled clips"),
            ("Right, by your verdicts", by_people, by_people_note),
            ("Right, by held-back labels", known, known_note),
            (
                "Test clips right",
                f"{top1:.0%}" if top1 is not None else "–",
                "top-1" if top1 is not None else "no test clips",
            ),
        ]
    )
    if words := blind_checks(card.audited_precision):
        st.caption(f"Accepted labels: {words}.")


def draw_difference(guest: Visit, card: RoundCard, earlier: RoundCard) -> None:
    """Flipped, newly accepted and dropped clips; each leads to its clip."""
    change = rounds.difference(guest.studio, card.id, earlier.id)
    groups = {
        "Flipped": (change.flipped, "proposed as another class than before"),
        "Newly accepted": (change.newly_accepted, "accepted now, not before"),
        "Dropped": (change.dropped, "accepted before, not any more"),
    }
    tabs = st.tabs([f"{name} ({len(changes)})" for name, (changes, _) in groups.items()])
    for tab, (name, (changes, meaning)) in zip(tabs, groups.items(), strict=True):
        with tab:
            st.caption(f"{len(changes)} clips {meaning}, compared with round {earlier.number}.")
            _draw_changes(guest, changes[:SHOWN], key=f"{name}_{card.id}")


def _draw_changes(guest: Visit, changes: Sequence[Change], key: str) -> None:
    clips = ((change, datasets.clip(guest.studio, change.clip_id)) for change in changes)
    cards = [
        grid_card(guest, clip, change.now or change.was, change_note(change))
        for change, clip in clips
        if clip
    ]
    if cards:
        opened = clip_grid(cards, key=f"grid_{key}", least_width=190)
        if opened is not None:
            st.switch_page("app_pages/browse.py", query_params={"clip": str(opened)})
