"""What a page shows when a run of it ends in an error: what happened, what to do, and "Try again".

What was typed stays: Streamlit forgets the state of widgets only after a run that ended well.
"""

import errno
import logging
import secrets
from html import escape

import streamlit as st

from app import settings
from app.services import health
from app.views.cards import plain
from finepseudo_core.errors import FinePseudoError

log = logging.getLogger(__name__)

DATABASE = {
    "busy": (
        "The database is busy",
        "Another program has been writing to it for half a minute: a backup, a restore, or a tool that has "
        "the file open. Nothing is lost; your verdicts wait in this browser until they are saved.",
    ),
    "full": (
        "The disk is full",
        "Nothing more can be saved until there is room on the project's disk. Old backups and snapshots are "
        "the first to go. Your verdicts wait in this browser.",
    ),
    "away": (
        "The database does not answer",
        "It can't be reached just now. Nothing is lost; your verdicts wait in this browser until they are "
        "saved. If it stays so, `python -m app doctor --project DIR` says why.",
    ),
}
STYLE = """<style>
.fps-failure { display: grid; grid-template-columns: 40px 1fr; gap: 2px 14px; align-items: center; }
.fps-failure i { width: 36px; height: 36px; border-radius: 50%; display: grid; place-items: center; font: 700 19px/1 sans-serif;
  color: light-dark(#8a4b00, #efb04f); background: color-mix(in srgb, light-dark(#d17f0b, #efb04f) 18%, transparent); }
.fps-failure b { font-size: 19px; letter-spacing: -.01em; }
.fps-failure p { grid-column: 2; margin: 2px 0 0; max-width: 68ch; line-height: 1.5; }
.fps-failure small { grid-column: 2; opacity: .75; font-size: 12.5px; }
.st-key-card_failure { max-width: 780px; }
</style>"""  # noqa: E501


def explain(error: Exception) -> bool:
    """Say what happened and what to do, instead of Streamlit's own box; the details go to the log."""
    if isinstance(error, FinePseudoError):
        st.error(plain(str(error)))
        return True
    reference = secrets.token_hex(3)
    log.error("a page failed [%s]", reference, exc_info=error)
    title, words = _words(error)
    draw_failure(title, words, f"Reference {reference}, under which logs/web.log of the project says more.")
    return True


def draw_failure(title: str, words: str, note: str) -> None:
    """The card in the place of a page."""
    with st.container(key="card_failure"):
        st.html(
            f'{STYLE}<div class="fps-failure" role="alert"><i aria-hidden="true">!</i><b>{escape(title)}</b>'
            f"<p>{_code(words)}</p><small>{escape(note)}</small></div>"
        )
        st.button("Try again", key="try_again", type="primary")  # any press runs the page anew


def _words(error: Exception) -> tuple[str, str]:
    trouble = health.database_trouble(error)
    if trouble in ("schema", "away"):
        problem = health.schema_problem(settings.load())
        if problem:
            return "The database belongs to another version", problem
    if trouble in DATABASE:
        return DATABASE[trouble]
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DATABASE["full"]
    return (
        "This page could not be drawn",
        "It is a fault of the studio's, and nothing you did is lost. Try again; if it stays so, pass the "
        "reference on to whoever runs the studio.",
    )


def _code(words: str) -> str:
    parts = escape(words).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
