"""Figures of rounds: accuracy over rounds and over work, by class, confusion, confidence."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app.services.evaluation import ClassScore, Confusion, Reliability
from app.services.round_cards import Measured
from app.views.class_figures import APART, SCALES
from app.views.figures import COLOURS, as_text, layout
from app.views.tables import shortened

WITH_FIGURES = 16  # classes up to which every square of the confusion shows its number
WITH_NAMES = 40  # classes up to which names stand beside the rows
LINES = {"light": "#46565c", "dark": "#c3d0d4"}  # of the ranges
DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up")
Line = Sequence[tuple[float, Measured]]


def tone() -> str:
    """ "light" or "dark", as the page is."""
    return "dark" if st.context.theme.type == "dark" else "light"


def faint(colour: str, share: float = 0.12) -> str:
    """A colour #rrggbb that lets most of what is behind it through."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"


def share_lines(lines: Sequence[tuple[str, Line]], title: str, height: int = 300) -> go.Figure:
    """Measured shares over a number, a line each with its 95 % band; a lone point has a bar instead."""
    figure = go.Figure()
    colours = COLOURS[tone()]
    for place, (name, line) in enumerate(lines):
        places, shares = [at for at, _ in line], [share for _, share in line]
        highs, lows = [share.high for share in shares], [share.low for share in shares]
        if len(line) > 1:
            figure.add_scatter(
                x=[*places, *places[::-1]], y=[*highs, *lows[::-1]], fill="toself", mode="lines",
                line={"width": 0}, fillcolor=faint(colours[place]), hoverinfo="skip", showlegend=False,
                legendgroup=name,
            )  # fmt: skip
        figure.add_scatter(
            x=places,
            y=[share.value for share in shares],
            name=name,
            legendgroup=name,
            mode="lines+markers",
            cliponaxis=False,
            line={"width": 2, "color": colours[place], "dash": DASHES[place % len(DASHES)]},
            marker={"size": 8, "symbol": SYMBOLS[place % len(SYMBOLS)]},
            customdata=[(share.low, share.high, share.right, share.of) for share in shares],
            error_y=None
            if len(line) > 1
            else {
                "array": [share.high - share.value for share in shares],
                "arrayminus": [share.value - share.low for share in shares],
                "thickness": 1.2,
            },
            hovertemplate="%{y:.0%} (%{customdata[0]:.0%} to %{customdata[1]:.0%}), "
            "%{customdata[2]} of %{customdata[3]}",
        )
    figure = layout(figure, height).update_yaxes(
        tickformat=".0%", showgrid=True, maxallowed=1.0, minallowed=0
    )
    if len(lines) == 1:
        figure.update_layout(showlegend=False).update_yaxes(title=lines[0][0].lower())
    return figure.update_xaxes(title=title, minallowed=0)


def round_lines(lines: Sequence[tuple[str, Line]], height: int = 300) -> go.Figure:
    """Measured shares over rounds, each round a whole number."""
    figure = share_lines(lines, "round", height)
    numbers = sorted({at for _, line in lines for at, _ in line})
    if len(numbers) == 1:
        figure.update_xaxes(range=[numbers[0] - 1, numbers[0] + 1])
    return figure.update_xaxes(tickvals=numbers if len(numbers) <= 12 else None, tickformat="d")


def class_bars(scores: Sequence[ClassScore]) -> go.Figure:
    """Share of the test clips of each class that are told right, with its range; the first one on top."""
    lines = list(scores)[::-1]
    names = [as_text(shortened(score.name, 60)) + APART * place for place, score in enumerate(lines)]
    values = [score.right.value for score in lines]
    told = [
        (
            score.class_id, score.right.right, score.right.of, as_text(score.taken_for or "–"),
            score.right.low, score.right.high, as_text(score.name),
        )
        for score in lines
    ]  # fmt: skip
    figure = go.Figure(go.Bar(x=values, y=names, customdata=told, orientation="h", hoverinfo="skip"))
    figure.add_trace(
        go.Scatter(  # a bar of no length would not be seen
            x=values,
            y=names,
            customdata=told,
            mode="markers",
            cliponaxis=False,
            marker={"size": 9, "color": LINES[tone()]},
            error_x={
                "array": [score.right.high - score.right.value for score in lines],
                "arrayminus": [score.right.value - score.right.low for score in lines],
                "thickness": 1.2,
                "width": 3,
                "color": LINES[tone()],
            },
            hovertemplate="%{customdata[6]}<br><b>%{x:.0%}</b> (%{customdata[4]:.0%} to "
            "%{customdata[5]:.0%}): %{customdata[1]} of %{customdata[2]} right<br>most often taken for "
            "%{customdata[3]}<extra></extra>",
        )
    )
    for place, score in enumerate(lines):
        figure.add_annotation(
            x=1.02, xref="paper", y=place, yref="y", text=f"{score.right.right} of {score.right.of}",
            showarrow=False, xanchor="left", font={"size": 12},
        )  # fmt: skip
    # "y": a click anywhere in the row means its class
    figure = layout(figure, 25 * len(lines) + 50).update_layout(hovermode="y", showlegend=False)
    figure.update_layout(margin={"l": 8, "r": 72, "t": 8, "b": 8})
    figure.update_yaxes(type="category", dtick=1, showgrid=False, nticks=None, range=[-0.6, len(lines) - 0.4])
    return figure.update_xaxes(range=[0, 1], tickformat=".0%", showgrid=True, fixedrange=True)


def confusion_heatmap(found: Confusion, height: int) -> go.Figure:
    """Of the clips of each class (rows), the share that the round says is each class (columns)."""
    of = found.counts.sum(1, keepdims=True)
    shares = np.where(found.counts > 0, found.counts / np.maximum(of, 1), np.nan)
    size = len(found.names)
    numbers = [str(number + 1) for number in range(size)]
    named = size <= WITH_NAMES
    rows = [
        f"{as_text(shortened(name, 38))}  {number}" for name, number in zip(found.names, numbers, strict=True)
    ]
    texts = np.empty((size, size), object)
    for one, other in zip(*np.nonzero(found.counts), strict=True):
        texts[one, other] = (
            f"really {as_text(found.names[one])}<br>taken for {as_text(found.names[other])}<br>"
            f"<b>{found.counts[one, other]} of {of[one, 0]}</b>"
        )
    figure = go.Figure(
        go.Heatmap(
            z=np.round(shares, 3),
            x=numbers,
            y=rows if named else numbers,
            text=np.where(found.counts > 0, found.counts.astype(str), "") if size <= WITH_FIGURES else None,
            texttemplate="%{text}" if size <= WITH_FIGURES else None,
            hovertext=texts,
            hoverinfo="text",
            hoverongaps=False,
            zmin=0,
            zmax=1,
            colorscale=[[0, SCALES[tone()][0]], [1, SCALES[tone()][1]]],
            xgap=int(size <= WITH_NAMES),
            ygap=int(size <= WITH_NAMES),
            colorbar={"thickness": 10, "outlinewidth": 0, "nticks": 5, "tickformat": ".0%"},
        )
    )
    if not named:
        _mark_mix_ups(figure, found, texts)
    figure = layout(figure, height).update_layout(hovermode="closest", dragmode="zoom")
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, nticks=None if named else 12)
    figure.update_xaxes(type="category", side="top", showgrid=False)
    return figure if named else figure.update_xaxes(nticks=12)


def _mark_mix_ups(figure: go.Figure, found: Confusion, texts: np.ndarray) -> None:
    """Where a square is but two pixels wide, what is wrong gets a mark."""
    wrong = [(one, other) for one, other in zip(*np.nonzero(found.counts), strict=True) if one != other]
    figure.add_scatter(
        x=[str(other + 1) for _, other in wrong],
        y=[str(one + 1) for one, _ in wrong],
        mode="markers",
        marker={"size": 5, "color": COLOURS[tone()][1]},
        hovertext=[texts[place] for place in wrong],
        hoverinfo="text",
        showlegend=False,
    )


def reliability_bars(found: Reliability, height: int = 300) -> go.Figure:
    """How many proposals were right, by how sure the round was; the line is where the two are equal."""
    colours = COLOURS[tone()]
    figure = go.Figure(
        go.Bar(
            x=[(one.low + one.high) / 2 for one in found.bins],
            y=[one.right.value for one in found.bins],
            width=[0.09 for _ in found.bins],
            name="right",
            customdata=[
                (one.low, one.high, one.right.right, one.right.of, one.right.low, one.right.high)
                for one in found.bins
            ],
            error_y={
                "array": [one.right.high - one.right.value for one in found.bins],
                "arrayminus": [one.right.value - one.right.low for one in found.bins],
                "thickness": 1.2,
                "width": 3,
                "color": LINES[tone()],
            },
            hovertemplate="%{customdata[0]:.0%} to %{customdata[1]:.0%} sure<br><b>%{y:.0%} right</b> "
            "(%{customdata[4]:.0%} to %{customdata[5]:.0%})<br>%{customdata[2]} of %{customdata[3]}"
            "<extra></extra>",
        )
    )
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="as sure as it should be", hoverinfo="skip",
        line={"dash": "dash", "width": 1.6, "color": colours[1]},
    )  # fmt: skip
    figure = layout(figure, height).update_layout(hovermode="closest")
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", showgrid=True, title="right")
    return figure.update_xaxes(range=[0, 1.03], tickformat=".0%", title="how sure the round was", dtick=0.2)


def coverage_line(found: Reliability, threshold: float | None, height: int = 300) -> go.Figure:
    """How many accepted labels are right, over the share of all proposals that a threshold accepts."""
    steps = found.thresholds
    colours = COLOURS[tone()]
    shares = [step.share for step in steps]
    figure = go.Figure()
    figure.add_scatter(
        x=[*shares, *shares[::-1]],
        y=[*(step.right.high for step in steps), *(step.right.low for step in steps[::-1])],
        fill="toself", mode="lines", line={"width": 0}, fillcolor=faint(colours[0]), hoverinfo="skip",
        showlegend=False,
    )  # fmt: skip
    figure.add_scatter(
        x=shares,
        y=[step.right.value for step in steps],
        mode="lines",
        name="right among the accepted",
        line={"width": 2, "color": colours[0]},
        customdata=[(step.confidence, step.accepted, step.right.low, step.right.high) for step in steps],
        hovertemplate="from %{customdata[0]:.0%} on: %{customdata[1]} accepted<br><b>%{y:.0%} right</b> "
        "(%{customdata[2]:.0%} to %{customdata[3]:.0%})<extra></extra>",
    )
    at = [step for step in steps if threshold is not None and step.confidence >= threshold - 1e-9][:1]
    if at:
        figure.add_scatter(
            x=[at[0].share], y=[at[0].right.value], mode="markers", name=f"threshold {threshold:.2f}",
            marker={"size": 12, "symbol": "diamond", "color": colours[1]}, hoverinfo="skip",
        )  # fmt: skip
    figure = layout(figure, height).update_layout(hovermode="closest")
    figure.update_yaxes(tickformat=".0%", showgrid=True, title="right", maxallowed=1.0, minallowed=0)
    figure.update_xaxes(range=[0, 1.03], tickformat=".0%", dtick=0.2)
    return figure.update_xaxes(title="share of all proposals accepted")
