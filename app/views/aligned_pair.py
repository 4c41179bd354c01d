"""The picture that says what the studio does: two clips of one class, tied where their moments match."""

from html import escape
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from app.media import media_file
from app.resources import Visit
from app.services.datasets import ClipCard, ClipFilter, Sprite, clips

SHOWN = 9  # frames of each strip


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
    sheets = [
        (str(media_file(guest.studio.settings, "sprite", clip.sha256 or "")), clip.sprite) for clip in pair
    ]
    ties = _ties(*sheets)
    strips = [_strip(guest, clip, [tie[side] for tie in ties]) for side, clip in enumerate(pair)]
    lines = "".join(
        f'<line x1="{(place + 0.5) / SHOWN:.4f}" x2="{(place + 0.5) / SHOWN:.4f}" y1="0" y2="1"/>'
        for place in range(SHOWN)
    )
    name = escape(pair[0].label_name or "")
    st.html(
        f'<div class="fps-pair" role="img" aria-label="Two clips of {name}, aligned in time">{strips[0]}'
        f'<svg class="fps-ties" viewBox="0 0 1 1" preserveAspectRatio="none">{lines}</svg>{strips[1]}'
        f'<p class="fps-caption">Two clips of <b>{name}</b>, tied where their moments match although one is '
        "faster.</p></div>"
    )
    return True


def _pair(guest: Visit) -> tuple[ClipCard, ClipCard] | None:
    seen: dict[int, ClipCard] = {}
    for clip in clips(guest.studio, ClipFilter(state="ready", label="labelled"), limit=60).clips:
        if clip.label_id is None or not clip.sprite or not clip.sha256:
            continue
        if clip.label_id in seen and media_file(guest.studio.settings, "sprite", clip.sha256):
            return seen[clip.label_id], clip
        seen.setdefault(clip.label_id, clip)
    return None


@st.cache_data(show_spinner=False, max_entries=8)
def _ties(one: tuple[str, Sprite], other: tuple[str, Sprite]) -> list[tuple[int, int]]:
    """SHOWN pairs of matching cells of two sprites, evenly spread over the cheapest path."""
    looks = [_looks(Path(path), sprite) for path, sprite in (one, other)]
    path = align(1.0 - looks[0] @ looks[1].T)
    return [path[round(place)] for place in np.linspace(0, len(path) - 1, SHOWN)]


def _looks(path: Path, sprite: Sprite) -> np.ndarray:
    """Coarse differences from the clip's mean frame, one unit vector a cell (T, 256)."""
    rows = -(-sprite.frames // sprite.columns)
    with Image.open(path) as image:
        sheet = np.asarray(image.convert("L").resize((16 * sprite.columns, 16 * rows)), dtype=np.float32)
    cells = sheet.reshape(rows, 16, sprite.columns, 16).swapaxes(1, 2).reshape(-1, 256)[: sprite.frames]
    moving = cells - cells.mean(axis=0)
    return moving / np.maximum(np.linalg.norm(moving, axis=1, keepdims=True), 1e-6)


def _strip(guest: Visit, clip: ClipCard, frames: list[int]) -> str:
    sprite = clip.sprite
    assert sprite is not None  # _pair leaves those out
    address = guest.media(clip.id, "sprite", clip.sha256)
    rows = -(-sprite.frames // sprite.columns)
    cells = []
    for frame in frames:
        across = 100 * (frame % sprite.columns) / max(1, sprite.columns - 1)
        down = 100 * (frame // sprite.columns) / max(1, rows - 1)
        cells.append(
            f"<i style=\"aspect-ratio:{sprite.width}/{sprite.height};background-image:url('{address}');"
            f"background-size:{sprite.columns * 100}% {rows * 100}%;"
            f'background-position:{across:.3f}% {down:.3f}%"></i>'
        )
    return f'<div class="fps-strip">{"".join(cells)}</div>'
