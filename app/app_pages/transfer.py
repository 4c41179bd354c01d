"""Transfer: clips come in after a dry run, labels go out."""

from pathlib import Path

import streamlit as st

from app.resources import Visit, visit
from app.services import datasets
from app.services.datasets import ImportRequest
from app.views.cards import plain
from app.views.export_labels import draw_export, draw_phase_export
from app.views.import_plan import draw_import, draw_plan
from app.views.uploads import keep
from finepseudo_core.errors import FinePseudoError

VIDEOS = ["mp4", "mov", "m4v", "avi", "mkv", "webm", "mpg", "mpeg", "ts", "wmv", "csv"]


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


def chosen_source(guest: Visit) -> tuple[str, str]:
    """Folder and list of labels, typed in or uploaded."""
    how = st.segmented_control(
        "Where are the clips?",
        ["Folder on this machine", "Upload files"],
        key="how",
        default="Folder on this machine",
        required=True,
    )
    if how == "Folder on this machine":
        left, right = st.columns(2)
        return (
            left.text_input("Folder", key="folder", placeholder="/videos/spring-meet").strip(),
            right.text_input(
                "List of labels (optional)",
                key="labels",
                placeholder="labels.csv of the folder",
                help="CSV with the columns path, label and, if you like, split, start, end.",
            ).strip(),
        )
    files = st.file_uploader(
        "Videos, and one CSV with path,label if you have one", VIDEOS, accept_multiple_files=True, key="files"
    )
    if not files:
        return "", ""
    names = tuple(file.file_id for file in files)
    if st.session_state.get("uploaded", ((), "", ""))[0] != names:
        folder, labels = keep(guest.studio.settings.uploads, files)
        st.session_state["uploaded"] = (names, str(folder), str(labels or ""))
    return st.session_state["uploaded"][1:]


def draw_import_form(guest: Visit) -> None:
    """Source, options, dry run, start."""
    with st.container(key="card_import"):
        folder, labels = chosen_source(guest)
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
        request = ImportRequest(Path(folder), Path(labels) if labels else None, labelled / 100, tested / 100)
        check.button(
            "Check what comes in",
            key="check",
            width="stretch",
            disabled=not folder,
            on_click=plan_import,
            args=(guest, request),
        )
        planned, result = st.session_state.get("plan", (None, None))
        if planned != request:
            st.caption("Nothing is copied or changed before you have seen what comes in.")
        elif isinstance(result, str):
            st.error(plain(result))
        else:
            draw_plan(result)
            then = st.checkbox("Start a first round when all clips are read", value=True, key="then")
            st.button(
                f"Import {result.clips} clips",
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
bring, take = st.tabs(["Import clips", "Export labels"])
with bring:
    draw_import_form(guest)
    draw_imports(guest)
with take:
    draw_export(guest)
    draw_phase_export(guest)
