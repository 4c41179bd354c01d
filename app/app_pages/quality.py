"""Quality: how far the labels that people give can be trusted; `?view=` names the view."""

import streamlit as st

from app.resources import visit
from app.views.quality_agreement import draw_agreement, draw_conflicts
from app.views.quality_audit import draw_audits
from app.views.quality_pace import draw_pace

VIEWS = {
    "agreement": ("Do people agree?", draw_agreement),
    "conflicts": ("Conflicts to settle", draw_conflicts),
    "audit": ("Blind checks", draw_audits),
    "pace": ("Time and habits", draw_pace),
}


def choose_view() -> None:
    """The address names the view, so that it can be kept and passed on."""
    st.query_params["view"] = st.session_state.to_dict()["quality_view"]


guest = visit()
title, views = st.columns([2, 8], vertical_alignment="center")
title.title("Quality")
asked = st.query_params.get("view")
view = views.segmented_control(
    "View",
    list(VIEWS),
    default=asked if asked in VIEWS else "agreement",
    key="quality_view",
    required=True,
    format_func=lambda name: VIEWS[name][0],
    label_visibility="collapsed",
    on_change=choose_view,
)
VIEWS[view][1](guest)
