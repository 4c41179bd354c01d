"""The router: a picture frame around the pages. Nothing is drawn for people the database does not know."""

from pathlib import Path

import streamlit as st

from app.resources import visit
from app.services import health
from app.views.frame import draw_style, draw_worker_line

ASSETS = Path(__file__).parents[1] / "assets"

st.set_page_config(page_title="FinePseudo Studio", page_icon=ASSETS / "icon.svg", layout="wide")
draw_style()
guest = visit()
st.logo(ASSETS / "logo.svg", size="large")
page = st.navigation(
    [
        st.Page("app_pages/today.py", title="Today", default=True),
        st.Page("app_pages/review.py", title="Review", url_path="review"),
        st.Page("app_pages/compare.py", title="Compare", url_path="compare"),
        st.Page("app_pages/browse.py", title="Browse", url_path="browse"),
        st.Page("app_pages/classes.py", title="Classes", url_path="classes"),
        st.Page("app_pages/rounds.py", title="Rounds", url_path="rounds"),
        st.Page("app_pages/transfer.py", title="Transfer", url_path="transfer"),
    ],
    position="top",
)
if page.url_path not in ("review", "compare"):  # they need no worker, and every line of the screen
    draw_worker_line(health.workers(guest.studio))
page.run()
