"""Rounds side by side, and what their labels cost."""

from collections.abc import Callable, Sequence

import streamlit as st

from app.services.evaluation import RoundScore
from app.services.round_cards import Measured
from app.views.cards import duration
from app.views.evaluation_figures import Line, round_lines, share_lines
from app.views.figures import draw
from app.views.share_words import counted, likely, out_of_ten, points, with_range
from app.views.tables import table_height

Share = Callable[[RoundScore], Measured | None]
ON_TEST: tuple[tuple[str, Share], ...] = (
    ("action encoder", lambda score: score.action),
    ("alignability", lambda score: score.alignability),
    ("both", lambda score: score.both),
)
ACCEPTED: tuple[tuple[str, Share], ...] = (
    ("by blind checks", lambda score: score.card.audited_precision),
    ("by held-back labels", lambda score: score.card.known_precision),
    ("by your verdicts", lambda score: score.card.reviewed_precision),
)


def draw_rounds(scores: Sequence[RoundScore]) -> None:
    """Two figures over rounds and a table of all figures."""
    tested, accepted = st.columns(2, gap="medium")
    with tested, st.container(key="card_tested"):
        st.markdown("#### Test clips told right")
        st.markdown(tested_sentence(scores))
        _draw_lines(scores, ON_TEST, "tested", "No finished round was measured on test clips. They come with "
                    "an import that keeps a share for testing.")  # fmt: skip
    with accepted, st.container(key="card_accepted"):
        st.markdown("#### Accepted labels that are right")
        st.markdown(accepted_sentence(scores))
        _draw_lines(scores, ACCEPTED, "accepted", "Review some proposals: the blind checks among them "
                    "measure how many accepted labels are right.")  # fmt: skip
    _draw_table(scores)


def draw_cost(scores: Sequence[RoundScore]) -> None:
    """Accuracy, or precision where no test clips are, over verdicts given and over minutes spent."""
    what, share = _best_known(scores)
    known = [(score, value) for score in scores if (value := share(score)) is not None]
    with st.container(key="card_cost"):
        st.markdown("#### What the labels cost")
        if not known:
            st.info(
                "A point per round shows here once a finished round was measured on test clips, or some of "
                "its accepted labels were checked in Review."
            )
            return
        st.markdown(cost_sentence(known, what))
        by_verdicts, by_minutes = st.columns(2, gap="medium")
        with by_verdicts:
            line = [(float(score.verdicts), value) for score, value in known]
            draw(share_lines([(what, line)], "verdicts given before the round began"), "cost_verdicts",
                 f"{what} over verdicts given")  # fmt: skip
        with by_minutes:
            line = [(round(score.seconds / 60, 1), value) for score, value in known]
            draw(share_lines([(what, line)], "minutes spent on clips before the round began"),
                 "cost_minutes", f"{what} over minutes spent")  # fmt: skip
        st.caption(
            "One point per round, the first one on the left. Verdicts are those that stand; minutes count "
            "skipped and undone clips too, and two minutes at most for one clip, so that no break counts."
        )


def tested_sentence(scores: Sequence[RoundScore]) -> str:
    """The newest round against the first one, on test clips."""
    known = [score for score in scores if score.action is not None]
    if not known:
        return ""
    first, last = known[0], known[-1]
    assert first.action is not None
    assert last.action is not None
    words = f"Of the clips kept for testing, round {last.number} tells **{out_of_ten(last.action)}** right"
    if first is last:
        return f"{words}: with so many clips, the true share lies {likely(last.action)}."
    words += f"; round {first.number} told {out_of_ten(first.action)}."
    if last.action.low > first.action.high:
        return f"{words} It is better by more than chance would explain."
    if first.action.low > last.action.high:
        return f"{words} It is worse by more than chance would explain."
    return f"{words} The ranges overlap, so chance may have a part in the difference."


def accepted_sentence(scores: Sequence[RoundScore]) -> str:
    """The newest round whose accepted labels were checked, by the best check there is."""
    for score in reversed(scores):
        for name, share in ACCEPTED:
            value = share(score)
            if value is not None:
                return (
                    f"Of the labels that round {score.number} accepted, **{out_of_ten(value)}** are right "
                    f"{name}, likely {likely(value)}."
                )
    return ""


def cost_sentence(known: Sequence[tuple[RoundScore, Measured]], what: str) -> str:
    """What verdicts and time have brought between the first and the newest round."""
    (first, was), (last, is_now) = known[0], known[-1]
    spent = duration(last.seconds) if last.seconds else "no time kept"
    if first is last:
        return (
            f"Round {last.number} began after {counted(last.verdicts, 'verdict')} ({spent}); {what.lower()}: "
            f"{is_now.value:.0%}. A second round shows what more verdicts bring."
        )
    given = last.verdicts - first.verdicts
    change = points(is_now.value - was.value)
    return (
        f"{counted(given, 'verdict')} between round {first.number} and round {last.number} "
        f"({duration(last.seconds - first.seconds) or 'no time'} of looking at clips) went with "
        f"**{change}**: from {was.value:.0%} to {is_now.value:.0%}."
    )


def _best_known(scores: Sequence[RoundScore]) -> tuple[str, Share]:
    choices: tuple[tuple[str, Share], ...] = (
        ("Test clips told right", ON_TEST[0][1]),
        ("Accepted labels right by blind checks", ACCEPTED[0][1]),
        ("Accepted labels right by held-back labels", ACCEPTED[1][1]),
        ("Accepted labels right by your verdicts", ACCEPTED[2][1]),
    )
    return max(choices, key=lambda choice: sum(choice[1](score) is not None for score in scores))


def _draw_lines(
    scores: Sequence[RoundScore], shares: Sequence[tuple[str, Share]], key: str, otherwise: str
) -> None:
    lines: list[tuple[str, Line]] = []
    for name, share in shares:
        line = [(float(score.number), value) for score in scores if (value := share(score)) is not None]
        if line:
            lines.append((name, line))
    if lines:
        draw(round_lines(lines), key, f"Shares over rounds: {', '.join(name for name, _ in lines)}")
        st.caption("The band is where the true share lies in 95 of 100 such counts.")
    else:
        st.info(otherwise)


def _draw_table(scores: Sequence[RoundScore]) -> None:
    base = scores[0].action
    shown = list(scores)[::-1]
    rows: dict[str, Sequence[object]] = {
        "Round": [score.number for score in shown],
        "Method": [score.method for score in shown],
        "Labels": [score.card.labelled for score in shown],
        "Accepted": [score.card.accepted for score in shown],
        f"Since round {scores[0].number}": [
            points(score.action.value - base.value)
            if base and score.action and score is not scores[0]
            else "–"
            for score in shown
        ],
    }
    for name, share in ON_TEST:
        rows[f"Test: {name}"] = [with_range(share(score)) for score in shown]
    for name, share in ACCEPTED:
        rows[f"Accepted, right {name}"] = [with_range(share(score)) for score in shown]
    number = st.column_config.NumberColumn
    st.dataframe(
        rows,
        key="scores",
        hide_index=True,
        height=table_height(len(shown)),
        column_config={
            "Round": number(width=60, pinned=True),
            "Labels": number(help="Clips with a label of people's that it learned from.", width=70),
            "Accepted": number(help="Proposals that it accepted.", width=80),
        },
    )
    st.caption(
        "Each share with its range and the number of clips it was counted on. Round "
        f"{scores[0].number} is the baseline that the others are measured against. The action encoder's "
        "share is counted anew from the labels as they stand now; alignability and both are as they were "
        "when the round ended."
    )
