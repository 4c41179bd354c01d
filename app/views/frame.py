"""The frame around every page: spacing, and a line when nobody is working."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from app.services.health import WorkerCard

STYLE = (Path(__file__).parent / "frame.css").read_text(encoding="utf-8")


def draw_style() -> None:
    """Side padding and spacing that the theme has no option for."""
    st.html(f"<style>{STYLE}</style>")


def draw_worker_line(workers: Sequence[WorkerCard]) -> None:
    """Warn while no worker is alive: imports and rounds would wait for ever."""
    if not any(worker.alive for worker in workers):
        st.warning(
            "No worker is running: imports and rounds wait until one is. Start it with "
            "`python -m app worker --project DIR`; reviewing works meanwhile.",
            icon=":material/pause_circle:",
        )
