"""The filters of the Browse page: a calm row, the rest behind a button, and what is on as chips."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import streamlit as st

from app.resources import Visit
from app.services import class_cards, clip_listing, review
from app.services.clip_listing import Choices
from app.views.browse_address import RANGES, View, forget_filters, go
from app.views.cards import plain

STATES = {"ready": "readable", "waiting": "being read", "unreadable": "unreadable", "missing": "file is gone"}
LABELS = {
    "labelled": "labelled by people",
    "accepted": "proposed, accepted",
    "proposed": "proposed, unsure",
    "rejected": "rejected or of no class",
    "unlabelled": "without a label of people's",
}
SPLITS = {"train": "for training", "test": "for testing"}
DECIDED = {"reject": "whose proposal people rejected", "novel": "that are none of the classes"}
SORTS = {
    "name": "Name",
    "confidence": "Confidence",
    "alignability": "Alignability",
    "margin": "Margin",
    "verdict": "Newest verdict",
    "import": "Newest import",
}
DIRECTIONS = {
    "name": ("A to Z", "Z to A"),
    "verdict": ("oldest first", "newest first"),
    "import": ("oldest first", "newest first"),
}
MEANINGS = {
    "confidence": "how sure the round is of its proposal",
    "alignability": "how well the clip moves in phase with labelled clips of the proposed class",
}


def take(name: str, key: str) -> None:
    """Put what a widget holds now into the address."""
    go(**{name: st.session_state.to_dict().get(key)})


def draw_filters(guest: Visit, view: View) -> None:
    """Search, class, label, order and the rest; the widgets show what the address says."""
    classes = dict(review.classes(guest.studio))
    choices = clip_listing.choices(guest.studio)
    search, class_, label, sort, order, rest = st.columns(
        [3, 4, 3, 2.4, 1.6, 1.6], vertical_alignment="bottom"
    )
    _put("search", str(view.asked.get("name", "")))
    search.text_input(
        "File name", key="search", placeholder="part of the name", on_change=take, args=("name", "search")
    )
    with class_:
        chosen = class_cards.standing_for(guest.studio, _id(view, "class")) if "class" in view.asked else None
        _select("Class", "class", classes, "all classes", chosen)
    with label:
        _select("Label", "label", LABELS, "all labels", view.asked.get("label"))
    with sort:
        _put("sort", view.sort)
        st.selectbox("Sort by", list(SORTS), key="sort", format_func=SORTS.__getitem__, on_change=_take_sort)
    up, down = DIRECTIONS.get(view.sort, ("least first", "most first"))
    order.button(
        ("↓ " if view.descending else "↑ ") + (down if view.descending else up),
        key="order",
        width="stretch",
        help="Turn the order round",
        on_click=go,
        kwargs={"order": "up" if view.descending else "down"},
    )
    with rest.popover("More filters", width="stretch"):
        _draw_rest(view, choices)
    _draw_chips(view, chips(view, classes, choices, partial(class_cards.standing_for, guest.studio)))


def _take_sort() -> None:
    go(sort=st.session_state.to_dict().get("sort"), order=None)


def _draw_rest(view: View, choices: Choices) -> None:
    for name, meaning in MEANINGS.items():
        _put(name, view.asked.get(name, (0, 100)))
        st.slider(
            f"{name.capitalize()}: {meaning}",
            0,
            100,
            key=name,
            format="%d%%",
            on_change=take,
            args=(name, name),
        )
    numbers = {number: f"round {number}" for number in choices.rounds if number != choices.under_review}
    now = f"the one under review ({choices.under_review})" if choices.under_review else "no round yet"
    one, other = st.columns(2)
    with one:
        _select("Proposals of", "round", numbers, now, view.asked.get("round"))
        _select("State of the file", "state", STATES, "all states", view.asked.get("state"))
    with other:
        _select("Decided by", "by", choices.reviewers, "anybody, or nobody", view.asked.get("by"))
        _select("Used", "split", SPLITS, "for both", view.asked.get("split"))


def chips(
    view: View,
    classes: Mapping[int, str],
    choices: Choices,
    standing_for: Callable[[int], int | None] = lambda class_id: class_id,
) -> dict[str, str]:
    """Name in the address -> what the filter says, for those that are on."""

    def named(name: str) -> str:
        return classes.get(standing_for(_id(view, name)) or 0, "a class that is not there")

    said: dict[str, Callable[[Any], str]] = {
        "name": lambda value: f'name has "{value}"',
        "class": lambda value: named("class"),
        "label": LABELS.__getitem__,
        "state": lambda value: f"file: {STATES[value]}",
        "split": SPLITS.__getitem__,
        "by": lambda value: f"decided by {choices.reviewers.get(value, 'somebody who is not there')}",
        "round": lambda value: (
            f"proposals of round {value}" + ("" if value in choices.rounds else ", which has none")
        ),
        "said": lambda value: f"proposed as {named('said')}",
        "tested": lambda value: f"that the round takes for {named('tested')}",
        "is": lambda value: f"that are {named('is')}",
        "decision": DECIDED.__getitem__,
        **{name: partial(_between, name) for name in RANGES},
    }
    return {name: said[name](value) for name, value in view.asked.items()}


def _between(name: str, bounds: tuple[int, int]) -> str:
    return f"{name} {bounds[0]} to {bounds[1]} %"


def _draw_chips(view: View, said: Mapping[str, str]) -> None:
    if not said:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="chips"):
        for name, words in said.items():
            st.button(
                f"{plain(words)} ✕",
                key=f"chip_{name}",
                help="Take this filter away",
                on_click=go,
                kwargs={name: None},
            )
        st.button("Clear all", key="unlink", type="tertiary", on_click=forget_filters)


def _select(label: str, name: str, options: Mapping[Any, str], none: str, value: Any) -> None:
    """A list to choose from that stands for one filter; what the address asks for and is not there is no
    choice."""
    _put(name, value if value in options else None)
    st.selectbox(
        label,
        list(options),
        index=None,
        key=name,
        format_func=lambda option: options.get(option, ""),
        placeholder=none,
        on_change=take,
        args=(name, name),
    )


def _put(key: str, value: Any) -> None:
    """What a widget holds is what the address says, also after the browser went back."""
    if st.session_state.get(key, ...) != value:
        st.session_state[key] = value


def _id(view: View, name: str) -> int:
    value = view.asked.get(name, 0)
    return value if isinstance(value, int) else 0
