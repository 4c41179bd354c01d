"""Small cards of the pages: tiles of figures, a bar of progress, times and shares in words."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

import streamlit as st

from app.services.round_cards import Measured

STAGES = {
    "frames": "Reading frames",
    "pretraining": "Learning how movements unfold",
    "views": "Looking at the labelled clips in several ways",
    "features": "Looking at every clip",
    "alignability": "Learning which clips align",
    "action": "Learning the classes",
    "proposal": "Proposing labels",
    "self-training": "Learning from its own proposals",
    "fixmatch": "Learning the classes from all clips",
    "invariance": "First teacher: what a video keeps over time",
    "distinctiveness": "Second teacher: what changes over time",
    "teacher invariant": "First teacher: learning the classes",
    "teacher distinctive": "Second teacher: learning the classes",
    "similarity": "Weighing the teachers",
    "student": "Learning the classes from both teachers",
    "test": "Measuring on test clips",
}
STATES = {
    "queued": ("waits", "gray"),
    "running": ("running", "blue"),
    "succeeded": ("done", "green"),
    "failed": ("failed", "red"),
    "cancelled": ("cancelled", "orange"),
}


def plain(text: str) -> str:
    """A text of somebody's making, so that Markdown shows it as it is."""
    return re.sub(r"([^\w\s])", r"\\\1", text)


def stage_words(stage: str | None) -> str:
    """A stage of a round in everyday words."""
    return STAGES.get(stage or "", stage.capitalize() if stage else "Starting")


def state_badge(state: str, *, stopping: bool = False) -> str:
    """A job's state as a Markdown badge."""
    word, colour = STATES.get(state, (state, "gray"))
    return f":{colour}-badge[{'stopping' if stopping and state == 'running' else word}]"


def duration(seconds: float | None) -> str:
    """Seconds as people say them; empty for None."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago a UTC moment was."""
    if moment is None:
        return ""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = ((now or datetime.now(UTC)) - aware).total_seconds()
    return "just now" if seconds < 60 else f"{duration(seconds)} ago"


def measured(share: Measured | None) -> tuple[str, str]:
    """A measured share as (value, its interval and count); a dash while there is none."""
    if share is None:
        return "–", "not measured yet"
    return (
        f"{share.value:.0%}",
        f"{share.low:.0%} to {share.high:.0%}, from {share.of} clip{'' if share.of == 1 else 's'}",
    )


def blind_checks(share: Measured | None) -> str:
    """The precision that blind checks found, in words; empty before the first."""
    if share is None:
        return ""
    checks = f"{share.of} blind check{'' if share.of == 1 else 's'}"
    return f"precision {share.value:.2f} [{share.low:.2f}, {share.high:.2f}] from {checks}"


def draw_tiles(tiles: Sequence[tuple[str, str, str]]) -> None:
    """A row of figures: (name, value, explanation)."""
    cells = "".join(
        f'<div class="fps-tile"><div class="fps-name">{escape(name)}</div>'
        f'<div class="fps-value">{escape(value)}</div><div class="fps-note">{escape(note)}</div></div>'
        for name, value, note in tiles
    )
    st.html(f'<div class="fps-tiles">{cells}</div>')


def draw_progress(title: str, note: str, share: float | None) -> None:
    """A titled bar; without a share it only says what is happening."""
    width = 0 if share is None else min(max(share, 0.0), 1.0) * 100
    waiting = " fps-unknown" if share is None else ""
    st.html(
        f'<div class="fps-progress"><div class="fps-line"><b>{escape(title)}</b>'
        f"<span>{escape(note)}</span></div>"
        f'<div class="fps-rail{waiting}" role="progressbar" aria-valuenow="{width:.0f}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-label="{escape(title, quote=True)}">'
        f'<i style="width:{width:.1f}%"></i></div></div>'
    )
