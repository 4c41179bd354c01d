"""Plotly figures in one template; colours come from the theme, so that light and dark both fit."""

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go
import streamlit as st

from app.services.queue import ClassBar

MOST_POINTS = 400
# combined, alignability, action encoder, and three more: the colours of the review screen
COLOURS = {
    "light": ("#0b7a86", "#d17f0b", "#5566c4", "#b3372a", "#17794a", "#6b7b82"),
    "dark": ("#3fbfca", "#efb04f", "#93a2f2", "#ff9486", "#5fd39a", "#9db1b8"),
}
Points = Sequence[tuple[int, float]]


def layout(figure: go.Figure, height: int) -> go.Figure:
    """The figure in the studio's colours and margins, `height` pixels high."""
    return figure.update_layout(
        height=height,
        colorway=COLOURS["dark" if st.context.theme.type == "dark" else "light"],
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="x unified",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": None},
        xaxis={"showgrid": False, "zeroline": False, "automargin": True},
        yaxis={"zeroline": False, "automargin": True, "nticks": 5},
        uirevision="keep",  # zoom and hidden lines stay when new points arrive
    )


def as_text(name: str) -> str:
    """A text of somebody's making, so that a figure shows it as it is."""
    return escape(name, quote=False)


def thin(points: Points, most: int = MOST_POINTS) -> Points:
    """Every n-th point, the last one always, so that long rounds stay quick to draw."""
    stride = -(-len(points) // most) if points else 1
    return [*points[::stride], *(points[-1:] if len(points) % stride != 1 and stride > 1 else ())]


def loss_figure(losses: Mapping[str, Points], height: int = 260) -> go.Figure:
    """Losses over the steps of one stage, a line each."""
    figure = go.Figure()
    for name, points in losses.items():
        steps, values = zip(*thin(points), strict=True) if points else ((), ())
        figure.add_scatter(x=steps, y=values, name=name, mode="lines", line={"width": 2})
    figure.update_layout(showlegend=True)  # a single line, too, says what it is
    return layout(figure, height).update_xaxes(title="step")


def sparkline(points: Points, name: str, height: int = 70) -> go.Figure:
    """One line without axes: is it going down?"""
    steps, values = zip(*thin(points, 160), strict=True) if points else ((), ())
    figure = go.Figure()
    figure.add_scatter(x=steps, y=values, name=name, mode="lines", line={"width": 2}, fill="tozeroy")
    figure = layout(figure, height).update_layout(margin={"l": 0, "r": 0, "t": 2, "b": 2}, showlegend=False)
    figure.update_xaxes(visible=False)
    return figure.update_yaxes(visible=False)


def draw(figure: go.Figure, key: str, alt: str) -> None:
    """Put a figure on the page, without the bar of buttons."""
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, alt=alt)


def class_bars(classes: Sequence[ClassBar], most: int = 6) -> go.Figure:
    """Three bars a class: action encoder, alignability, combined; the best class on top."""
    shown = list(classes[:most])[::-1]
    names = [as_text(bar.name) for bar in shown]
    figure = go.Figure()
    for name, pattern, shares in (
        ("combined", "", [bar.combined for bar in shown]),
        ("alignability", "/", [bar.alignability for bar in shown]),
        ("action encoder", "", [bar.action for bar in shown]),
    ):
        figure.add_bar(y=names, x=shares, name=name, orientation="h", marker={"pattern": {"shape": pattern}})
    figure = layout(figure, 36 * len(shown) + 60).update_layout(barmode="group", hovermode="closest")
    figure.update_yaxes(type="category", showgrid=False, dtick=1)
    return figure.update_xaxes(range=[0, 1], tickformat=".0%", showgrid=True)
