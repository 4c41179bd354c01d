"""Blind checks: what they say of each round, how many more are needed, and what they found."""

from collections.abc import Sequence

import streamlit as st

from app.resources import Visit
from app.services import review_quality
from app.services.review_quality import Audit
from app.views.cards import ago, draw_tiles, measured
from app.views.evaluation_figures import Line, round_lines
from app.views.figures import draw
from app.views.quality_figures import audit_trail
from app.views.share_words import counted, likely, out_of_ten
from app.views.tables import table_height


def draw_audits(guest: Visit) -> None:
    """The audit of one round as it grew, all rounds side by side, and the disagreements."""
    found = review_quality.audits(guest.studio)
    if not any(audit.precision for audit in found):
        st.info(
            "No blind check is answered yet. About one clip in ten in Review is one: an accepted label whose "
            "proposal is hidden."
            + (
                f" {counted(found[0].drawn, 'clip')} of round {found[0].round_number} wait there."
                if found
                else " They are drawn as soon as a round accepts labels."
            )
        )
        st.page_link("app_pages/review.py", label="To Review")
        return
    known = {audit.round_number: audit for audit in found if audit.precision}
    active = next((number for number, audit in known.items() if audit.active), next(iter(known)))
    audit = known[active]
    if len(known) > 1:
        number = st.segmented_control(
            "Round", list(known)[:12], default=active, key="audit", required=True,
            format_func=lambda number: f"Round {number}", label_visibility="collapsed",
        )  # fmt: skip
        audit = known[number]
    st.markdown(audit_sentence(audit))
    value, note = measured(audit.precision)
    draw_tiles(
        [
            ("Right, by blind checks", value, note),
            ("Checked", f"{len(audit.trail)}", f"of {audit.drawn} clips drawn"),
            ("Still needed", f"{audit.needed}" if audit.needed else "none", "for within 5 points either way"),
            ("Found wrong", f"{len(audit.misses)}", "answers unlike the proposal"),
        ]
    )
    grown, rounds = st.columns(2, gap="medium")
    with grown, st.container(key="card_trail"):
        st.markdown(f"#### Round {audit.round_number}, check by check")
        draw(audit_trail(audit.trail), f"trail_{audit.round_number}", "Precision after each blind check")
        st.caption(
            "The band narrows with every check; the true share lies within it in 95 of 100 such audits."
        )
    with rounds, st.container(key="card_audits"):
        st.markdown("#### Round by round")
        line: Line = [(float(one.round_number), one.precision) for one in found[::-1] if one.precision]
        draw(round_lines([("right, by blind checks", line)], 280), "audits", "Precision of each round")
        st.caption("Only rounds with answered checks are shown.")
    _draw_misses(audit)


def audit_sentence(audit: Audit) -> str:
    """What the checks say so far, and what more of them would."""
    assert audit.precision is not None
    words = (
        f"People who did not see the proposal say the same as round {audit.round_number} on "
        f"**{out_of_ten(audit.precision)}** accepted labels; the true share is likely "
        f"{likely(audit.precision)}. "
    )
    if not audit.needed:
        return words + "That is known to within 5 points either way."
    waiting = audit.drawn - len(audit.trail)
    words += f"For within 5 points either way it takes about {counted(audit.needed, 'more check')}"
    if audit.needed <= waiting:
        return f"{words}; {waiting:,} are drawn and come up in Review."
    return (
        f"{words}, but only {waiting:,} more are drawn, as a round draws one clip in ten and 200 at most."
        if waiting
        else f"{words}, but all that were drawn are answered; the next round draws anew."
    )


def _draw_misses(audit: Audit) -> None:
    with st.container(key="card_misses"):
        st.markdown("#### Found wrong")
        if not audit.misses:
            st.caption("None yet: every blind answer is the class that was proposed.")
            return
        picked = st.dataframe(
            _rows(audit),
            key=f"misses_{audit.round_number}",
            hide_index=True,
            height=table_height(len(audit.misses)),
            on_select="rerun",
            selection_mode="single-row",
        )
        st.caption("The newest first; choose a row to open the clip.")
    rows = picked["selection"]["rows"]
    if rows and rows[0] < len(audit.misses):
        st.switch_page("app_pages/browse.py", query_params={"clip": str(audit.misses[rows[0]].clip_id)})


def _rows(audit: Audit) -> dict[str, Sequence[str]]:
    return {
        "Clip": [miss.key for miss in audit.misses],
        "Proposed, hidden": [miss.proposed for miss in audit.misses],
        "Answered": [miss.answer for miss in audit.misses],
        "By": [miss.reviewer for miss in audit.misses],
        "When": [ago(miss.at) for miss in audit.misses],
    }
