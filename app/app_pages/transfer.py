"""Transfer: clips come in after a dry run, labels go out, and the whole project fits in one file."""

from pathlib import Path

import streamlit as st

from app.resources import Visit, visit
from app.services import datasets
from app.services.datasets import ImportRequest
from app.views.cards import plain
from app.views.export_labels import draw_dataset_export, draw_export, draw_phase_export
from app.views.import_plan import draw_import, draw_plan
from app.views.import_source import choose_source
from app.views.snapshots import draw_snapshots
from finepseudo_core.errors import FinePseudoError


def plan_import(guest: Visit, request: ImportRequest) -> None:
    """Dry run of a request, remembered until the next one."""
    try:
        st.session_state["plan"] = (request, datasets.plan(guest.studio, request))
    except FinePseudoError as error:
        st.session_state["plan"] = (request, str(error))


def start_import(guest: Visit, request: ImportRequest, preset: str | None) -> None:
    """Register the clips and queue the job that reads them."""
    try:
        datasets.start_import(guest.studio, request, guest.user.id, then_round=preset)
        del st.session_state["plan"]
    except FinePseudoError as error:
        st.session_state["plan"] = (request, str(error))


def draw_import_form(guest: Visit) -> None:
    """Source, options, dry run, start."""
    with st.container(key="card_import"):
        written, folder, labels = choose_source(guest)
        share, test, check = st.columns([3, 3, 2], vertical_alignment="bottom")
        labelled = share.slider(
            "Learn from the labels of",
            1,
            100,
            100,
            format="%d %%",
            key="labelled",
            help="The other labels stay hidden from training and measure how right the proposals are.",
        )
        tested = test.slider(
            "Keep for testing",
            0,
            50,
            0,
            format="%d %%",
            key="test",
            help="Clips of every class that no round ever learns from. A split column in the list wins.",
        )
        request = ImportRequest(
            Path(folder), Path(labels) if labels else None, labelled / 100, tested / 100, format=written
        )
        check.button(
            "Check what comes in",
            key="check",
            width="stretch",
            disabled=not folder,
            on_click=plan_import,
            args=(guest, request),
        )
        planned, result = st.session_state.get("plan", (None, None))
        if planned and planned != request and planned.folder == request.folder:
            plan_import(guest, request)  # a slider that settles after the click takes the plan along
            planned, result = st.session_state["plan"]
        if planned != request:
            st.caption("Nothing is copied or changed before you have seen what comes in.")
        elif isinstance(result, str):
            st.error(plain(result))
        else:
            draw_plan(result)
            then = st.checkbox("Start a first round when all clips are read", value=True, key="then")
            st.button(
                f"Import {result.clips:,} clips",
                type="primary",
                key="import",
                disabled=not result.clips,
                on_click=start_import,
                args=(guest, request, "cpu-demo" if then else None),
            )


@st.fragment(run_every="2s")
def draw_imports(guest: Visit) -> None:
    """Imports, newest first; running ones move."""
    for card in datasets.imports(guest.studio):
        draw_import(guest, card)


guest = visit()
st.title("Transfer")
bring, take, save = st.tabs(["Import clips", "Export labels", "Whole project"])
with bring:
    draw_import_form(guest)
    draw_imports(guest)
with take:
    draw_export(guest)
    draw_dataset_export(guest)
    draw_phase_export(guest)
with save:
    draw_snapshots(guest)
