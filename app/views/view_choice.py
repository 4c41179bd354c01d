"""A page of several views: the address names the one on show, so that it can be kept and passed on."""

from collections.abc import Mapping
from typing import Any

import streamlit as st


def choose_view(views: Mapping[str, str], key: str, place: Any = st) -> str:
    """Draw the row of views and return the name of the chosen one; the first is chosen where none is named.

    Args:
        views: name in the address -> words.
        key: of the widget.
        place: column to draw in.
    """

    def name_it() -> None:
        st.query_params["view"] = st.session_state.to_dict()[key]

    asked = st.query_params.get("view")
    return place.segmented_control(
        "View",
        list(views),
        default=asked if asked in views else next(iter(views)),
        key=key,
        required=True,
        format_func=views.__getitem__,
        label_visibility="collapsed",
        on_change=name_it,
    )
