"""Labels and phases go out: how many, from where, and the downloads."""

import streamlit as st

from app.resources import Visit
from app.services import export
from app.services.export_formats import CAN_NOT_HOLD, NAMES, dataset_files
from app.views.cards import draw_tiles


def draw_export(guest: Visit) -> None:
    """What goes out, as CSV or JSON lines."""
    counts = export.counts(guest.studio)
    if not counts:
        st.info("There are no labels yet. Import labelled clips, or review proposals.")
        return
    with st.container(key="card_export"):
        draw_tiles(
            [
                ("Labels", f"{sum(counts.values()):,}", "one row each"),
                ("Decided by people", f"{counts.get('verdict', 0):,}", "verdicts"),
                ("From the import", f"{counts.get('imported', 0):,}", "as they came"),
                ("Proposed, accepted", f"{counts.get('pseudo', 0):,}", "not yet reviewed"),
            ]
        )
        left, right, _ = st.columns([2, 2, 5])
        left.download_button(
            "Download CSV",
            lambda: export.as_csv(guest.studio),
            "labels.csv",
            "text/csv",
            key="csv",
            type="primary",
            width="stretch",
            on_click="ignore",
        )
        right.download_button(
            "Download JSON lines",
            lambda: export.as_jsonl(guest.studio),
            "labels.jsonl",
            "application/jsonl",
            key="jsonl",
            width="stretch",
            on_click="ignore",
        )
        st.caption(
            "File, start and end, class, where the label comes from, confidence, alignability, "
            "who decided and when."
        )


def draw_dataset_export(guest: Visit) -> None:
    """The labels as the files of a public dataset, and what those can't hold."""
    with st.container(key="card_datasets"):
        choice, act = st.columns([4, 2], vertical_alignment="bottom")
        name = choice.selectbox(
            "As the files of a dataset",
            list(NAMES),
            index=None,
            placeholder="Choose one to see what fits into it",
            format_func=NAMES.__getitem__,
            key="out_format",
        )
        if name is None:
            return
        files = dataset_files(guest.studio, name)
        act.download_button(
            "Download",
            files.content,
            f"{name}.zip",
            "application/zip",
            key="dataset",
            width="stretch",
            disabled=not files.clips,
            on_click="ignore",
        )
        st.caption(f"{files.clips:,} clips fit. {CAN_NOT_HOLD[name]}")
        if files.left_out:
            with st.expander(f"{len(files.left_out)} clips stay out"):
                st.dataframe(
                    [{"clip": key, "why it stays out": reason} for key, reason in files.left_out],
                    hide_index=True,
                    key="left_out",
                )


def draw_phase_export(guest: Visit) -> None:
    """Phase marks, as a CSV that the phase measures read."""
    marks, clips, unseen = export.phase_counts(guest.studio)
    if not marks:
        st.caption(
            "No phase is marked yet; mark some on the Compare page, and they go out here as phases.csv."
        )
        return
    with st.container(key="card_phases"):
        draw_tiles(
            [
                ("Phases", f"{marks:,}", "marks, one row each"),
                ("Clips with phases", f"{clips:,}", ""),
                ("Carried over", f"{unseen:,}", "nobody has looked at them yet"),
            ]
        )
        left, _ = st.columns([2, 7])
        left.download_button(
            "Download phases.csv",
            lambda: export.phases_as_csv(guest.studio),
            "phases.csv",
            "text/csv",
            key="phases",
            width="stretch",
            on_click="ignore",
        )
        st.caption("File, phase, its frames and seconds, who set it or which clip it came from, how sure.")
