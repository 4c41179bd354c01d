"""Admin: people, audit log, backups, health; for admins only. `?view=` names the view."""

import streamlit as st

from app.resources import visit
from app.views.admin_activity import draw_activity
from app.views.admin_backups import draw_backups
from app.views.admin_health import draw_health
from app.views.admin_people import draw_people

VIEWS = {
    "people": ("People", draw_people),
    "log": ("Who did what", draw_activity),
    "backups": ("Backups", draw_backups),
    "health": ("Health", draw_health),
}


def choose_view() -> None:
    """The address names the view, so that it can be kept and passed on."""
    st.query_params["view"] = st.session_state.to_dict()["admin_view"]


guest = visit()
title, views = st.columns([2, 8], vertical_alignment="center")
title.title("Admin")
if guest.user.role != "admin":
    st.info(
        "This page is for admins: they add and remove people, read the log, and make backups. "
        "Ask one of them if you need any of it."
    )
    st.page_link("app_pages/today.py", label="Back to Today", icon=":material/arrow_back:")
    st.stop()
asked = st.query_params.get("view")
view = views.segmented_control(
    "View",
    list(VIEWS),
    default=asked if asked in VIEWS else "people",
    key="admin_view",
    required=True,
    format_func=lambda name: VIEWS[name][0],
    label_visibility="collapsed",
    on_change=choose_view,
)
VIEWS[view][1](guest)
