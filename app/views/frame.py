"""The frame around every page: spacing, and a line when nobody is working or the disk is nearly full."""

from pathlib import Path

import streamlit as st

from app.services import health
from app.services.studio import Studio
from app.views.cards import ago, plain

STYLE = (Path(__file__).parent / "frame.css").read_text(encoding="utf-8")
CONCERNED = ("", "rounds", "transfer")  # pages that start work or wait for it; "" is Today


def draw_style() -> None:
    """Side padding and spacing that the theme has no option for."""
    st.html(f"<style>{STYLE}</style>")


def draw_warnings(studio: Studio, page: str) -> None:
    """What keeps rounds and imports from going on, on the pages where somebody would wait for them."""
    if page not in CONCERNED:
        return
    if still := health.standstill(studio):
        since = f" The last one was heard of {ago(still.since)}." if still.since else ""
        waits = f"{still.waiting} jobs wait" if still.waiting > 1 else "imports and rounds wait"
        if still.waiting == 1:
            waits = "one job waits"
        st.warning(
            f"No worker is running: {waits} until one is.{since} Reviewing works meanwhile. "
            f"Start it with `{still.command}`",
            icon=":material/pause_circle:",
        )
    if health.is_nearly_full(studio):
        free = health.free_bytes(studio) / 1e9
        st.warning(
            f"The project's disk is nearly full: {free:.1f} GB left. Rounds and imports may fail; delete old "
            f"backups and snapshots, or move {plain(str(studio.settings.project))} to a larger disk.",
            icon=":material/hard_drive:",
        )
