"""The dry run of a round: a threshold, what it would accept, how right that is, what is learned from."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app.resources import Visit
from app.services import round_dry_run
from app.services.round_dry_run import DryRun, Foreseen, NextRound
from app.services.studio import Studio
from app.views.cards import draw_tiles, measured, plain
from app.views.figures import COLOURS, draw, layout

NAMED = 4  # classes named in a sentence; the others are in the table
SOURCES = {
    "blind": "from {of} blind checks: clips drawn at random, named by people who did not see the proposal.",
    "held back": "from {of} clips whose label was held back at the import and never learned from.",
    "verdicts": "from {of} verdicts on this round's proposals. Queues bring doubtful clips first and show "
    "the proposal, so it may be too low or too high; blind checks on the Review page give a fair figure.",
}
FORESIGHT = {
    "exact": "",
    "at most": "The strategy also asks whether f_E is steady, which was not kept: expect fewer than this. ",
    "another": "The strategy goes by another confidence than round {number} did; the figures are those of "
    "round {number}'s own, so take them as a hint. ",
    "nothing": "This strategy accepts no labels at all, whatever the threshold; shown is what round {number} "
    "would accept. ",
}


@st.cache_data(ttl="30s", max_entries=20, show_spinner=False)
def _fetch(_studio: Studio, project: str, preset: str, changes: Mapping[str, Any]) -> DryRun | None:
    return round_dry_run.dry_run(_studio, preset, changes)


def draw_dry_run(guest: Visit, preset: str, changes: Mapping[str, Any], threshold: str, value: float) -> None:
    """The slider and what it foresees. `threshold` is the key of the setting that it moves, `value` what that
    stands at."""
    others = {name: chosen for name, chosen in changes.items() if name != "pseudo_labels.threshold"}
    run = _fetch(guest.studio, str(guest.studio.settings.project), preset, others)
    if run is None:
        st.caption(
            "The dry run of a threshold needs proposals: the first round makes some, and from then on this "
            "place says how many labels a threshold would accept."
        )
        return
    handle = f"{preset}|try"
    st.session_state[handle] = min(0.99, max(0.0, round(value, 2)))
    st.slider(
        f"Try a threshold on the {run.open:,} proposals of round {run.number} that wait",
        0.0,
        0.99,
        step=0.01,
        format="%.2f",
        key=handle,
        on_change=lambda: st.session_state.update({threshold: st.session_state[handle]}),
        help="Moves “Accept from” above: the round that you start gets this threshold.",
    )
    seen = run.at(st.session_state[handle])
    draw_foreseen(run, seen, st.session_state[handle])


def draw_foreseen(run: DryRun, seen: Foreseen, threshold: float) -> None:
    """What a threshold lets through, in figures, curves and by class."""
    share, note = measured(seen.precision)
    filled = len(run.names) - len(seen.empty)
    draw_tiles(
        [
            ("Threshold", f"{threshold:.2f}", f"round {run.number} had {run.threshold:g}"),
            ("Would be accepted", f"{seen.accepted:,}", f"of {run.open:,} that wait"),
            ("Estimated right", share, note if seen.precision else "nothing is known here yet"),
            ("Classes with some", f"{filled}", f"of {len(run.names)}"),
            ("Classes with none", f"{len(seen.empty)}", "the next round learns nothing new of them"),
        ]
    )
    st.caption(plain(basis(run, seen, threshold)))
    left, middle, right = st.columns([3, 3, 4])
    with left:
        st.markdown("**Accepted, by threshold**")
        draw(count_figure(run, threshold), "dry_counts", f"Accepted clips by threshold, {seen.accepted} here")
    with middle:
        st.markdown("**Estimated right, by threshold**")
        draw(precision_figure(run, threshold), "dry_precision", f"Estimated precision by threshold, {share}")
    with right:
        st.markdown("**Accepted, by class**")
        st.dataframe(
            {"class": list(seen.per_class), "accepted": list(seen.per_class.values())},
            column_config={
                "accepted": st.column_config.ProgressColumn(
                    format="%d", min_value=0, max_value=max(1, *seen.per_class.values(), 1)
                )
            },
            hide_index=True,
            height=210,
            key="dry_classes",
        )
    if seen.empty:
        st.caption(f"No clip for {plain(named(seen.empty))}.")


def basis(run: DryRun, seen: Foreseen, threshold: float) -> str:
    """What the figures rest on, and what they can't foresee."""
    words = FORESIGHT[run.foresight].format(number=run.number)
    if seen.precision and seen.source:
        low, high = seen.precision.low, seen.precision.high
        known = SOURCES[seen.source].format(of=seen.precision.of)
        words += f"Estimated right: {seen.precision.value:.2f} [{low:.2f}, {high:.2f}], {known} "
    elif seen.accepted:
        words += (
            f"Nobody has checked any proposal from {threshold:.2f} up; blind checks on the Review page give "
            "a figure. "
        )
    return f"{words}A new round looks at every clip anew, so its own counts will differ."


def named(names: Sequence[str]) -> str:
    """Some of the names, and how many more there are."""
    shown = ", ".join(names[:NAMED])
    return f"{shown} and {len(names) - NAMED} more" if len(names) > NAMED else shown


def count_figure(run: DryRun, threshold: float, height: int = 210) -> go.Figure:
    """Clips that every threshold accepts; the chosen one is marked."""
    steps = np.arange(round_dry_run.STEPS) / 100
    figure = go.Figure(
        go.Scatter(
            x=steps, y=run.totals, mode="lines", fill="tozeroy", name="clips", line={"width": 2},
            hovertemplate="%{y:,} clips<extra></extra>",
        )
    )  # fmt: skip
    return _marked(figure, threshold, height).update_yaxes(rangemode="tozero")


def precision_figure(run: DryRun, threshold: float, height: int = 210) -> go.Figure:
    """Estimated precision and its 95 % interval at every threshold, by what speaks for the chosen one."""
    figure = go.Figure()
    source = run.best(round_dry_run.step_of(threshold)) or next(iter(run.checked), None)
    shares = [(step / 100, source.at(step)) for step in range(round_dry_run.STEPS)] if source else []
    known = [(step, share) for step, share in shares if share]
    if known:
        x, colour = [step for step, _ in known], COLOURS[_tone()][0]
        figure.add_scatter(
            x=x, y=[share.high for _, share in known], mode="lines", line={"width": 0}, hoverinfo="skip"
        )
        figure.add_scatter(
            x=x, y=[share.low for _, share in known], mode="lines", line={"width": 0}, fill="tonexty",
            fillcolor=f"rgba({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))}, .18)",
            hoverinfo="skip",
        )  # fmt: skip
        figure.add_scatter(
            x=x, y=[share.value for _, share in known], mode="lines", line={"width": 2, "color": colour},
            customdata=[(share.low, share.high, share.of) for _, share in known],
            hovertemplate="%{y:.0%} right, %{customdata[0]:.0%} to %{customdata[1]:.0%}, "
            "from %{customdata[2]} clips<extra></extra>",
        )  # fmt: skip
    else:
        figure.add_annotation(text="Nothing is checked yet", x=0.5, y=0.5, showarrow=False)
    return _marked(figure, threshold, height).update_yaxes(range=[0, 1.02], tickformat=".0%")


def draw_next_round(coming: NextRound) -> None:
    """What a round started now would learn from."""
    clips = sum(coming.labelled.values())
    new = coming.new_verdicts
    draw_tiles(
        [
            ("Learns from", f"{clips:,}", f"labelled clips of {len(coming.labelled)} classes"),
            (
                "New verdicts",
                "–" if new is None else f"{new:,}",
                "no round yet" if new is None else "since the newest round was started",
            ),
            ("One labelled clip", f"{len(coming.scarce)}", "classes; each needs two before a round starts"),
            ("No labelled clip", f"{len(coming.without)}", "classes; no clip can be proposed as one of them"),
        ]
    )
    if coming.scarce:
        st.warning(
            f"{plain(named(coming.scarce))} has only one labelled clip. A round starts once every class that "
            "has a labelled clip has two; the Browse page finds more of them.",
            icon=":material/info:",
        )
    if coming.without:
        st.caption(f"Without a labelled clip: {plain(named(coming.without))}.")
    with st.popover("Labelled clips by class"):
        st.dataframe(
            {"class": list(coming.labelled), "labelled clips": list(coming.labelled.values())},
            hide_index=True,
            height=320,
            key="labelled_classes",
        )


def _marked(figure: go.Figure, threshold: float, height: int) -> go.Figure:
    figure = layout(figure, height).update_layout(showlegend=False)
    figure.add_vline(x=threshold, line={"width": 2, "dash": "dot", "color": COLOURS[_tone()][1]})
    return figure.update_xaxes(range=[0, 1], tickformat=".1f", title="threshold")


def _tone() -> str:
    return "dark" if st.context.theme.type == "dark" else "light"
