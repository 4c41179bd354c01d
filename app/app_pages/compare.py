"""Compare: two clips, three clocks, and the alignment between them; `?a=ID&b=ID` names the two."""

from functools import partial
from typing import NoReturn

import streamlit as st

from app.components.clip_compare import clip_compare, received_marks
from app.resources import Visit, visit
from app.services import comparison, datasets, phase_marks, phase_transfer
from app.services.clip_cards import ClipCard
from app.services.review import Recorded
from app.services.studio import Studio
from app.views.cards import plain
from app.views.compared_clips import chosen_filter, compare_data, draw_choice
from finepseudo_core.errors import FinePseudoError


class Outcome:
    """What became of the log the browser sent last, and of the last transfer; the next drawing tells."""

    recorded = Recorded((), ())
    told: tuple[int, str] | None = None  # clip whose marks were carried over, and how that went
    transfer: int | None = None  # clip whose marks are on their way to its class
    answered: int | None = None


def save(studio: Studio, user_id: int, outcome: Outcome) -> None:
    """Write the browser's log in one transaction; nothing is drawn before or in between."""
    events = received_marks()
    if events:
        outcome.recorded = phase_marks.record(studio, user_id, events)


def ask_for_transfer(outcome: Outcome, clip_id: int) -> None:
    """Have the next drawing carry the marks of a clip over."""
    outcome.transfer = clip_id


def named_clip(guest: Visit, side: str) -> ClipCard | None:
    """The clip that the address names for a side; says so where there is none."""
    wanted = st.query_params.get(side)
    if wanted is None:
        return None
    clip = datasets.clip(guest.studio, int(wanted)) if wanted.isascii() and wanted.isdecimal() else None
    if clip is None:
        st.error(plain(f"There is no clip {wanted!r} in this project. It may belong to another one."))
    elif clip.sprite is None or not clip.sha256:
        st.error(plain(f"{clip.key} can't be shown: {clip.reason or 'it is still being read'}."))
        return None
    return clip


def pair(guest: Visit) -> tuple[ClipCard, ClipCard] | None:
    """The two clips: those of the address, and where it names none, two that are worth comparing."""
    first, second = named_clip(guest, "a"), named_clip(guest, "b")
    if first is None:
        labelled = comparison.listed(guest.studio, datasets.ClipFilter(state="ready", label="labelled"), 2)[0]
        anything = labelled or comparison.listed(guest.studio, datasets.ClipFilter(state="ready"), 2)[0]
        first = next((clip for clip in anything if second is None or clip.id != second.id), None)
    if first is not None and second is None:
        other = comparison.partner(guest.studio, guest.user.id, first)
        second = datasets.clip(guest.studio, other) if other is not None else None
    return (first, second) if first is not None and second is not None else None


def show(first: ClipCard | int, second: ClipCard | int) -> NoReturn:
    """Put two clips into the address and draw the page anew."""
    ids = [clip if isinstance(clip, int) else clip.id for clip in (first, second)]
    st.query_params["a"], st.query_params["b"] = map(str, ids)
    st.rerun()


def beside(guest: Visit, second: ClipCard, by: int) -> int:
    """The clip so many places after B among those that its selectors ask for, round and round."""
    ids = [clip.id for clip in comparison.listed(guest.studio, chosen_filter("b"))[0]]
    if not ids:
        return second.id
    return ids[(ids.index(second.id) + by) % len(ids)] if second.id in ids else ids[0]


def carry_over(guest: Visit, outcome: Outcome) -> None:
    """Carry marks over to their class. Each chunk is saved; what a rerun ends, the next drawing takes up."""
    if outcome.transfer is None:
        return
    clip_id, said = outcome.transfer, "This clip is the only one of its class."
    line = st.progress(0.0, "Carrying marks over …")
    try:
        for now in phase_transfer.transfer(guest.studio, guest.user.id, clip_id):
            line.progress(now.done / now.total, f"Carrying marks over: {now.done:,} of {now.total:,} clips")
            said = f"{now.marks:,} marks carried over to {now.total:,} clips; "
            said += f"{now.kept} stayed as they were, {now.left_out} were left out."
    except FinePseudoError as error:
        said = str(error)
    outcome.told, outcome.transfer = (clip_id, said), None
    line.empty()


@st.fragment
def compare_screen(first: ClipCard, second: ClipCard, outcome: Outcome) -> None:
    """The screen; a fragment, so that a mark redraws nothing else."""
    guest = visit()
    carry_over(guest, outcome)
    told = outcome.told[1] if outcome.told and outcome.told[0] == first.id else ""
    compared = comparison.compare(guest.studio, first, second)
    data = compare_data(guest, compared, outcome.recorded, told)
    asked = clip_compare(
        data,
        partial(save, guest.studio, guest.user.id, outcome),
        partial(ask_for_transfer, outcome, first.id),
    )
    if asked.at != outcome.answered:
        outcome.answered = asked.at
        if asked.swap:
            show(second, first)
        if asked.by:
            show(first, beside(guest, second, asked.by))


def draw_head(guest: Visit, first: ClipCard, second: ClipCard) -> None:
    """Which two clips: selectors, swap, one clip on or back."""
    left, swap, right, back, on = st.columns([8, 1, 8, 1, 1], gap="small")
    with left:
        draw_choice(guest, "a", first)
    with right:
        draw_choice(guest, "b", second)
    if swap.button("⇄", key="swap", help="Swap A and B (X)", width="stretch"):
        show(second, first)
    for place, label, by, name in ((back, "‹", -1, "earlier"), (on, "›", 1, "later")):
        if place.button(label, key=name, help=f"The clip {name} as B", width="stretch"):
            show(first, beside(guest, second, by))


guest = visit()
chosen = pair(guest)
if chosen is None:
    st.title("Compare")
    st.info(
        "Comparing needs two readable clips. Bring some in on the Transfer page, or wait until they are read."
    )
else:
    if [st.query_params.get(side) for side in "ab"] != [str(clip.id) for clip in chosen]:
        st.query_params["a"], st.query_params["b"] = (str(clip.id) for clip in chosen)
    draw_head(guest, *chosen)
    compare_screen(*chosen, st.session_state.setdefault("compared", Outcome()))
