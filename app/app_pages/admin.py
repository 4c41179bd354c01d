"""Admin: people, audit log, backups, health; for admins only. `?view=` names the view."""

import streamlit as st

from app.resources import visit
from app.views.admin_activity import draw_activity
from app.views.admin_backups import draw_backups
from app.views.admin_health import draw_health
from app.views.admin_people import draw_people
from app.views.view_choice import choose_view

VIEWS = {
    "people": ("People", draw_people),
    "log": ("Who did what", draw_activity),
    "backups": ("Backups", draw_backups),
    "health": ("Health", draw_health),
}


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
view = choose_view({name: words for name, (words, _) in VIEWS.items()}, "admin_view", views)
VIEWS[view][1](guest)
