"""Where a synthetic dive takes place: colours drawn at random, the hall or the sky, the pool and its tower.

One unit is the diver's height, as in `synthetic_dives_motion`.
"""

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from finepseudo_core.datasets.synthetic_dives_motion import Course

LEFT, RIGHT, TOP, BOTTOM = -3.0, 3.6, 5.4, -2.8  # the painted part of the world, in units
SHORE = 0.55  # the far edge of the pool, seen above the water line at 0

Colour = tuple[int, int, int]
Box = Callable[[float, float, float, float], tuple[float, float, float, float]]


_SUITS: tuple[Colour, ...] = ((190, 36, 44), (24, 40, 110), (22, 110, 62), (40, 40, 46), (118, 30, 110))


@dataclass(frozen=True)
class Style:
    """Looks of one clip.

    Args:
        size: height and width of a frame in pixels.
        body: height of the diver as a share of the frame.
        outdoors: sky and trees, or a hall with windows and spectators.
        skin, suit, cap, wall, water: colours.
        one_piece: suit from shoulders to hips, or trunks.
        jitter: camera shake in pixels.
        zoom: growth of the picture from first to last frame, about 0.
        noise: standard deviation of sensor noise in grey levels.
        gain: brightness factor.
        splash: size of the splash, about 1.
    """

    size: int
    body: float
    outdoors: bool
    skin: Colour
    suit: Colour
    cap: Colour
    wall: Colour
    water: Colour
    one_piece: bool
    jitter: float
    zoom: float
    noise: float
    gain: float
    splash: float


def random_style(random: np.random.Generator, venue: np.random.Generator, size: int) -> Style:
    """Looks of a clip drawn at random; `venue`, the same for all clips of a dataset, draws the pool."""
    tone = random.uniform(0, 1)
    return Style(
        size=size,
        body=random.uniform(0.62, 0.74),
        outdoors=bool(venue.random() < 0.45),
        skin=_blend((246, 203, 170), (128, 82, 56), tone),
        suit=_SUITS[int(random.integers(len(_SUITS)))],
        cap=_SUITS[int(random.integers(len(_SUITS)))],
        wall=_colour(venue.uniform(0.52, 0.62), venue.uniform(0.08, 0.3), venue.uniform(0.68, 0.85)),
        water=_colour(venue.uniform(0.51, 0.57), venue.uniform(0.6, 0.8), venue.uniform(0.68, 0.8)),
        one_piece=bool(random.random() < 0.5),
        jitter=random.uniform(0.2, 1.2),
        zoom=random.uniform(-0.06, 0.08),
        noise=random.uniform(0.5, 2.5),
        gain=random.uniform(0.9, 1.08),
        splash=random.uniform(0.7, 1.3),
    )


def paint_scenery(style: Style, course: Course, random: np.random.Generator) -> tuple[Image.Image, float]:
    """Everything that stands still, slightly out of focus, and its pixels per unit."""
    scale = style.body * style.size * 1.6
    width, height = int((RIGHT - LEFT) * scale), int((TOP - BOTTOM) * scale)

    def box(left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        return (left - LEFT) * scale, (TOP - top) * scale, (right - LEFT) * scale, (TOP - bottom) * scale

    above = ((118, 176, 232), (222, 236, 246)) if style.outdoors else (shade(style.wall, 0.72), style.wall)
    rows = np.linspace(TOP, BOTTOM, height)[:, None]
    wall = _ramp(rows, TOP, SHORE, *above)
    water = _ramp(rows, SHORE, BOTTOM, shade(style.water, 1.25), shade(style.water, 0.55))
    column = np.where(rows[:, :, None] > SHORE, wall, water)
    image = Image.fromarray(np.broadcast_to(column, (height, width, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(image, "RGBA")
    (_paint_outdoors if style.outdoors else _paint_hall)(draw, box, random)
    image = image.filter(ImageFilter.BoxBlur(scale * 0.045))
    draw = ImageDraw.Draw(image, "RGBA")
    draw.rectangle(box(LEFT, SHORE + 0.07, RIGHT, SHORE), fill=(226, 226, 220))
    draw.rectangle(box(LEFT, SHORE, RIGHT, SHORE - 0.05), fill=(255, 255, 255, 70))
    for rope in (0.3, -0.55):
        for number, x in enumerate(np.arange(LEFT, RIGHT, 0.12)):
            fill = ((220, 60, 50, 190), (245, 245, 245, 190))[number // 3 % 2]
            draw.ellipse(box(x, rope + 0.02, x + 0.1, rope - 0.02), fill=fill)
    for _ in range(70):
        x, y = random.uniform(LEFT, RIGHT), random.uniform(BOTTOM, SHORE)
        length = random.uniform(0.1, 0.5)
        fill = (*shade(style.water, random.choice([0.75, 1.35])), 60)
        draw.ellipse(box(x, y + 0.015, x + length, y - 0.015), fill=fill)
    tower = (150, 152, 158)
    draw.rectangle(box(-2.35, course.board - 0.05, -1.85, 0.1), fill=shade(tower, 0.8))
    draw.rectangle(box(-2.35, course.board - 0.05, -2.2, 0.1), fill=tower)
    for x in (-2.6, -2.0, -1.4):
        draw.rectangle(box(x, course.board + 0.5, x + 0.035, course.board), fill=(205, 208, 214))
    draw.rectangle(box(-3.0, course.board + 0.52, -1.37, course.board + 0.47), fill=(222, 225, 230))
    return image, scale


def _paint_hall(draw: ImageDraw.ImageDraw, box: Box, random: np.random.Generator) -> None:
    for x in np.arange(LEFT, RIGHT, 1.1):
        draw.rectangle(box(x, 5.2, x + 0.9, 3.6), fill=(236, 244, 248, 150))
        draw.rectangle(box(x + 0.43, 5.2, x + 0.47, 3.6), fill=(120, 126, 134, 160))
    draw.rectangle(box(LEFT, 3.45, RIGHT, 3.2), fill=(*_colour(random.uniform(0, 1), 0.6, 0.6), 150))
    draw.rectangle(box(LEFT, 2.5, RIGHT, 0.9), fill=(70, 74, 86, 130))
    for row in range(6):
        for x in np.arange(LEFT, RIGHT, 0.19):
            if random.random() < 0.75:
                y = 1.05 + row * 0.26 + random.uniform(-0.03, 0.03)
                x = x + random.uniform(-0.04, 0.04)
                coat = _colour(random.uniform(0, 1), random.uniform(0.05, 0.45), random.uniform(0.3, 0.75))
                draw.ellipse(box(x, y + 0.06, x + 0.16, y - 0.14), fill=(*coat, 120))
                face = _blend((215, 185, 160), (110, 75, 60), random.uniform(0, 1))
                draw.ellipse(box(x + 0.04, y + 0.16, x + 0.12, y + 0.05), fill=(*face, 130))


def _paint_outdoors(draw: ImageDraw.ImageDraw, box: Box, random: np.random.Generator) -> None:
    for _ in range(7):
        x, y = random.uniform(LEFT, RIGHT), random.uniform(2.6, 5.2)
        for _ in range(9):
            dx, dy, r = random.normal(0, 0.3), random.normal(0, 0.07), random.uniform(0.1, 0.26)
            draw.ellipse(
                box(x + dx - r, y + dy + r * 0.6, x + dx + r, y + dy - r * 0.6), fill=(255, 255, 255, 70)
            )
    x = LEFT
    while x < RIGHT:
        wide, high = random.uniform(0.3, 0.8), random.uniform(1.0, 2.1)
        if random.random() < 0.4:
            house = _colour(random.uniform(0.02, 0.15), 0.15, random.uniform(0.6, 0.85))
            draw.rectangle(box(x, high, x + wide, SHORE), fill=house)
            for wy in np.arange(0.8, high - 0.15, 0.25):
                for wx in np.arange(x + 0.07, x + wide - 0.1, 0.18):
                    draw.rectangle(box(wx, wy + 0.12, wx + 0.09, wy), fill=shade(house, 0.6))
        x += wide
    for x in np.arange(LEFT, RIGHT, 0.14):
        high, r = random.uniform(0.8, 1.25), random.uniform(0.13, 0.26)
        leaf = _colour(random.uniform(0.25, 0.36), random.uniform(0.4, 0.7), random.uniform(0.25, 0.5))
        draw.ellipse(box(x - r, high + r * 0.7, x + r, SHORE - 0.2), fill=(*leaf, 235))


def _ramp(rows: np.ndarray, start: float, end: float, first: Colour, last: Colour) -> np.ndarray:
    share = np.clip((rows - start) / (end - start), 0, 1)[:, :, None]
    return np.array(first) * (1 - share) + np.array(last) * share


def shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, int(value * factor)) for value in colour)
    return red, green, blue


def _blend(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (int(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return int(red * 255), int(green * 255), int(blue * 255)
