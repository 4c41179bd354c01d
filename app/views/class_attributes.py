"""What is known about the classes, as a table to edit or to paste, and the questions that follow from it."""

from collections.abc import Mapping, Sequence

import streamlit as st

from app.resources import Visit
from app.services import class_attributes, class_changes
from app.services.class_attributes import names_of
from app.services.class_cards import ClassCard
from app.services.class_questions import alike, most_questions, question_tree
from app.views.cards import plain
from app.views.class_changes import attempt, name_of, typed

NAMED = 6
SUGGESTED = ("takeoff", "somersaults", "twists", "position")


def draw_attributes(guest: Visit, cards: Sequence[ClassCard], newest: int) -> None:
    """The table, the questions, and pasting."""
    known = {card.id: dict(card.attributes) for card in cards}
    st.caption(
        "What tells the classes apart, in your own words: for dives takeoff, somersaults, twists and "
        "position. In Review, `/` then asks for them one by one and finds the class in a few answers."
    )
    draw_questions(cards, known)
    if guest.user.role != "admin":
        st.dataframe(_table(cards, known), hide_index=True)
        st.caption("Only admins change attributes.")
        return
    _draw_editor(guest, cards, known, newest)
    _draw_paste(guest, newest)


def draw_questions(cards: Sequence[ClassCard], known: Mapping[int, Mapping[str, str]]) -> None:
    """How many questions find a class, and which classes they can't tell apart."""
    tree = question_tree(known)
    if tree is None:
        return
    names = {card.id: card.name for card in cards}
    most = most_questions(tree)
    st.markdown(
        f"At most **{most} question{'' if most == 1 else 's'}** lead{'s' if most == 1 else ''} through "
        f"{len(cards)} classes; the first is **{plain(tree.attribute)}**."
    )
    groups = alike(known)
    if groups:
        told = "; ".join(", ".join(names[class_id] for class_id in group) for group in groups[:NAMED])
        more = f" and {len(groups) - NAMED} more groups" if len(groups) > NAMED else ""
        st.caption(plain(f"Not told apart by their attributes: {told}{more}."))


def _table(cards: Sequence[ClassCard], known: Mapping[int, Mapping[str, str]]) -> dict[str, list[str]]:
    columns = names_of(known) or SUGGESTED
    rows = {name: [known[card.id].get(name, "") for card in cards] for name in columns}
    return {"class": [card.name for card in cards]} | rows


def _draw_editor(
    guest: Visit, cards: Sequence[ClassCard], known: Mapping[int, Mapping[str, str]], newest: int
) -> None:
    table = _table(cards, known)
    columns = [name for name in table if name != "class"]
    edited = st.data_editor(
        table,
        key=f"attributes_{newest}",
        hide_index=True,
        disabled=["class"],
        height=min(440, 35 * len(cards) + 40),
        column_config={"class": st.column_config.TextColumn(pinned=True, width="medium")},
    )
    after = {
        card.id: {name: edited[name][place] for name in columns if edited[name][place]}
        for place, card in enumerate(cards)
    }
    changed = {class_id: values for class_id, values in after.items() if values != known[class_id]}

    def save() -> None:
        uuid = name_of(guest.user.id, "attributes", newest, sorted(changed.items()))
        attempt(class_changes.set_attributes, guest.studio, guest.user.id, changed, uuid)

    left, right = st.columns([2, 7])
    left.button(
        f"Save {len(changed)} changed" if changed else "Save",
        key="save_attributes",
        type="primary",
        width="stretch",
        disabled=not changed,
        on_click=save,
    )
    right.caption("An attribute more: paste a table with that column below.")


def _draw_paste(guest: Visit, newest: int) -> None:
    key = f"pasted_{newest}"

    def read() -> None:
        text = str(typed(key) or "")
        uuid = name_of(guest.user.id, "paste", newest, text)

        def save() -> None:
            found = class_attributes.read_csv(guest.studio, text)
            class_changes.set_attributes(guest.studio, guest.user.id, found, uuid)

        attempt(save)

    with st.expander("Paste a table"):
        st.text_area(
            "Rows from a spreadsheet or a CSV, with a first column called class",
            key=key,
            height=150,
            placeholder="class,takeoff,somersaults,twists,position\n"
            "forward 1½ somersaults tuck,forward,1½,0,tuck",
        )
        st.button("Read the table", key="read_attributes", on_click=read)
