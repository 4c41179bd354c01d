"""The audit log on the Admin page."""

import streamlit as st

from app.resources import Visit
from app.services import activity
from app.views.tables import MOST

AT_ONCE = 50
KINDS = {
    "verdicts": "Verdicts",
    "rounds": "Rounds",
    "imports": "Imports",
    "classes": "Classes",
    "people": "People",
    "snapshots": "Snapshots",
    "backups": "Backups",
}


def draw_activity(guest: Visit) -> None:
    """Who did what, newest first, by person and kind, a page at a time."""
    chosen = st.session_state.to_dict()
    who, kind, place = chosen.get("log_who"), chosen.get("log_kind"), chosen.get("log_page") or 1
    page = activity.listing(
        guest.studio, guest.user.id, who=who, kind=kind, offset=(place - 1) * AT_ONCE, limit=AT_ONCE
    )
    people, kinds, turn = st.columns([3, 7, 2], vertical_alignment="bottom")
    listed = list(page.people) + ([who] if who and who not in page.people else [])
    people.selectbox(
        "Person", listed, index=None, key="log_who", placeholder="Everybody", on_change=first_page
    )
    kinds.pills("What", list(KINDS), key="log_kind", format_func=KINDS.__getitem__, on_change=first_page)
    last = max(1, -(-page.total // AT_ONCE))
    if last > 1:
        turn.number_input(f"Page, of {last}", 1, last, key="log_page")
    if not page.entries:
        st.info("Nothing here yet." if not (who or kind) else "Nothing matches; take a filter away.")
        return
    st.dataframe(
        [
            {"When": entry.at, "Who": entry.who, "Kind": KINDS[entry.kind], "What": entry.words}
            for entry in page.entries
        ],
        hide_index=True,
        width="stretch",
        height=max(MOST, 560) if len(page.entries) > 15 else "content",
        column_config={
            "When": st.column_config.DatetimeColumn(width="small", format="YYYY-MM-DD HH:mm"),
            "Who": st.column_config.TextColumn(width="small"),
            "Kind": st.column_config.TextColumn(width="small"),
            "What": st.column_config.TextColumn(width="large"),
        },
    )
    st.caption(
        f"{page.total:,} line{'s' * (page.total != 1)}. Times are UTC. Verdicts are counted per person and "
        "day, at the time of the last one; each single one is in the history of its clip on Browse."
    )


def first_page() -> None:
    """Begin anew where a filter has changed, in a callback."""
    st.session_state["log_page"] = 1
