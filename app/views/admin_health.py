"""Health on the Admin page: workers, jobs that wait or failed, database, disk, versions."""

import streamlit as st

from app.resources import Visit
from app.services import health, rounds
from app.services.health import Report
from app.views.admin_people import attempt, draw_refused
from app.views.cards import ago, draw_tiles, duration, plain, state_badge

CHAIN = "chain_checked"
JOBS = {"import": "Import", "round": "Round", "snapshot": "Snapshot", "media": "Pictures of clips"}


def draw_health(guest: Visit) -> None:
    """Figures on top, workers and jobs below."""
    draw_refused()
    report = health.report(guest.studio, guest.user.id)
    alive = sum(worker.alive for worker in report.workers)
    full = report.free_bytes < health.LEAST_FREE_BYTES
    size = "on a server" if report.database_bytes is None else f"{report.database_bytes / 1e6:,.1f} MB"
    failed = sum(job.state == "failed" for job in report.stopped)
    draw_tiles([
        ("Workers", f"{alive}", "alive" if alive else "none is alive"),
        ("Jobs that wait", f"{len(report.stopped) - failed}", f"{failed} failed"),
        ("Database", size, f"schema {report.schema}, {report.verdicts:,} verdicts on record"),
        ("Disk", f"{report.free_bytes / 1e9:,.1f} GB", "free: nearly full" if full else "free"),
        *measured_chain(),
    ])  # fmt: skip
    left, right = st.columns(2, gap="medium")
    with left:
        draw_workers(guest, report)
        draw_versions(report)
    with right:
        draw_chain(guest)
        draw_jobs(guest, report)


def measured_chain() -> list[tuple[str, str, str]]:
    """The tile of the last check of this visit, if any."""
    found = st.session_state.get(CHAIN)
    if found is None:
        return []
    return [
        (
            "Chain of verdicts",
            "broken" if found else "whole",
            f"{len(found)} changed" if found else "every one",
        )
    ]


def draw_workers(guest: Visit, report: Report) -> None:
    """Who works, on what device, and when each was last seen."""
    with st.container(key="card_workers"):
        st.markdown("#### Workers")
        for worker in report.workers:
            badge = ":green-badge[alive]" if worker.alive else ":red-badge[silent]"
            seen = "just now" if worker.seen_seconds_ago < 60 else f"{duration(worker.seen_seconds_ago)} ago"
            st.markdown(
                f"{badge} &nbsp; **{plain(worker.owner)}** on {plain(worker.host)}, {plain(worker.device)}, "
                f"seen {seen}"
            )
        if not any(worker.alive for worker in report.workers):
            st.markdown("None is alive. Start one on the computer that has the project:")
            st.code(f"python -m app worker --project {guest.studio.settings.project}", language="shell")


def draw_versions(report: Report) -> None:
    """What the studio runs on."""
    with st.container(key="card_versions"):
        st.markdown("#### Versions")
        st.markdown(" &nbsp; ".join(f"{name} **{plain(number)}**" for name, number in report.versions))


def draw_chain(guest: Visit) -> None:
    """Check, on request, that no verdict was changed past the studio."""
    with st.container(key="card_chain"):
        words, act = st.columns([5, 2], vertical_alignment="center")
        words.markdown(
            "**Was a verdict changed?** Each carries a checksum over itself and the one before it, so that a "
            "changed or removed row is found."
        )
        if act.button("Check all", key="check_chain", width="stretch"):
            with st.spinner("Reading every verdict …"):
                st.session_state[CHAIN] = health.broken_verdicts(guest.studio, guest.user.id)
            st.rerun()
        if found := st.session_state.get(CHAIN):
            named = ", ".join(map(str, found[:5]))
            st.error(
                f"Verdicts were changed or removed at {named}. Go back to a backup that was made before."
            )


def draw_jobs(guest: Visit, report: Report) -> None:
    """Jobs that wait or failed; rounds can be tried again here."""
    with st.container(key="card_jobs"):
        st.markdown("#### Jobs that wait or failed")
        if not report.stopped:
            st.caption("None. Imports, rounds and snapshots that fail are listed here with their reason.")
        for job in report.stopped:
            words, act = st.columns([5, 2], vertical_alignment="center")
            words.markdown(
                f"{state_badge(job.state)} &nbsp; {JOBS.get(job.kind, job.kind)}, {ago(job.updated_at)}"
            )
            if job.error:
                words.caption(plain(job.error))
            if job.retry is not None:
                act.button("Resume", key=f"retry_{job.id}", width="stretch", on_click=attempt,
                           args=(rounds.resume, guest.studio, job.retry))  # fmt: skip
