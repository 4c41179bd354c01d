"""Evaluation: how good the rounds are; `?view=` names the view and `?round=` the number of the round."""

import streamlit as st

from app.resources import visit
from app.services import evaluation
from app.services.evaluation import RoundScore
from app.views.evaluation_classes import draw_classes, draw_confusion
from app.views.evaluation_confidence import draw_confidence
from app.views.evaluation_rounds import draw_cost, draw_rounds
from app.views.view_choice import choose_view

VIEWS = {
    "rounds": "Rounds side by side",
    "classes": "Class by class",
    "confusion": "What is taken for what",
    "confidence": "How sure, how right",
    "cost": "What labels cost",
}
OF_ONE_ROUND = {"classes": draw_classes, "confusion": draw_confusion, "confidence": draw_confidence}


def choose_round() -> None:
    """The address names the round, so that it can be kept and passed on."""
    st.query_params["round"] = str(st.session_state.to_dict()["round"])


def draw_round_choice(scores: tuple[RoundScore, ...]) -> RoundScore:
    """The list of rounds; the one that the address names, or else the active or newest one."""
    known = {score.number: score for score in reversed(scores)}
    asked = st.query_params.get("round", "")
    active = next((score.number for score in scores if score.card.active), scores[-1].number)
    wanted = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else active
    number = st.selectbox(
        "Round",
        list(known),
        index=list(known).index(wanted if wanted in known else active),
        key="round",
        format_func=lambda number: (
            f"Round {number}" + (", under review" if known[number].card.active else "")
        ),
        label_visibility="collapsed",
        on_change=choose_round,
    )
    return known[number]


guest = visit()
scores = evaluation.scores(guest.studio)
title, views, choice = st.columns([2, 6, 2], vertical_alignment="center")
title.title("Evaluation")
if not scores:
    st.info(
        "No round has finished yet. Once one has, this page says how often it is right, on which classes, "
        "and what each verdict brought. Start one on the Rounds page."
    )
    st.page_link("app_pages/rounds.py", label="To the rounds")
    st.stop()
view = choose_view(VIEWS, "evaluation_view", views)
if view in OF_ONE_ROUND:
    with choice:
        score = draw_round_choice(scores)
    OF_ONE_ROUND[view](guest, score)
elif view == "cost":
    draw_cost(scores)
else:
    draw_rounds(scores)
