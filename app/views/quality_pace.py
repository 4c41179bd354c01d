"""Time per clip, days, and what people answer to what a round proposes."""

from collections.abc import Sequence

import streamlit as st

from app.resources import Visit
from app.services import review_quality
from app.services.review_quality import BREAK, Reviewer
from app.views.cards import duration, plain
from app.views.figures import draw
from app.views.quality_figures import ANSWERS, answer_bars, day_bars
from app.views.share_words import counted, with_range
from app.views.tables import table_height

KINDS = {"": "all verdicts", **ANSWERS, "skip": "skipped"}


def draw_pace(guest: Visit) -> None:
    """Times, days and habits."""
    people = review_quality.reviewers(guest.studio)
    if not people:
        st.info("Nobody has given a verdict yet. Once somebody has, their time per clip shows here.")
        st.page_link("app_pages/review.py", label="To Review")
        return
    days = review_quality.work_days(guest.studio)
    times, by_day = st.columns([6, 5], gap="medium")
    with times, st.container(key="card_times"):
        st.markdown("#### Time per clip")
        st.markdown(pace_sentence(people))
        rows = _times(people)
        st.dataframe(rows, key="times", hide_index=True, height=table_height(len(rows["Person"])))
        st.caption(
            f"Verdicts that stand. A clip that took more than {duration(BREAK)} counts as {duration(BREAK)}, "
            "so that a break neither lengthens the hours nor the times. Verdicts given on the Browse page "
            "have no time and count only in the number."
        )
    with by_day, st.container(key="card_days"):
        st.markdown("#### Day by day")
        total = sum(day.verdicts for day in days)
        number = len({day.day for day in days})
        st.markdown(f"{counted(total, 'verdict')} that stand, on {counted(number, 'day')} (UTC).")
        draw(day_bars(days), "days", "Verdicts of each day and person")
    _draw_habits(people)


def pace_sentence(people: Sequence[Reviewer]) -> str:
    """The usual time of the busiest person, and an hour's work."""
    timed = [one for one in people if "" in one.times and one.per_hour]
    if not timed:
        return "No time was kept with the verdicts so far; Review keeps it by itself."
    words = []
    for one in timed[:2]:
        own = one.times[""]
        words.append(
            f"Half of **{plain(one.name)}**'s clips took {own.median:.1f} s or less, nine in ten "
            f"{own.most:.1f} s or less: about {counted(round(one.per_hour or 0), 'verdict')} in an hour of "
            "looking at clips."
        )
    return " ".join(words)


def _times(people: Sequence[Reviewer]) -> dict[str, Sequence[object]]:
    shown = [
        (one, kind, one.times[kind]) for one in people for kind in KINDS if kind in one.times
    ]  # everybody's total first
    silent = [one for one in people if not one.times]
    return {
        "Person": [one.name for one, _, _ in shown] + [one.name for one in silent],
        "What": [KINDS[kind] for _, kind, _ in shown] + ["without time" for _ in silent],
        "Clips": [time.clips for _, _, time in shown] + [one.verdicts for one in silent],
        "Half within": [f"{time.median:.1f} s" for _, _, time in shown] + ["–" for _ in silent],
        "Nine in ten within": [_most(time.most) for _, _, time in shown] + ["–" for _ in silent],
        "An hour": [
            f"{one.per_hour:.0f}" if one.per_hour and not kind else "" for one, kind, _ in shown
        ] + ["" for _ in silent],
    }  # fmt: skip


def _most(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < BREAK else f"{duration(BREAK)} or more"


def _draw_habits(people: Sequence[Reviewer]) -> None:
    with st.container(key="card_habits"):
        st.markdown("#### What people answer to a proposal")
        known = [one for one in people if one.kinds or one.blind or one.misled]
        if not known:
            st.caption("Nobody has answered a proposal of a round yet.")
            return
        bars, table = st.columns([5, 6], gap="medium")
        with bars:
            draw(answer_bars(known), "habits", "What each person answers, as shares")
        with table:
            st.markdown(habit_sentence(known))
            st.dataframe(
                {
                    "Person": [one.name for one in known],
                    "Accepted in sight": [
                        f"{one.kinds['accept']:.0%}  ({one.answers})" if one.kinds else "–" for one in known
                    ],
                    "Same as hidden proposal": [with_range(one.blind) for one in known],
                    "Wrong ones accepted": [with_range(one.misled) for one in known],
                },
                key="answers",
                hide_index=True,
                height=table_height(len(known)),
            )
            st.caption(
                "Wrong ones accepted: of the proposals that held-back labels call wrong, how many the person "
                "accepted with the proposal before their eyes. Blind checks are drawn from accepted labels, "
                "the other clips by the queues, so the first two columns may differ without any bias."
            )


def habit_sentence(people: Sequence[Reviewer]) -> str:
    """Who takes over wrong proposals most, where that can be known."""
    known = [one for one in people if one.misled is not None and one.misled.right]
    if not any(one.misled for one in people):
        return (
            "Whether somebody accepts too easily can be told where labels are held back for measuring; this "
            "project has none of clips whose proposal was wrong."
        )
    if not known:
        return "Nobody accepted a proposal that held-back labels call wrong."
    most = max(known, key=lambda one: one.misled.value if one.misled else 0.0)
    assert most.misled is not None
    return (
        f"**{plain(most.name)}** accepted {most.misled.right} of {most.misled.of} proposals that were wrong "
        "by held-back labels, the largest share. A look at the clip before the proposal helps."
    )
