"""Work in progress: an import, a round with its stage, time left and losses."""

from collections.abc import Mapping

import streamlit as st

from app.services import rounds
from app.services.datasets import ImportCard
from app.services.pictures import PictureProgress
from app.services.rounds import RoundCard, RoundProgress
from app.services.studio import Studio
from app.views.cards import draw_progress, duration, plain, stage_words
from app.views.figures import Points, draw, loss_figure, sparkline


class Losses:
    """The losses of one round as far as this visitor has fetched them."""

    def __init__(self) -> None:
        self.lines: dict[str, list[tuple[int, float]]] = {}
        self.last_step_id = 0

    def add(self, now: RoundProgress) -> None:
        """Append what is new."""
        for name, points in now.losses.items():
            self.lines.setdefault(name, []).extend(points)
        self.last_step_id = now.last_step_id


def fetch_progress(studio: Studio, round_id: int) -> tuple[RoundProgress | None, Losses]:
    """What a round is doing, and its losses so far; only the new ones are asked of the database."""
    losses: Losses = st.session_state.setdefault(f"losses_of_{round_id}", Losses())
    now = rounds.progress(studio, round_id, losses.last_step_id)
    if now:
        losses.add(now)
    return now, losses


def time_left(seconds: float | None) -> str:
    """Estimated time left, in words."""
    return f"about {duration(seconds)} left" if seconds is not None else "time left not known yet"


def draw_running_import(card: ImportCard) -> None:
    """How far an import is."""
    with st.container(key=f"card_import_{card.id}"):
        done = card.ready + card.unreadable + card.missing
        title = "Import waits for the worker" if card.state == "queued" else "Reading clips"
        bad = f", {card.unreadable} unreadable" if card.unreadable else ""
        draw_progress(
            title,
            f"{card.ready:,} of {card.clips:,} clips ready to play{bad} · {time_left(card.eta_seconds)}",
            done / card.clips if card.clips else None,
        )


def draw_pictures(now: PictureProgress) -> None:
    """How many clips have their pictures, while the worker makes those that are missing."""
    with st.container(key="card_pictures"):
        ready = f"{now.ready:,} of {now.clips:,} clips ready to play"
        draw_progress(
            "Making pictures of clips", f"{ready} · {time_left(now.eta_seconds)}", now.ready / now.clips
        )


def draw_stage(card: RoundCard, now: RoundProgress) -> None:
    """Stage, step, time left."""
    if now.state == "queued":
        draw_progress(f"Round {card.number} waits for its turn", now.message or "", None)
        return
    steps = f"step {now.step} of {now.steps}" if now.steps else ""
    place = " · ".join(part for part in (steps, time_left(now.eta_seconds), now.device or "") if part)
    share = now.step / now.steps if now.steps else None
    draw_progress(f"Round {card.number}: {stage_words(now.stage)}", place, share)
    if now.message:
        st.caption(plain(now.message))


def draw_running_round(card: RoundCard, now: RoundProgress, so_far: Losses) -> None:
    """A round at work in small: its stage and the course of its first loss."""
    with st.container(key=f"card_round_{card.id}"):
        draw_stage(card, now)
        losses = stage_losses(so_far.lines, now.stage)
        if losses:
            name, points = next(iter(losses.items()))
            draw(sparkline(points, name), f"spark_{card.id}", f"{name} over the steps of this stage")
            st.caption(f"{name}: {points[-1][1]:.3g}, was {points[0][1]:.3g} at the start of this stage")


def stage_losses(losses: Mapping[str, Points], stage: str | None) -> dict[str, Points]:
    """Value name -> points, of one stage only."""
    prefix = f"{stage}/"
    return {
        name.removeprefix(prefix): points
        for name, points in losses.items()
        if name.startswith(prefix) and points
    }


def draw_losses(losses: Mapping[str, Points], stage: str | None, key: str) -> None:
    """All losses of one stage."""
    lines = stage_losses(losses, stage)
    if lines:
        draw(loss_figure(lines), key, f"Losses of the stage {stage}")
    else:
        st.caption("No losses yet in this stage.")
