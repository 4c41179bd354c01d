"""Where clips come from, and how their labels are written."""

import streamlit as st

from app.resources import Visit
from app.services.import_formats import CSV, FORMATS
from app.views.uploads import keep

VIDEOS = ["mp4", "mov", "m4v", "avi", "mkv", "webm", "mpg", "mpeg", "ts", "wmv"]
VIDEOS += ["csv", "json", "txt", "pkl", "mat"]  # and what labels are written in


def choose_source(guest: Visit) -> tuple[str, str, str]:
    """How the labels are written, the folder, and the list of labels; typed in or uploaded."""
    written = st.selectbox(
        "How are the labels written?",
        list(FORMATS),
        format_func=lambda name: FORMATS[name].name,
        key="format",
    )
    st.caption(f"Needs {FORMATS[written].needs}")
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
            written,
            left.text_input("Folder", key="folder", placeholder="/videos/spring-meet").strip(),
            right.text_input(
                "List of labels (optional)",
                key="labels",
                placeholder="labels.csv of the folder" if written == CSV else "files in the folder",
                help="A file, or a folder of them, where they don't lie beside the videos.",
            ).strip(),
        )
    files = st.file_uploader(
        "Videos, and the files that hold their labels", VIDEOS, accept_multiple_files=True, key="files"
    )
    if not files:
        return written, "", ""
    names = tuple(file.file_id for file in files)
    if st.session_state.get("uploaded", ((), "", ""))[0] != names:
        folder, labels = keep(guest.studio.settings.uploads, files)
        st.session_state["uploaded"] = (names, str(folder), str(labels or ""))
    folder, labels = st.session_state["uploaded"][1:]
    return written, folder, labels if written == CSV else ""
