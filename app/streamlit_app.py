"""The router: a picture frame around the pages. Nothing is drawn for people the database does not know."""

from pathlib import Path
from typing import Literal

import streamlit as st

from app.resources import visit
from app.views.frame import draw_style, draw_warnings

ASSETS = Path(__file__).parents[1] / "assets"

st.set_page_config(page_title="FinePseudo Studio", page_icon=ASSETS / "icon.svg", layout="wide")
draw_style()
guest = visit()
st.logo(ASSETS / "logo.svg", size="large")
admins_only: Literal["visible", "hidden"] = "visible" if guest.user.role == "admin" else "hidden"
page = st.navigation(
    [
        st.Page("app_pages/today.py", title="Today", default=True),
        st.Page("app_pages/review.py", title="Review", url_path="review"),
        st.Page("app_pages/compare.py", title="Compare", url_path="compare"),
        st.Page("app_pages/browse.py", title="Browse", url_path="browse"),
        st.Page("app_pages/classes.py", title="Classes", url_path="classes"),
        st.Page("app_pages/rounds.py", title="Rounds", url_path="rounds"),
        st.Page("app_pages/evaluation.py", title="Evaluation", url_path="evaluation"),
        st.Page("app_pages/quality.py", title="Quality", url_path="quality"),
        st.Page("app_pages/transfer.py", title="Transfer", url_path="transfer"),
        st.Page("app_pages/admin.py", title="Admin", url_path="admin", visibility=admins_only),
    ],
    position="top",
)
draw_warnings(guest.studio, page.url_path)
page.run()
