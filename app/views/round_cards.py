"""A round: what it reached, and what speaks for and against making it the one to review."""

from collections.abc import Sequence

import streamlit as st

from app.services.round_cards import Measured
from app.services.rounds import Choice, RoundCard
from app.views.cards import ago, blind_checks, draw_tiles, measured, plain, state_badge


def draw_head(card: RoundCard) -> None:
    """Number, state, age."""
    active = " :primary-badge[under review]" if card.active else ""
    st.markdown(f"#### Round {card.number} &nbsp; {state_badge(card.state, stopping=card.stopping)}{active}")
    who = f" by {plain(card.created_by)}" if card.created_by else ""
    st.caption(
        f"{card.preset}, started {ago(card.created_at)}{who}" + (f", on {card.device}" if card.device else "")
    )


def draw_result(card: RoundCard) -> None:
    """What a round reached."""
    by_people, by_people_note = measured(card.reviewed_precision)
    known, known_note = measured(card.known_precision)
    top1 = card.metrics.get("test_top1")
    draw_tiles(
        [
            (
                "Learned from",
                f"{card.labelled:,}",
                "labels of people" + (f", {card.carried} accepted before" if card.carried else ""),
            ),
            ("Accepted", f"{card.accepted:,}", f"of {card.proposed:,} unlabelled clips"),
            ("Right, by your verdicts", by_people, by_people_note),
            ("Right, by held-back labels", known, known_note),
            (
                "Test clips right",
                f"{top1:.0%}" if top1 is not None else "–",
                "top-1" if top1 is not None else "no test clips",
            ),
        ]
    )
    if words := blind_checks(card.audited_precision):
        st.caption(f"Accepted labels: {words}.")


def draw_decision(card: RoundCard, under_review: RoundCard | None) -> None:
    """The figures of a round beside those of the one under review, and what choosing it changes."""
    if under_review is not None:
        st.dataframe(
            [
                {
                    "": name,
                    f"round {card.number}": now,
                    f"round {under_review.number}, under review": was,
                    "the change": change,
                }
                for name, now, was, change in compared(card, under_review)
            ],
            hide_index=True,
            key=f"figures_{card.id}",
        )
    st.markdown(
        f"From then on the queues show round {card.number}'s proposals, the export takes its accepted "
        "labels, and the next round starts from its model. **No verdict is touched**, and it can be undone "
        "at any time."
    )


def compared(card: RoundCard, other: RoundCard) -> list[tuple[str, str, str, str]]:
    """Measure, value of a round, value of the other one, and whether that is better, in a sign and a word."""
    rows = []
    for name, now, was in (
        ("test clips right", card.metrics.get("test_top1"), other.metrics.get("test_top1")),
        ("right, by blind checks", _value(card.audited_precision), _value(other.audited_precision)),
        ("right, by held-back labels", _value(card.known_precision), _value(other.known_precision)),
        ("right, by your verdicts", _value(card.reviewed_precision), _value(other.reviewed_precision)),
    ):
        rows.append((name, _percent(now), _percent(was), _change(now, was)))
    difference = card.accepted - other.accepted
    more = f"{abs(difference)} {'more' if difference > 0 else 'fewer'}" if difference else "= the same"
    return [*rows, ("accepted labels", f"{card.accepted:,}", f"{other.accepted:,}", more)]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _value(share: Measured | None) -> float | None:
    return share.value if share else None


def _change(now: float | None, was: float | None) -> str:
    if now is None or was is None:
        return "can't be compared"
    if round(now, 2) == round(was, 2):
        return "= the same"
    return f"▲ better by {now - was:.0%}" if now > was else f"▼ worse by {was - now:.0%}"


def draw_choices(found: Sequence[Choice]) -> None:
    """Who made which round the one under review, and when."""
    with st.expander("Who chose which round"):
        st.dataframe(
            [
                {
                    "round": choice.number,
                    "chosen by": choice.by or "by finishing",
                    "how": "rolled back to" if choice.rolled_back else "made the one to review",
                    "when": choice.at,
                }
                for choice in found
            ],
            column_config={"when": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")},
            hide_index=True,
            key="choices",
        )
