"""What the address of the Browse page says: filters, order, page. It alone is the truth of what is shown."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from app.services.clip_cards import ClipFilter
from app.services.clip_listing import SORTS

# name in the address -> field of the filter
TEXTS = {"name": "search"}
IDS = {
    "class": "class_id",
    "by": "reviewer_id",
    "round": "round_number",
    "said": "said_id",
    "tested": "tested_id",
    "is": "known_id",
}
WORDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "label": ("label", ("labelled", "accepted", "proposed", "rejected", "unlabelled")),
    "state": ("state", ("ready", "waiting", "unreadable", "missing")),
    "split": ("split", ("train", "test")),
    "decision": ("decision", ("reject", "novel")),
}
RANGES = ("confidence", "alignability")
FILTERS = (*TEXTS, *IDS, *WORDS, *RANGES)
ASCENDING = ("name",)  # sorts that begin with the least unless the address says otherwise


@dataclass(frozen=True)
class View:
    """What is shown.

    Args:
        asked: filters of the address, name -> value, as the widgets take them: text, id, word, or
            (least, most) in per cent.
        sort: one of `SORTS`.
        page: 1 is the first.
    """

    asked: Mapping[str, str | int | tuple[int, int]]
    sort: str
    descending: bool
    page: int

    def filter(self) -> ClipFilter:
        """The filter that the address asks for."""
        values: dict[str, str | int | float] = {}
        for name, value in self.asked.items():
            if isinstance(value, tuple):
                least, most = value
                values |= {f"least_{name}": least / 100} if least > 0 else {}
                values |= {f"most_{name}": most / 100} if most < 100 else {}
            else:
                values[TEXTS.get(name) or IDS.get(name) or WORDS[name][0]] = value
        return ClipFilter(**values)  # type: ignore[arg-type]


def read(address: Mapping[str, str]) -> View:
    """The view of an address, which may hold anything: what can't be read is left out, an id that no class
    or person has finds no clip."""
    asked: dict[str, str | int | tuple[int, int]] = {}
    for name in FILTERS:
        value = address.get(name, "").strip()
        if not value:
            continue
        if name in TEXTS:
            asked[name] = value
        elif name in IDS:
            asked[name] = _number(value)
        elif name in WORDS:
            known = WORDS[name][1]
            if value in known or name == "decision":
                asked[name] = value if value in known else known[0]
        elif (bounds := _range(value)) != (0, 100):
            asked[name] = bounds
    sort = address.get("sort", "")
    sort = sort if sort in SORTS else SORTS[0]
    order = {"up": False, "down": True}.get(address.get("order", ""), sort not in ASCENDING)
    return View(asked, sort, order, max(1, _number(address.get("page", "1"))))


def written(name: str, value: object) -> str | None:
    """How the address says a value; None where it says nothing."""
    if isinstance(value, tuple | list):
        return None if tuple(value) == (0, 100) else f"{value[0]}-{value[1]}"
    text = "" if value is None else str(value).strip()
    return text or None


def current() -> View:
    """The view of the address as it is now."""
    return read(st.query_params.to_dict())


def go(**changes: object) -> None:
    """Change the address at once, as one step back; another filter or order begins at the first page."""
    address = st.query_params.to_dict()
    if set(changes) - {"page", "clip"}:
        address.pop("page", None)
    for name, value in changes.items():
        text = written(name, value)
        if text is None:
            address.pop(name, None)
        else:
            address[name] = text
    if address.get("page") == "1":
        del address["page"]
    if address != st.query_params.to_dict():
        st.query_params.from_dict(address)


def forget_filters() -> None:
    """Show every clip."""
    go(**dict.fromkeys(FILTERS))


def _number(value: str) -> int:
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else 0


def _range(value: str) -> tuple[int, int]:
    parts = [min(_number(part), 100) for part in value.split("-")]
    least, most = (parts[0], parts[1]) if len(parts) == 2 else (0, 100)
    return (least, most) if least <= most else (0, 100)
