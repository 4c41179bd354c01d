"""Figures of reviewing: blind checks as they came in, days, and answers of each person."""

from collections.abc import Sequence

import plotly.graph_objects as go

from app.services.review_quality import Reviewer, WorkDay
from app.services.round_cards import Measured
from app.views.class_figures import APART
from app.views.evaluation_figures import share_lines
from app.views.figures import as_text, layout
from app.views.tables import shortened

LINE = "right, by blind checks"
PATTERNS = ("", "/", "x", ".", "-", "+")
ANSWERS = {
    "accept": "accepted",
    "correct": "corrected",
    "reject": "rejected",
    "novel": "none of the classes",
}


def audit_trail(trail: Sequence[Measured], height: int = 280) -> go.Figure:
    """The precision after each blind check, with its narrowing band."""
    figure = share_lines([(LINE, [(share.of, share) for share in trail])], "blind checks answered", height)
    return figure.update_traces(mode="lines", selector={"name": LINE}) if len(trail) > 12 else figure


def day_bars(days: Sequence[WorkDay], height: int = 260) -> go.Figure:
    """Verdicts of each day, a colour and a pattern for each person."""
    figure = go.Figure()
    for place, name in enumerate(dict.fromkeys(day.name for day in days)):
        own = [day for day in days if day.name == name]
        figure.add_bar(
            x=[day.day for day in own],
            y=[day.verdicts for day in own],
            name=as_text(shortened(name, 34)) + APART * place,
            marker={"pattern": {"shape": PATTERNS[place % len(PATTERNS)]}},
            customdata=[round(day.seconds / 60) for day in own],
            hovertemplate="%{y} verdicts, %{customdata} min",
        )
    figure = layout(figure, height).update_layout(barmode="stack", legend={"traceorder": "normal"})
    figure.update_yaxes(showgrid=True, title="verdicts", rangemode="tozero")
    few = len({day.day for day in days}) <= 14
    return figure.update_xaxes(type="category" if few else "date")


def answer_bars(people: Sequence[Reviewer]) -> go.Figure:
    """What each person answers to what a round proposes, as shares of their answers."""
    lines = [one for one in people if one.kinds][::-1]
    names = [as_text(shortened(one.name, 34)) + APART * place for place, one in enumerate(lines)]
    figure = go.Figure()
    for pattern, (kind, words) in zip(PATTERNS, ANSWERS.items(), strict=False):
        figure.add_bar(
            x=[one.kinds[kind] for one in lines],
            y=names,
            name=words,
            orientation="h",
            marker={"pattern": {"shape": pattern}},
            customdata=[one.answers for one in lines],
            hovertemplate=f"%{{x:.0%}} {words}, of %{{customdata}}<extra></extra>",
        )
    figure = layout(figure, 34 * len(lines) + 80).update_layout(barmode="stack", hovermode="closest")
    figure.update_yaxes(type="category", dtick=1, showgrid=False, nticks=None)
    figure.update_layout(legend={"traceorder": "normal"})
    return figure.update_xaxes(range=[0, 1], tickformat=".0%", showgrid=True)
