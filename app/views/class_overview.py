"""All classes at a glance: counts, alignability, nearest rivals, and who aligns with whom."""

from collections.abc import Sequence

import streamlit as st

from app.services.alignabilities import Alignabilities
from app.services.class_cards import ClassCard
from app.views.class_figures import alignability_heatmap

ROW = 35  # pixels
MANY = 32  # classes from which on the wheel zooms


def draw_overview(cards: Sequence[ClassCard], measured: Alignabilities | None) -> int | None:
    """Table and heatmap; returns the id of the class that was just chosen in the table."""
    height = min(620, ROW * len(cards) + 40)
    if measured is None or not measured.clips.any():
        chosen = _draw_table(cards, measured, height)
        st.info(
            "How well the classes align with each other shows here once a round of the method finepseudo has "
            "proposed labels and some of them are accepted or reviewed. Start one on the Rounds page."
        )
        return chosen
    table, map_ = st.columns([7, 6], gap="medium")
    with table:
        chosen = _draw_table(cards, measured, max(height, 320))
    with map_:
        shown = int((measured.clips > 0).sum())
        figure = alignability_heatmap(
            measured, {card.id: card.name for card in cards}, max(360, min(600, 26 * shown + 110))
        )
        st.plotly_chart(
            figure,
            key="heatmap",
            config={"displayModeBar": False, "scrollZoom": shown > MANY},
            alt="Alignability of the clips of each class with the examples of each class",
        )
        st.caption(what_is_measured(measured))
    return chosen


def what_is_measured(measured: Alignabilities) -> str:
    """The figures in words that need no knowledge of the method."""
    left = int((measured.clips == 0).sum())
    return (
        "Each square says how well clips of the class beside it, laid over examples of the class above it "
        f"moment by moment, match: 1 is a perfect match. Round {measured.round_number} measured it on "
        f"{int(measured.clips.sum())} clips that had no label when it began and whose class is known or "
        "accepted by now. Rivals stand side by side; drag a box to zoom in, double-click to zoom out."
        + (f" {left} {'class has' if left == 1 else 'classes have'} no such clip yet." if left else "")
    )


def _draw_table(cards: Sequence[ClassCard], measured: Alignabilities | None, height: int) -> int | None:
    rows = {
        "Class": [card.name for card in cards],
        "Itself": [card.alignability for card in cards],
        "Nearest rivals": [
            "; ".join(f"{rival.score:.2f} {rival.name}" for rival in card.rivals) for card in cards
        ],
        "Labelled": [card.labelled for card in cards],
        "Accepted": [card.accepted for card in cards],
        "Waiting": [card.waiting for card in cards],
        "Test": [card.test for card in cards],
    }
    if measured is None:
        del rows["Itself"], rows["Nearest rivals"]
    number = st.column_config.NumberColumn
    picked = st.dataframe(
        rows,
        key="classes",
        height=height,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",  # a cell is selected by the focus alone, and Tab would leave the page
        column_config={
            "Class": st.column_config.TextColumn(width=180 if measured else 420, pinned=True),
            "Itself": st.column_config.ProgressColumn(
                help="How well its clips align with its own examples.",
                width=108,
                min_value=0.0,
                max_value=1.0,
                format="%.2f",
            ),
            "Nearest rivals": st.column_config.TextColumn(
                help="Whose examples its clips align with best, and how well.", width=172
            ),
            "Labelled": number(help="Training clips that people labelled.", width=68),
            "Accepted": number(help="Proposals accepted by the round, undecided.", width=72),
            "Waiting": number(help="Proposals that nobody has decided on.", width=64),
            "Test": number(help="Clips kept for testing.", width=48),
        },
    )
    chosen = picked["selection"]["rows"]
    return cards[chosen[0]].id if chosen and chosen[0] < len(cards) else None
