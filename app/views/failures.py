"""What a page shows when a run of it ends in an error."""

import logging

import streamlit as st

from app.views.cards import plain
from finepseudo_core.errors import FinePseudoError

log = logging.getLogger(__name__)


def explain(error: Exception) -> bool:
    """Say what happened and what to do, instead of Streamlit's own box; the details go to the log."""
    if isinstance(error, FinePseudoError):
        st.error(plain(str(error)))
        return True
    log.error("a page failed", exc_info=error)
    if type(error).__module__.startswith("sqlalchemy"):
        st.error(
            "The database does not answer just now: another program may be writing to it. Nothing is lost; "
            "your verdicts are sent again until they are saved. Load the page again in a moment.",
            icon=":material/hourglass_top:",
        )
    else:
        st.error(
            "This page failed. Load it again; if it stays so, `logs/web.log` of the project says why.",
            icon=":material/warning:",
        )
    return True
