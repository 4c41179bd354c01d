"""Streamlit components (v2): plain JavaScript and CSS files, joined when a component is registered."""

from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent
SPRITES = ("canvas.js", "sprite_sheets.js", "sprite_player.js")  # what plays clips, after dom.js


def join(names: Sequence[str]) -> str:
    """The text of several files of this folder in one; they share one scope, so each name exists once.

    Raises:
        FileNotFoundError: a file of that name does not exist.
    """
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)
