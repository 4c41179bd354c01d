"""Backups on the Admin page."""

import streamlit as st

from app.resources import Visit
from app.services import backups
from app.services.backups import Backup
from app.views.admin_people import attempt, draw_refused
from app.views.cards import ago, plain
from finepseudo_core.errors import FinePseudoError


def draw_backups(guest: Visit) -> None:
    """A button that makes one, and those there are."""
    draw_refused()
    try:
        kept = backups.listing(guest.studio, guest.user.id)
    except FinePseudoError as error:  # a server's database is backed up with the server's tools
        st.info(plain(str(error)))
        return
    words, act = st.columns([6, 2], vertical_alignment="center")
    words.markdown(
        "A backup is a complete copy of the database: every verdict, label, class and person. Everybody goes "
        "on working meanwhile, and the copy is read once more as a whole. Videos and models are in a "
        "snapshot, on Transfer."
    )
    if act.button("Back up now", key="back_up", type="primary", width="stretch"):
        with st.spinner("Copying the database and reading the copy …"):
            attempt(backups.make, guest.studio, guest.user.id)
        st.rerun()
    if not kept:
        st.info("There is no backup yet. Make one now, and one before every upgrade or larger clean-up.")
    for copy in kept:
        draw_backup(guest, copy)
    sound = next((copy for copy in kept if not copy.problem), None)
    if sound:
        with st.expander("Go back to one"):
            draw_way_back(guest, sound)


def draw_way_back(guest: Visit, copy: Backup) -> None:
    """The commands that put a copy in the place of the database."""
    project = guest.studio.settings.project
    folder = project if ".before-" in copy.name else project / "backups"
    st.markdown("Stop the studio, put the copy in the place of `studio.db`, and start it again:")
    st.code(
        f"rm -f {project}/studio.db-wal {project}/studio.db-shm\n"
        f"cp {folder}/{copy.name} {project}/studio.db\n"
        f"python -m app upgrade --project {project}",
        language="shell",
    )


def draw_backup(guest: Visit, copy: Backup) -> None:
    """One line: when, how large, whether it was found whole."""
    with st.container(key=f"card_backup_{copy.name.replace('.', '_')}"):
        words, again, fetch, drop = st.columns([7, 2, 2, 2], vertical_alignment="center")
        by = f", by {plain(copy.made_by)}" if copy.made_by else ""
        upgrade = ", before an upgrade" if ".before-" in copy.name else ""
        words.markdown(
            f"{state(copy)} &nbsp; **{copy.made_at:%Y-%m-%d %H:%M} UTC**, {copy.bytes / 1e6:,.1f} MB"
            f"{by}{upgrade} &nbsp; :gray[{ago(copy.made_at)}]"
        )
        if copy.problem:
            st.error(plain(f"This copy is not whole: {copy.problem}. Make another one."))
        again.button("Check", key=f"check_{copy.name}", width="stretch", on_click=attempt,
                     args=(backups.check, guest.studio, copy.name, guest.user.id))  # fmt: skip
        address = backups.address(guest.studio.secret, copy.name, guest.user.id)
        fetch.link_button("Download", address, width="stretch")
        with drop.popover("Delete", width="stretch"):
            st.markdown("It can't be had back.")
            st.button("Delete", key=f"delete_{copy.name}", type="primary", on_click=attempt,
                      args=(backups.delete, guest.studio, copy.name, guest.user.id))  # fmt: skip


def state(copy: Backup) -> str:
    """Whether a copy was found whole, as a Markdown badge."""
    if copy.checked_at is None:
        return ":gray-badge[not checked]"
    return ":red-badge[damaged]" if copy.problem else ":green-badge[verified]"
