"""Browse: every clip as a thumbnail, filtered; `?clip=ID` shows one."""

from dataclasses import replace
from typing import Any

import streamlit as st

from app.components.clip_grid import clip_grid
from app.resources import Visit, visit
from app.services import class_cards, datasets, review
from app.services.datasets import ClipFilter
from app.views.cards import plain
from app.views.clip_cards import grid_card
from app.views.clip_detail import draw_clip

A_PAGE = 48
# name in the address -> condition, and how it is said
LINKED = {
    "said": ("said_id", "proposed as {}"),
    "tested": ("tested_id", "that the round takes for {}"),
    "is": ("known_id", "that are {}"),
    "decision": ("decision", ""),
}
DECIDED = {"reject": "whose proposal people rejected", "novel": "that are none of the classes"}
STATES = {"ready": "readable", "waiting": "being read", "unreadable": "unreadable", "missing": "file is gone"}
LABELS = {
    "labelled": "labelled by people",
    "accepted": "proposed, accepted",
    "proposed": "proposed, unsure",
    "rejected": "rejected or of no class",
    "unlabelled": "without a label of people's",
}


def chosen_filter(guest: Visit) -> ClipFilter:
    """The row of filters."""
    classes = dict(review.classes(guest.studio))
    search, class_id, label, state = st.columns([3, 4, 3, 2])
    return ClipFilter(
        search=search.text_input("File name", key="search", placeholder="part of the name").strip(),
        class_id=class_id.selectbox(
            "Class", [None, *classes], key="class", format_func=lambda key: classes.get(key, "all classes")
        ),
        label=label.selectbox(
            "Label", [None, *LABELS], key="label", format_func=lambda key: LABELS.get(key, "all labels")
        ),
        state=state.selectbox(
            "State", [None, *STATES], key="state", format_func=lambda key: STATES.get(key, "all states")
        ),
    )


def linked_filter(guest: Visit) -> dict[str, Any]:
    """What a link to some clips asks for: `said`, `tested` and `is` name classes, `decision` a verdict."""
    asked = {name: st.query_params[name] for name in LINKED if name in st.query_params}
    if not asked:
        return {}
    names = dict(review.classes(guest.studio))
    found: dict[str, Any] = {}
    words = []
    for name, value in asked.items():
        if name == "decision":
            found["decision"] = value if value in DECIDED else "reject"
            words.append(DECIDED[str(found["decision"])])
            continue
        wanted = int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else 0
        class_id = class_cards.standing_for(guest.studio, wanted) or 0
        found[LINKED[name][0]] = class_id
        words.append(LINKED[name][1].format(names.get(class_id, "a class that is not there")))
    told, act = st.columns([8, 1], vertical_alignment="center")
    told.markdown(plain(f"Clips {', '.join(words)}"))
    act.button("All clips", key="unlink", width="stretch", on_click=unlink)
    return found


def unlink() -> None:
    """Forget what the link asked for."""
    for name in LINKED:
        st.query_params.pop(name, None)


def draw_grid(guest: Visit) -> None:
    """Filters, thumbnails, pages."""
    linked = linked_filter(guest)
    which = replace(chosen_filter(guest), **linked)
    place = st.session_state.setdefault("browse_page", {})
    number = place.get(which, 0)
    found = datasets.clips(guest.studio, which, offset=number * A_PAGE, limit=A_PAGE)
    if not found.total:
        st.info("No clip matches. Loosen a filter, or bring clips in on the Transfer page.")
        return
    pages = -(-found.total // A_PAGE)
    count, earlier, later = st.columns([8, 1, 1], vertical_alignment="center")
    last = min(found.total, (number + 1) * A_PAGE)
    count.caption(f"{number * A_PAGE + 1} to {last} of {found.total} clips")
    for button, label, goal in ((earlier, "Earlier", number - 1), (later, "Later", number + 1)):
        button.button(
            label,
            key=label,
            width="stretch",
            disabled=not 0 <= goal < pages,
            on_click=place.__setitem__,
            args=(which, goal),
        )
    opened = clip_grid([grid_card(guest, clip) for clip in found.clips], key="grid")
    if opened is not None:
        st.query_params["clip"] = str(opened)
        st.rerun()


def draw_one(guest: Visit, wanted: str) -> None:
    """One clip by the number in the address."""
    if st.button("← All clips", key="back"):
        del st.query_params["clip"]
        st.rerun()
    clip = datasets.clip(guest.studio, int(wanted)) if wanted.isascii() and wanted.isdecimal() else None
    if clip is None:
        st.error(plain(f"There is no clip {wanted!r} in this project. It may belong to another one."))
        return
    draw_clip(guest, clip)


guest = visit()
st.title("Browse")
wanted = st.query_params.get("clip")
if wanted is None:
    draw_grid(guest)
else:
    draw_one(guest, wanted)
