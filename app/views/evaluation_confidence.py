"""Whether a round is as sure as it should be, and what another threshold would give."""

from collections.abc import Sequence

import streamlit as st

from app.resources import Visit
from app.services import evaluation
from app.services.evaluation import Bin, Reliability, RoundScore, Threshold
from app.views.evaluation_figures import coverage_line, reliability_bars
from app.views.figures import draw
from app.views.share_words import counted, out_of_ten
from app.views.tables import table_height

BY = {"known": "held-back labels", "verdicts": "your verdicts"}
ENOUGH = 10  # clips in a bar that a sentence may speak of


def draw_confidence(guest: Visit, score: RoundScore) -> None:
    """Two figures: right by confidence, and right by the share that is accepted."""
    checked = {by: evaluation.reliability(guest.studio, score.card.id, by) for by in BY}
    there = {by: found for by, found in checked.items() if found is not None}
    if not there:
        st.info(
            f"None of the proposals of round {score.number} could be checked yet. Decide on some of them in "
            "Review, or import labels that are held back for measuring."
        )
        return
    by = next(iter(there))
    if len(there) > 1:
        by = st.segmented_control(
            "Checked by", list(there), default=by, key="by", required=True, format_func=BY.__getitem__,
            label_visibility="collapsed",
        )  # fmt: skip
    found = there[by]
    threshold = score.card.config.get("pseudo_labels", {}).get("threshold")
    sure, accepted = st.columns(2, gap="medium")
    with sure, st.container(key="card_sure"):
        st.markdown("#### How sure, how right")
        st.markdown(sure_sentence(found.bins))
        draw(reliability_bars(found), f"sure_{score.card.id}_{by}", "Share right by confidence")
        st.dataframe(
            {
                "Sure": [f"{one.low:.0%} to {one.high:.0%}" for one in found.bins],
                "Right": [one.right.right for one in found.bins],
                "Of": [one.right.of for one in found.bins],
            },
            key=f"bins_{by}",
            hide_index=True,
            height=table_height(len(found.bins)),
        )
    with accepted, st.container(key="card_threshold"):
        st.markdown("#### Accept more, or be right more often")
        st.markdown(threshold_sentence(found.thresholds, threshold))
        draw(coverage_line(found, threshold), f"coverage_{score.card.id}_{by}",
             "Share right among accepted labels over the share accepted")  # fmt: skip
        st.caption(
            "From right to left the threshold rises: fewer labels are accepted, and more should be right."
        )
    st.caption(source_words(found))


def sure_sentence(bins: Sequence[Bin]) -> str:
    """The surest bar with enough clips, and whether the round is too sure on the whole."""
    solid = [one for one in bins if one.right.of >= ENOUGH] or list(bins)
    top = solid[-1]
    clips = sum(one.right.of for one in bins)
    sure = sum(one.sure * one.right.of for one in bins) / clips
    right = sum(one.right.right for one in bins) / clips
    words = (
        f"Of 10 proposals that the round is {top.low:.0%} to {top.high:.0%} sure of, "
        f"**{round(top.right.value * 10)}** are right. On the whole it is {sure:.0%} sure and "
        f"{right:.0%} right: "
    )
    if abs(round(100 * sure) - round(100 * right)) <= 5:
        return words + "about as sure as it should be."
    return words + ("surer than it should be." if sure > right else "less sure than it could be.")


def threshold_sentence(steps: Sequence[Threshold], threshold: float | None) -> str:
    """What the threshold of the round gives, and what one of 90 % right would take."""
    at = next((step for step in steps if threshold is not None and step.confidence >= threshold - 1e-9), None)
    words = ""
    if at is not None:
        words = (
            f"From {threshold:.0%} sure on, {at.share:.0%} of all proposals would be accepted, and "
            f"**{out_of_ten(at.right)}** of them are right. "
        )
    wanted = next((step for step in steps if step.right.value >= 0.9), None)
    if wanted is None:
        return words + "No threshold gives 9 right of 10."
    return words + f"For 9 right of 10, accept from {wanted.confidence:.0%} on: {wanted.share:.0%} of them."


def source_words(found: Reliability) -> str:
    """What right and wrong were told by."""
    words = f"Checked on {counted(found.clips, 'proposal')} by {BY[found.by]}. "
    if found.by == "verdicts":
        words += (
            "People saw most of these proposals before they answered, and the queues choose which clips come "
            "first, so take the figures as a hint; the blind checks on the Quality page are free of both. "
        )
    return words + "Thin lines and bands are where the true share lies in 95 of 100 such counts."
