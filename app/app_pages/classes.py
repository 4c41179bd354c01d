"""Classes: who aligns with whom, examples, confusion, names and attributes; `?class=ID` shows one."""

from collections.abc import Sequence

import streamlit as st

from app.resources import Visit, visit
from app.services import class_cards, class_changes
from app.services.alignabilities import Alignabilities, alignabilities
from app.services.class_cards import ClassCard
from app.views.cards import plain
from app.views.class_attributes import draw_attributes
from app.views.class_changes import draw_history, draw_merge, draw_new_class, draw_refused, draw_rename
from app.views.class_detail import draw_confusion, draw_exemplars, draw_head, draw_rivals, draw_verdicts
from app.views.class_overview import draw_overview


def open_class(class_id: int | None) -> None:
    """Show a class, or all of them."""
    if class_id is None:
        st.query_params.pop("class", None)
    else:
        st.query_params["class"] = str(class_id)


def draw_choice(cards: Sequence[ClassCard], wanted: int | None) -> None:
    """A list of all classes to type into."""
    names = {card.id: card.name for card in cards}
    key = f"open_class_{wanted}"
    place = list(names).index(wanted) if wanted in names else None
    st.selectbox(
        "Open a class",
        names,
        index=place,
        key=key,
        format_func=lambda class_id: names[class_id],
        placeholder="Open a class",
        label_visibility="collapsed",
        on_change=lambda: open_class(st.session_state.to_dict().get(key)),
    )


def draw_all(guest: Visit, cards: Sequence[ClassCard], measured: Alignabilities | None) -> None:
    """Overview, attributes, changes."""
    newest = class_changes.newest(guest.studio)
    head, choice, new = st.columns([4, 4, 2], vertical_alignment="center")
    head.title("Classes")
    with choice:
        draw_choice(cards, None)
    if guest.user.role == "admin":
        with new:
            draw_new_class(guest, newest)
    draw_refused()
    if not cards:
        st.info(
            "There are no classes yet. They come with the labels of an import on the Transfer page"
            + (", or create the first one here." if guest.user.role == "admin" else ".")
        )
    overview, attributes, changes = st.tabs(["Overview", "Attributes", "Changes"])
    with overview:
        chosen = draw_overview(cards, measured) if cards else None
    with attributes:
        if cards:
            draw_attributes(guest, cards, newest)
    with changes:
        draw_history(guest, newest)
    if chosen is not None:
        open_class(chosen)
        st.rerun()


def draw_one(
    guest: Visit, card: ClassCard, cards: Sequence[ClassCard], measured: Alignabilities | None
) -> None:
    """One class."""
    newest = class_changes.newest(guest.studio)
    back, choice, rename, merge = st.columns([2, 5, 2, 2], vertical_alignment="center")
    back.button("← All classes", key="back", on_click=open_class, args=(None,))
    with choice:
        draw_choice(cards, card.id)
    if guest.user.role == "admin":
        with rename:
            draw_rename(guest, card, newest)
        with merge:
            draw_merge(guest, card, cards, newest)
    draw_refused()
    draw_head(card)
    examples, mixed = st.columns([6, 5], gap="large")
    with examples:
        draw_exemplars(guest, card)
    with mixed:
        clicked = draw_rivals(card, cards, measured)
        draw_confusion(guest, card)
        draw_verdicts(guest, card)
    if clicked is not None:
        open_class(clicked)
        st.rerun()


guest = visit()
measured = alignabilities(guest.studio)
cards = class_cards.listing(guest.studio, measured)
asked = st.query_params.get("class")
if asked is None:
    draw_all(guest, cards, measured)
else:
    wanted = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else 0
    meant = class_cards.standing_for(guest.studio, wanted)
    card = next((card for card in cards if card.id == meant), None)
    if card is None:
        st.button("← All classes", key="back", on_click=open_class, args=(None,))
        st.error(plain(f"There is no class {asked!r} in this project. It may belong to another one."))
    else:
        draw_one(guest, card, cards, measured)
