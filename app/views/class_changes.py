"""Creating, renaming and merging classes, and taking such changes back."""

import uuid
from collections.abc import Callable, Sequence

import streamlit as st

from app.resources import Visit
from app.services import class_changes
from app.services.class_cards import ClassCard
from app.views.cards import ago, plain
from finepseudo_core.errors import FinePseudoError

REFUSED = "class_refused"


def typed(key: str) -> object:
    """What a widget holds; without a point at which a rerun ends a callback."""
    return st.session_state.to_dict().get(key)


def attempt(use_case: Callable[..., object], *arguments: object) -> bool:
    """Run a use case in a callback; what it refuses is shown on the page."""
    try:
        use_case(*arguments)
    except FinePseudoError as error:
        st.session_state[REFUSED] = str(error)
        return False
    return True


def undo_change(guest: Visit, change_id: int, name: str) -> None:
    """Take a change back, in a callback."""
    attempt(class_changes.undo, guest.studio, guest.user.id, change_id, name)


def name_of(*parts: object) -> str:
    """The uuid of a change: asking for the same on the same page again is the same change."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "|".join(map(str, ("class", *parts)))))


def draw_refused() -> None:
    """What was refused in the callback before this run."""
    if refused := st.session_state.pop(REFUSED, None):
        st.error(plain(refused))


def draw_new_class(guest: Visit, newest: int) -> None:
    """A name and a button."""

    def create() -> None:
        name = str(typed("new_class") or "")
        uuid = name_of(guest.user.id, "create", newest, name)
        if attempt(class_changes.create, guest.studio, guest.user.id, name, uuid):
            st.session_state["new_class"] = ""

    with st.popover("New class", width="stretch"):
        st.text_input("Name of the class", key="new_class", max_chars=class_changes.LONGEST_NAME)
        st.button("Create", key="create_class", type="primary", on_click=create)


def draw_rename(guest: Visit, card: ClassCard, newest: int) -> None:
    """Another name for a class."""
    key = f"rename_{card.id}_{newest}"

    def rename() -> None:
        name = str(typed(key) or "")
        uuid = name_of(guest.user.id, "rename", card.id, newest, name)
        attempt(class_changes.rename, guest.studio, guest.user.id, card.id, name, uuid)

    with st.popover("Rename", width="stretch"):
        st.text_input("New name", card.name, key=key, max_chars=class_changes.LONGEST_NAME)
        st.caption("The class keeps its labels, verdicts and proposals.")
        st.button("Rename", key="rename_class", type="primary", on_click=rename)


def draw_merge(guest: Visit, card: ClassCard, cards: Sequence[ClassCard], newest: int) -> None:
    """Let a class mean another one."""
    key = f"merge_{card.id}_{newest}"
    names = {other.id: other.name for other in cards if other.id != card.id}

    def merge() -> None:
        into = typed(key)
        uuid = name_of(guest.user.id, "merge", card.id, newest, into)
        if attempt(class_changes.merge, guest.studio, guest.user.id, card.id, into, uuid):
            st.query_params["class"] = str(into)

    with st.popover("Merge", width="stretch"):
        into = st.selectbox(
            "It is the same as", names, index=None, key=key, format_func=lambda other: names[other]
        )
        st.caption(
            f"Its {card.labelled:,} labelled clips and its proposals count for the other class from then on, "
            "in lists, exports and the next round. No verdict changes, and undoing the merge brings it back."
        )
        st.button("Merge", key="merge_class", type="primary", disabled=into is None, on_click=merge)


def draw_history(guest: Visit, newest: int) -> None:
    """Every change, newest first; admins take them back."""
    changes = class_changes.history(guest.studio)
    if not changes:
        st.caption("No class was created, renamed, merged or described here yet.")
        return
    for change in changes:
        told, act = st.columns([8, 1], vertical_alignment="center")
        words = plain(f"{change.author} {change.words}")
        told.markdown(
            f"~~{words}~~, undone" if change.undone else f"{words}, {ago(change.made_at)}",
        )
        if guest.user.role == "admin" and not change.undone:
            act.button(
                "Undo",
                key=f"undo_change_{change.id}",
                width="stretch",
                on_click=undo_change,
                args=(guest, change.id, name_of(guest.user.id, "undo", change.id, newest)),
            )
