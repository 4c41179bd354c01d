"""The frame around every page: spacing, and a line when nobody is working."""

from collections.abc import Sequence

import streamlit as st

from app.services.health import WorkerCard

STYLE = """
<style>
.stMainBlockContainer { padding: 3.9rem 1.4rem 1rem; max-width: 1680px; }
[data-testid="stHeader"] { background: var(--st-background-color); }
[data-testid="stVerticalBlockBorderWrapper"] { border-radius: 12px; }
[data-testid="stElementContainer"]:has(style:only-child) { display: none; }
h1 { padding: .2rem 0 .1rem !important; letter-spacing: -.01em; }
h2, h3 { letter-spacing: -.005em; }
</style>
"""


def draw_style() -> None:
    """Side padding and spacing that the theme has no option for."""
    st.html(STYLE)


def draw_worker_line(workers: Sequence[WorkerCard]) -> None:
    """Warn while no worker is alive: imports and rounds would wait for ever."""
    if not any(worker.alive for worker in workers):
        st.warning(
            "No worker is running: imports and rounds wait until one is. Start it with "
            "`python -m app worker --project DIR`; reviewing works meanwhile.",
            icon="⏸️",
        )
