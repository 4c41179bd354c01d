"""Enter presses what has the focus, and the page's own Enter only where nothing has."""

import streamlit as st

from app.components import join

_mount = st.components.v2.component("finepseudo_focused_enter", js=join(["focused_enter/index.js"]))


def focused_enter(key: str = "focused_enter") -> None:
    """Keep Enter on a focused button or link from pressing the page's shortcut as well."""
    _mount(key=key)
