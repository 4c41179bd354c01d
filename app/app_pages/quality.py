"""Quality: how far the labels that people give can be trusted; `?view=` names the view."""

import streamlit as st

from app.resources import visit
from app.views.quality_agreement import draw_agreement, draw_conflicts
from app.views.quality_audit import draw_audits
from app.views.quality_pace import draw_pace
from app.views.view_choice import choose_view

VIEWS = {
    "agreement": ("Do people agree?", draw_agreement),
    "conflicts": ("Conflicts to settle", draw_conflicts),
    "audit": ("Blind checks", draw_audits),
    "pace": ("Time and habits", draw_pace),
}


guest = visit()
title, views = st.columns([2, 8], vertical_alignment="center")
title.title("Quality")
view = choose_view({name: words for name, (words, _) in VIEWS.items()}, "quality_view", views)
VIEWS[view][1](guest)
