"""What an import would do, row by row, and how imports went."""

import streamlit as st

from app.resources import Visit
from app.services import datasets
from app.services.datasets import ImportCard, ImportPlan
from app.views.cards import ago, draw_tiles, plain, state_badge
from app.views.running import draw_running_import


def draw_plan(plan: ImportPlan) -> None:
    """Counts, classes, and every row that stays out with its reason."""
    draw_tiles(
        [
            (
                "Clips come in",
                f"{plan.clips:,}",
                f"{plan.already} are here already" if plan.already else "all new",
            ),
            ("Labels to learn from", f"{plan.labelled:,}", f"of {len(plan.classes)} classes"),
            ("Labels held back", f"{plan.hidden}", "only to measure with"),
            ("Without a label", f"{plan.unlabelled:,}", "get proposals"),
            ("For testing", f"{plan.test}", "never learned from"),
            ("Stay out", f"{len(plan.problems)}", "see the reasons" if plan.problems else "nothing"),
        ]
    )
    if plan.problems:
        st.dataframe(
            [{"line": row.line, "file": row.path, "why it stays out": row.reason} for row in plan.problems],
            hide_index=True,
            height=min(240, 36 * len(plan.problems) + 40),
            key="problems",
        )
    if plan.classes:
        with st.expander(f"{len(plan.classes)} classes"):
            st.dataframe(
                [{"class": name, "clips": count} for name, count in plan.classes.items()],
                hide_index=True,
                key="classes",
            )


def draw_import(guest: Visit, card: ImportCard) -> None:
    """One import: progress while it runs, and the clips that can't be read with their reasons."""
    if card.state in ("queued", "running"):
        draw_running_import(card)
        return
    with st.container(key=f"card_done_{card.id}"):
        st.markdown(
            f"{state_badge(card.state)} &nbsp; {card.ready:,} of {card.clips:,} clips ready, "
            f"by {plain(card.created_by)}, {ago(card.created_at)}"
        )
        st.text(card.folder)
        if card.error:
            st.error(plain(card.error))
        if card.state in ("failed", "cancelled"):
            st.button(
                "Go on where it stopped",
                key=f"go_on_{card.id}",
                on_click=datasets.go_on,
                args=(guest.studio, card.id),
            )
        if card.reasons:
            with st.expander(f"{card.unreadable + card.missing} clips can't be used", expanded=True):
                for clip in card.reasons:
                    why, again = st.columns([6, 1], vertical_alignment="center")
                    why.text(f"{clip.key}\n{clip.reason}")
                    again.button(
                        "Check again",
                        key=f"again_{clip.clip_id}",
                        on_click=datasets.check_again,
                        args=(guest.studio, clip.clip_id),
                    )
