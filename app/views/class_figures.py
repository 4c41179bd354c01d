"""Figures of classes: who aligns with whom, and the rivals of one class."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app.services.alignabilities import Alignabilities, beside_rivals
from app.services.class_cards import ClassCard
from app.views.figures import as_text, layout

SCALES = {"light": ("#eef3f4", "#0b7a86"), "dark": ("#17262d", "#2a98a3")}
WITH_FIGURES = 16  # classes up to which every square shows its number
WITH_NAMES = 64  # classes up to which every square knows both names in full
LONGEST = 34
APART = "\u200b"  # keeps names apart that are shortened to the same


def short(name: str) -> str:
    """A name that fits beside a figure."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1].rstrip()}…"


def alignability_heatmap(measured: Alignabilities, names: Mapping[int, str], height: int) -> go.Figure:
    """Mean S̄ of the clips of each class (rows) with the exemplars of each class (columns), rivals together.

    Rows and columns bear the same numbers; the names stand beside the rows. Classes without any clip to
    measure on are left out.
    """
    shown = np.flatnonzero(measured.clips)
    order = shown[beside_rivals(measured.scores[np.ix_(shown, shown)])].tolist()
    scores = measured.scores[np.ix_(order, order)]
    full = [as_text(names[measured.class_ids[place]]) for place in order]
    numbers = [str(number + 1) for number in range(len(order))]
    rows = [
        f"{as_text(short(names[measured.class_ids[place]]))}  {number}"
        for number, place in zip(numbers, order, strict=True)
    ]
    pairs = np.empty((len(order), len(order), 2), object)
    pairs[:, :, 0] = np.array(full, object)[:, None]
    pairs[:, :, 1] = np.array(full, object)[None, :]
    small = len(order) <= WITH_NAMES
    clips, examples = ("%{customdata[0]}", "%{customdata[1]}") if small else ("%{y}", "class %{x}")
    tone = "dark" if st.context.theme.type == "dark" else "light"
    figure = go.Figure(
        go.Heatmap(
            z=np.round(scores, 3),
            x=numbers,
            y=rows,
            customdata=pairs if small else None,
            colorscale=[[0, SCALES[tone][0]], [1, SCALES[tone][1]]],
            texttemplate="%{z:.2f}" if len(order) <= WITH_FIGURES else None,
            hoverongaps=False,
            hovertemplate=f"clips of {clips}<br>examples of {examples}<br><b>%{{z:.2f}}</b><extra></extra>",
            xgap=int(small),
            ygap=int(small),
            colorbar={"thickness": 10, "outlinewidth": 0, "nticks": 5, "tickformat": ".1f"},
        )
    )
    figure = layout(figure, height).update_layout(hovermode="closest", dragmode="zoom")
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, nticks=None)
    return figure.update_xaxes(type="category", side="top", showgrid=False)


def rival_bars(card: ClassCard, rivals: Sequence[tuple[int, str, float]]) -> go.Figure:
    """How well the clips of a class align with its own exemplars and with those of its rivals."""
    lines = [(card.id, "itself", card.alignability or 0.0), *rivals][::-1]
    figure = go.Figure(
        go.Bar(
            x=[score for _, _, score in lines],
            y=[as_text(short(name)) + APART * place for place, (_, name, _) in enumerate(lines)],
            customdata=[class_id for class_id, _, _ in lines],
            orientation="h",
            text=[f"{score:.2f}" for _, _, score in lines],
            textposition="outside",
            cliponaxis=False,
            marker={"pattern": {"shape": ["/" if class_id != card.id else "" for class_id, _, _ in lines]}},
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        )
    )
    figure = layout(figure, 34 * len(lines) + 30).update_layout(hovermode="closest", showlegend=False)
    figure.update_yaxes(type="category", dtick=1, showgrid=False, nticks=None)
    return figure.update_xaxes(range=[0, 1.05], tickvals=[0, 0.5, 1], showgrid=True, fixedrange=True)
