"""The picture that says what the studio does: two clips of one class, tied where their moments match."""

from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np
import streamlit as st
from PIL import Image

from app.media import media_file
from app.resources import Visit
from app.services.datasets import ClipCard, ClipFilter, Sprite, clips

SHOWN = 9  # frames of each strip
TIES = 13


def align(costs: np.ndarray) -> list[tuple[int, int]]:
    """Cheapest monotone path through a cost matrix (T, T'), from corner to corner, as (row, column) pairs."""
    rows, columns = costs.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0.0
    for row in range(rows):
        for column in range(columns):
            before = min(total[row, column], total[row, column + 1], total[row + 1, column])
            total[row + 1, column + 1] = costs[row, column] + before
    path, row, column = [(rows - 1, columns - 1)], rows, columns
    while (row, column) != (1, 1):
        steps = ((row - 1, column - 1), (row - 1, column), (row, column - 1))
        row, column = min(steps, key=lambda place: total[place])
        path.append((row - 1, column - 1))
    return path[::-1]


def draw_aligned_pair(guest: Visit) -> bool:
    """Draw two labelled clips of one class and their ties; False where the project has no such two."""
    pair = _pair(guest)
    if pair is None:
        return False
    ties = _ties(*((str(path), sprite) for _, sprite, path in pair))
    strips = [_strip(guest.media(clip.id, "sprite", clip.sha256), sprite) for clip, sprite, _ in pair]
    lines = "".join(f'<path d="M{_across(above)} 0L{_across(below)} 40"/>' for above, below in ties)
    # As a background: Streamlit takes svg elements out of a page's HTML.
    drawn = quote(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 40" preserveAspectRatio="none" '
        f'fill="none" stroke="#d9912a" stroke-width="2">{lines}</svg>'
    )
    name = escape(pair[0][0].label_name or "")
    st.html(
        f'<div class="fps-pair" role="img" aria-label="Two clips of {name}, aligned in time">{strips[0]}'
        f'<div class="fps-ties" style="background-image:url(\'data:image/svg+xml,{drawn}\')"></div>'
        f"{strips[1]}"
        f'<p class="fps-caption">Two clips of <b>{name}</b> from this project. A line ties the moments that '
        "look alike; where lines lean, one of the two is faster.</p></div>"
    )
    return True


Drawn = tuple[ClipCard, Sprite, Path]


def _pair(guest: Visit) -> tuple[Drawn, Drawn] | None:
    seen: dict[int, Drawn] = {}
    for clip in clips(guest.studio, ClipFilter(state="ready", label="labelled"), limit=60).clips:
        path = media_file(guest.studio.settings, "sprite", clip.sha256 or "")
        if clip.label_id is None or clip.sprite is None or path is None:
            continue
        if clip.label_id in seen:
            return seen[clip.label_id], (clip, clip.sprite, path)
        seen[clip.label_id] = (clip, clip.sprite, path)
    return None


def _across(share: float) -> str:
    """Place of a moment in [0, 1] along a strip 1000 wide; its first frame's middle is half a cell in."""
    return f"{1000 * (0.5 + share * (SHOWN - 1)) / SHOWN:.1f}"


@st.cache_data(show_spinner=False, max_entries=8)
def _ties(one: tuple[str, Sprite], other: tuple[str, Sprite]) -> list[tuple[float, float]]:
    """Matching moments of two sprites in [0, 1], evenly spread over the cheapest path."""
    looks = [_looks(Path(path), sprite) for path, sprite in (one, other)]
    path = align(1.0 - looks[0] @ looks[1].T)
    spread = [path[round(place)] for place in np.linspace(0, len(path) - 1, TIES)]
    return [(row / (len(looks[0]) - 1 or 1), column / (len(looks[1]) - 1 or 1)) for row, column in spread]


def _looks(path: Path, sprite: Sprite) -> np.ndarray:
    """Coarse differences from the clip's mean frame, one unit vector a cell (T, 256)."""
    rows = -(-sprite.frames // sprite.columns)
    with Image.open(path) as image:
        sheet = np.asarray(image.convert("L").resize((16 * sprite.columns, 16 * rows)), dtype=np.float32)
    cells = sheet.reshape(rows, 16, sprite.columns, 16).swapaxes(1, 2).reshape(-1, 256)[: sprite.frames]
    moving = cells - cells.mean(axis=0)
    return moving / np.maximum(np.linalg.norm(moving, axis=1, keepdims=True), 1e-6)


def _strip(address: str, sprite: Sprite) -> str:
    """SHOWN frames of a sprite, evenly spread."""
    rows = -(-sprite.frames // sprite.columns)
    cells = []
    for place in range(SHOWN):
        row, column = divmod(round(place / (SHOWN - 1) * (sprite.frames - 1)), sprite.columns)
        across, down = 100 * column / max(1, sprite.columns - 1), 100 * row / max(1, rows - 1)
        cells.append(
            f"<i style=\"aspect-ratio:{sprite.width}/{sprite.height};background-image:url('{address}');"
            f"background-size:{sprite.columns * 100}% {rows * 100}%;"
            f'background-position:{across:.3f}% {down:.3f}%"></i>'
        )
    return f'<div class="fps-strip">{"".join(cells)}</div>'
