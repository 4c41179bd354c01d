"""How a synthetic dive looks: the pool, the board, a shaded diver and the splash, as RGB frames.

Everything is drawn larger and scaled down, so that edges are smooth at 112 pixels.
"""

import colorsys
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from finepseudo_core.datasets.synthetic_dives_motion import Course, Moment, Point, Timing

SUPERSAMPLING = 3
_LEFT, _RIGHT, _TOP, _BOTTOM = -3.0, 3.6, 5.4, -2.8  # the painted part of the world, in units
_SHORE = 0.55  # the far edge of the pool, seen above the water line at 0

Colour = tuple[int, int, int]


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


def random_style(random: np.random.Generator, size: int) -> Style:
    """Looks drawn at random."""
    tone = random.uniform(0, 1)
    hue = random.uniform(0, 1)
    return Style(
        size=size,
        body=random.uniform(0.46, 0.56),
        outdoors=bool(random.random() < 0.45),
        skin=_blend((246, 203, 170), (112, 70, 46), tone),
        suit=_colour(hue, 0.85, random.uniform(0.35, 0.8)),
        cap=_colour(hue + random.uniform(0.3, 0.7), random.uniform(0.2, 0.9), random.uniform(0.15, 0.95)),
        wall=_colour(random.uniform(0.05, 0.7), random.uniform(0.08, 0.35), random.uniform(0.5, 0.85)),
        water=_colour(random.uniform(0.49, 0.58), random.uniform(0.55, 0.85), random.uniform(0.6, 0.8)),
        one_piece=bool(random.random() < 0.5),
        jitter=random.uniform(0.2, 1.2),
        zoom=random.uniform(-0.06, 0.08),
        noise=random.uniform(1.0, 3.5),
        gain=random.uniform(0.85, 1.12),
        splash=random.uniform(0.7, 1.3),
    )


def draw_clip(
    moments: Sequence[Moment], timing: Timing, course: Course, style: Style, random: np.random.Generator
) -> Iterator[np.ndarray]:
    """RGB uint8 frames (size, size, 3) of a dive, seen by a camera that follows the diver."""
    scenery, scale = _scenery(style, course, random)
    drops = _drops(style, random)
    touch = timing.takeoff + timing.flight
    entry_x = moments[touch - 1].centre[0]
    glints = [
        (random.uniform(_LEFT, _RIGHT), random.uniform(-2.0, 0.5), random.uniform(0, 6)) for _ in range(40)
    ]
    grain = random.normal(0, style.noise, (2 * style.size, 2 * style.size, 1)).astype(np.float32)
    camera = _camera(moments, style, random)
    for number, (moment, (x, y, zoom)) in enumerate(zip(moments, camera, strict=True)):
        view = _View(style, scenery, scale, x, y, zoom)
        view.board(moment.bend, course)
        view.diver(moment.joints)
        view.cover_with_water()
        view.glints(glints, number)
        if number >= touch - 1:
            view.splash(drops, entry_x, number - touch + 1)
        i, j = random.integers(0, style.size, 2)
        yield view.finish(grain[i : i + style.size, j : j + style.size])


def _camera(
    moments: Sequence[Moment], style: Style, random: np.random.Generator
) -> Iterator[tuple[float, float, float]]:
    """(x, y, pixels per unit) of each frame: follows the diver with a lag, shakes a little, zooms slowly."""
    unit = style.body * style.size
    x, y = moments[0].centre[0] + 0.35, moments[0].centre[1] - 0.1
    shake = np.cumsum(random.normal(0, 0.45, (len(moments), 2)), axis=0)
    shake -= np.linspace(0, 1, len(moments))[:, None] * shake[-1]
    offset = random.uniform(-0.25, 0.25)
    for number, moment in enumerate(moments):
        ahead = moments[min(number + 3, len(moments) - 1)].centre
        x += 0.16 * (ahead[0] + 0.2 + offset - x)
        y += 0.22 * (max(ahead[1] - 0.1, 0.25) - y)
        zoom = 1 + style.zoom * number / len(moments)
        dx, dy = shake[number] * style.jitter / unit
        yield x + dx, y + dy, unit * zoom


class _View:
    """One frame while it is drawn, `SUPERSAMPLING` times too large."""

    def __init__(
        self, style: Style, scenery: Image.Image, scale: float, x: float, y: float, unit: float
    ) -> None:
        self.style = style
        self.side = style.size * SUPERSAMPLING
        self.unit = unit * SUPERSAMPLING
        self.left, self.top = x - self.side / 2 / self.unit, y + self.side / 2 / self.unit
        step = scale / self.unit
        self.image = scenery.transform(
            (self.side, self.side),
            Image.Transform.AFFINE,
            (step, 0, (self.left - _LEFT) * scale, 0, step, (_TOP - self.top) * scale),
            Image.Resampling.BILINEAR,
        )
        self.behind = self.image.copy()
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixel of a point of the world."""
        return (x - self.left) * self.unit, (self.top - y) * self.unit

    def board(self, bend: float, course: Course) -> None:
        """A board that bends, or a platform's lip."""
        length, thick = (2.0, 0.045) if course.springy else (2.6, 0.13)
        points = [(-length * (1 - t / 8), course.board - bend * (t / 8) ** 2) for t in range(9)]
        upper = [self.at(x, y) for x, y in points]
        lower = [self.at(x, y - thick) for x, y in reversed(points)]
        base = (222, 232, 238) if course.springy else (176, 178, 182)
        self.draw.polygon(upper + lower, fill=_shade(base, 0.72))
        middle = [self.at(x, y - thick * 0.45) for x, y in reversed(points)]
        self.draw.polygon(upper + middle, fill=base)

    def diver(self, joints: dict[str, Point]) -> None:
        """Limbs from the farthest to the nearest."""
        style = self.style
        parts: list[tuple[float, str, str, float, float, Colour]] = []
        for side in ("near", "far"):
            j = {name: f"{side} {name}" for name in _LIMB_JOINTS}
            parts += [
                (joints[j["toe"]][2], j["ankle"], j["toe"], 0.027, 0.014, style.skin),
                (joints[j["ankle"]][2] + 0.01, j["knee"], j["ankle"], 0.044, 0.026, style.skin),
                (joints[j["knee"]][2] + 0.02, j["hip"], j["knee"], 0.066, 0.045, style.skin),
                (joints[j["elbow"]][2] + 0.02, j["shoulder"], j["elbow"], 0.038, 0.03, style.skin),
                (joints[j["hand"]][2] + 0.03, j["elbow"], j["hand"], 0.029, 0.019, style.skin),
            ]
        ordered = sorted(parts, key=lambda part: part[0])
        for part in (part for part in ordered if part[0] < 0.02):
            self._limb(joints, *part)
        self._trunk(joints)
        for part in (part for part in ordered if part[0] >= 0.02):
            self._limb(joints, *part)

    def cover_with_water(self) -> None:
        """Blend whatever is under the water line back into the water."""
        line = int(self.at(0, 0)[1])
        if line < self.side:
            box = (0, max(line, 0), self.side, self.side)
            self.image.paste(Image.blend(self.image.crop(box), self.behind.crop(box), 0.72), box)

    def glints(self, glints: Sequence[tuple[float, float, float]], number: int) -> None:
        """Light on the waves."""
        for x, y, phase in glints:
            strength = math.sin(number * 0.35 + phase)
            if strength > 0:
                near = 1 - (y + 2) / 3.5
                px, py = self.at(x + 0.05 * math.sin(number * 0.1 + phase), y)
                width, height = self.unit * (0.06 + 0.14 * near), self.unit * (0.004 + 0.01 * near)
                fill = (255, 255, 255, int(95 * strength))
                self.draw.ellipse((px - width, py - height, px + width, py + height), fill=fill)

    def splash(self, drops: np.ndarray, x: float, age: int) -> None:
        """Rings on the water, foam, and drops thrown up; `age` in frames since the touch."""
        px, py = self.at(x, 0)
        for ring in range(3):
            grown = (age + 1 - 3 * ring) * 0.055
            if grown > 0:
                width, fill = grown * self.unit, (255, 255, 255, max(0, 130 - int(9 * age)))
                box = (px - width, py - width * 0.22, px + width, py + width * 0.22)
                self.draw.ellipse(box, outline=fill, width=max(1, int(self.unit * 0.012)))
        foam = self.style.splash * (0.10 + 0.26 * min(1.0, age / 5)) * self.unit
        self.draw.ellipse(
            (px - foam, py - foam * 0.2, px + foam, py + foam * 0.26),
            fill=(240, 250, 255, max(30, 190 - 10 * age)),
        )
        for born, offset, across, up, radius, white in drops:
            time = age - born
            height = up * time - 0.011 * time * time
            if time < 0 or height < -0.03:
                continue
            dx, dy = self.at(x + offset + across * time, height)
            r = radius * self.unit
            stretch = 1 + 9 * abs(up - 0.022 * time)
            fill = (int(white), 250, 255, 205)
            self.draw.ellipse((dx - r, dy - r * stretch, dx + r, dy + r * stretch), fill=fill)

    def finish(self, grain: np.ndarray) -> np.ndarray:
        """Scale down, then add gain and noise."""
        small = np.asarray(self.image.reduce(SUPERSAMPLING), dtype=np.float32)
        return np.clip(small * self.style.gain + grain, 0, 255).astype(np.uint8)

    def _trunk(self, joints: dict[str, Point]) -> None:
        style = self.style
        head, neck = joints["head"], joints["neck"]
        self._limb(joints, 0.0, "neck", "head", 0.04, 0.035, style.skin)
        upper = style.suit if style.one_piece else style.skin
        belt = 0.9 if style.one_piece else 0.35
        sides = []
        for side in ("far", "near"):
            shoulder, hip = joints[f"{side} shoulder"], joints[f"{side} hip"]
            top = _between(neck, shoulder, 0.75)
            waist = _between(joints["pelvis"], joints["waist"], belt)
            sides.append((top, _between(waist, hip, 0.5), hip))
        for grow, shade in ((0.010, 0.55), (0.0, 0.93)):
            for top, waist, hip in sides:
                self._capsule(top, waist, 0.074 + grow, 0.062 + grow, _shade(upper, shade))
                self._capsule(waist, hip, 0.064 + grow, 0.070 + grow, _shade(style.suit, shade))
        (a, b, _), (c, d, _) = sides
        self.draw.polygon([self.at(x, y) for x, y, _ in (a, b, d, c)], fill=_shade(upper, 0.93))
        self._capsule(c, d, 0.04, 0.03, _shade(upper, 1.1), _LIGHT)
        self._head(head, joints["face"], neck)

    def _head(self, head: Point, face: Point, neck: Point) -> None:
        radius = 0.072 * self.unit
        x, y = self.at(head[0], head[1])
        self.draw.ellipse(_square(x, y, radius * 1.14), fill=_shade(self.style.skin, 0.5))
        self.draw.ellipse(_square(x, y, radius), fill=self.style.skin)
        look = (face[0] - head[0], head[1] - face[1])
        crown = (head[0] - neck[0], neck[1] - head[1])
        nose = (x + look[0] / 0.07 * radius * 0.95, y + look[1] / 0.07 * radius * 0.95)
        self.draw.ellipse(_square(*nose, radius * 0.26), fill=_shade(self.style.skin, 0.9))
        towards = math.degrees(math.atan2(crown[1] * 0.9 - look[1], crown[0] * 0.9 - look[0]))
        self.draw.pieslice(_square(x, y, radius * 1.08), towards - 98, towards + 98, fill=self.style.cap)
        shine = (x - radius * 0.3, y - radius * 0.4)
        self.draw.ellipse(_square(*shine, radius * 0.3), fill=(255, 255, 255, 70))

    def _limb(
        self, joints: dict[str, Point], depth: float, a: str, b: str, ra: float, rb: float, colour: Colour
    ) -> None:
        shade = 0.93 if depth >= 0.02 else 0.74
        self._capsule(joints[a], joints[b], ra + 0.010, rb + 0.010, _shade(colour, shade * 0.58))
        self._capsule(joints[a], joints[b], ra, rb, _shade(colour, shade))
        self._capsule(joints[a], joints[b], ra * 0.5, rb * 0.5, _shade(colour, shade * 1.17), _LIGHT)
        if b.endswith("knee") and not self.style.one_piece:
            hem = _between(joints[a], joints[b], 0.5)
            self._capsule(joints[a], hem, ra, ra * 0.9, _shade(self.style.suit, shade))
            self._capsule(joints[a], hem, ra * 0.5, ra * 0.4, _shade(self.style.suit, shade * 1.17), _LIGHT)

    def _capsule(
        self,
        a: Sequence[float],
        b: Sequence[float],
        ra: float,
        rb: float,
        colour: Colour,
        shift: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """A tapered limb with round ends; `shift` in radii."""
        ax, ay = self.at(a[0] + shift[0] * ra, a[1] + shift[1] * ra)
        bx, by = self.at(b[0] + shift[0] * rb, b[1] + shift[1] * rb)
        ra, rb = ra * self.unit, rb * self.unit
        turn = math.atan2(by - ay, bx - ax)
        points = [(ax + ra * math.cos(turn + t), ay + ra * math.sin(turn + t)) for t in _BACK]
        points += [(bx + rb * math.cos(turn + t), by + rb * math.sin(turn + t)) for t in _FRONT]
        self.draw.polygon(points, fill=colour)


_LIMB_JOINTS = ("shoulder", "elbow", "hand", "hip", "knee", "ankle", "toe")
_LIGHT = (-0.35, 0.4)
_BACK = [math.pi / 2 + math.pi * t / 8 for t in range(9)]
_FRONT = [-math.pi / 2 + math.pi * t / 8 for t in range(9)]


def _drops(style: Style, random: np.random.Generator) -> np.ndarray:
    """Drops (N, 6): frame of birth, offset, speed across, speed up (units a frame), radius, whiteness."""
    count = int(70 * style.splash)
    born = random.integers(0, 5, count)
    offset = random.normal(0, 0.06, count)
    across = random.normal(0, 0.022, count) + offset * 0.08
    up = random.gamma(4.0, 0.024, count) * style.splash
    radius = random.uniform(0.008, 0.026, count)
    return np.stack([born, offset, across, up, radius, random.uniform(215, 250, count)], axis=1)


def _scenery(style: Style, course: Course, random: np.random.Generator) -> tuple[Image.Image, float]:
    """Everything that stands still, slightly out of focus, and its pixels per unit."""
    scale = style.body * style.size * 1.6
    width, height = int((_RIGHT - _LEFT) * scale), int((_TOP - _BOTTOM) * scale)

    def box(left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        return (left - _LEFT) * scale, (_TOP - top) * scale, (right - _LEFT) * scale, (_TOP - bottom) * scale

    above = ((118, 176, 232), (222, 236, 246)) if style.outdoors else (_shade(style.wall, 0.72), style.wall)
    rows = np.linspace(_TOP, _BOTTOM, height)[:, None]
    wall = _ramp(rows, _TOP, _SHORE, *above)
    water = _ramp(rows, _SHORE, _BOTTOM, _shade(style.water, 1.25), _shade(style.water, 0.55))
    column = np.where(rows[:, :, None] > _SHORE, wall, water)
    image = Image.fromarray(np.broadcast_to(column, (height, width, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(image, "RGBA")
    (_paint_outdoors if style.outdoors else _paint_hall)(draw, box, random)
    image = image.filter(ImageFilter.GaussianBlur(scale * 0.018))
    draw = ImageDraw.Draw(image, "RGBA")
    draw.rectangle(box(_LEFT, _SHORE + 0.07, _RIGHT, _SHORE), fill=(226, 226, 220))
    draw.rectangle(box(_LEFT, _SHORE, _RIGHT, _SHORE - 0.05), fill=(255, 255, 255, 70))
    for rope in (0.3, -0.55):
        for number, x in enumerate(np.arange(_LEFT, _RIGHT, 0.12)):
            fill = ((220, 60, 50, 190), (245, 245, 245, 190))[number // 3 % 2]
            draw.ellipse(box(x, rope + 0.02, x + 0.1, rope - 0.02), fill=fill)
    for _ in range(70):
        x, y = random.uniform(_LEFT, _RIGHT), random.uniform(_BOTTOM, _SHORE)
        length = random.uniform(0.1, 0.5)
        fill = (*_shade(style.water, random.choice([0.75, 1.35])), 60)
        draw.ellipse(box(x, y + 0.015, x + length, y - 0.015), fill=fill)
    tower = (150, 152, 158)
    draw.rectangle(box(-2.35, course.board - 0.05, -1.85, 0.1), fill=_shade(tower, 0.8))
    draw.rectangle(box(-2.35, course.board - 0.05, -2.2, 0.1), fill=tower)
    for x in (-2.6, -2.0, -1.4):
        draw.rectangle(box(x, course.board + 0.5, x + 0.035, course.board), fill=(205, 208, 214))
    draw.rectangle(box(-3.0, course.board + 0.52, -1.37, course.board + 0.47), fill=(222, 225, 230))
    return image, scale


def _paint_hall(draw: ImageDraw.ImageDraw, box, random: np.random.Generator) -> None:
    for x in np.arange(_LEFT, _RIGHT, 1.1):
        draw.rectangle(box(x, 5.2, x + 0.9, 3.6), fill=(236, 244, 248, 150))
        draw.rectangle(box(x + 0.43, 5.2, x + 0.47, 3.6), fill=(120, 126, 134, 160))
    draw.rectangle(box(_LEFT, 3.45, _RIGHT, 3.2), fill=(*_colour(random.uniform(0, 1), 0.6, 0.6), 150))
    draw.rectangle(box(_LEFT, 2.5, _RIGHT, 0.9), fill=(70, 74, 86, 130))
    for row in range(6):
        for x in np.arange(_LEFT, _RIGHT, 0.19):
            if random.random() < 0.75:
                y = 1.05 + row * 0.26 + random.uniform(-0.03, 0.03)
                x = x + random.uniform(-0.04, 0.04)
                coat = _colour(random.uniform(0, 1), random.uniform(0.05, 0.45), random.uniform(0.3, 0.75))
                draw.ellipse(box(x, y + 0.06, x + 0.16, y - 0.14), fill=(*coat, 180))
                face = _blend((215, 185, 160), (110, 75, 60), random.uniform(0, 1))
                draw.ellipse(box(x + 0.04, y + 0.16, x + 0.12, y + 0.05), fill=(*face, 200))


def _paint_outdoors(draw: ImageDraw.ImageDraw, box, random: np.random.Generator) -> None:
    for _ in range(7):
        x, y = random.uniform(_LEFT, _RIGHT), random.uniform(2.6, 5.2)
        for _ in range(9):
            dx, dy, r = random.normal(0, 0.3), random.normal(0, 0.07), random.uniform(0.1, 0.26)
            draw.ellipse(
                box(x + dx - r, y + dy + r * 0.6, x + dx + r, y + dy - r * 0.6), fill=(255, 255, 255, 70)
            )
    x = _LEFT
    while x < _RIGHT:
        wide, high = random.uniform(0.3, 0.8), random.uniform(1.0, 2.1)
        if random.random() < 0.4:
            house = _colour(random.uniform(0.02, 0.15), 0.15, random.uniform(0.6, 0.85))
            draw.rectangle(box(x, high, x + wide, _SHORE), fill=house)
            for wy in np.arange(0.8, high - 0.15, 0.25):
                for wx in np.arange(x + 0.07, x + wide - 0.1, 0.18):
                    draw.rectangle(box(wx, wy + 0.12, wx + 0.09, wy), fill=_shade(house, 0.6))
        x += wide
    for x in np.arange(_LEFT, _RIGHT, 0.14):
        high, r = random.uniform(0.8, 1.25), random.uniform(0.13, 0.26)
        leaf = _colour(random.uniform(0.25, 0.36), random.uniform(0.4, 0.7), random.uniform(0.25, 0.5))
        draw.ellipse(box(x - r, high + r * 0.7, x + r, _SHORE - 0.2), fill=(*leaf, 235))


def _ramp(rows: np.ndarray, start: float, end: float, first: Colour, last: Colour) -> np.ndarray:
    share = np.clip((rows - start) / (end - start), 0, 1)[:, :, None]
    return np.array(first) * (1 - share) + np.array(last) * share


def _between(a: Point, b: Point, share: float) -> Point:
    x, y, z = (p + (q - p) * share for p, q in zip(a, b, strict=True))
    return x, y, z


def _square(x: float, y: float, radius: float) -> tuple[float, float, float, float]:
    return x - radius, y - radius, x + radius, y + radius


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, int(value * factor)) for value in colour)
    return red, green, blue


def _blend(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (int(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return int(red * 255), int(green * 255), int(blue * 255)
