"""How a synthetic dive looks: the pool, the board, a shaded diver and the splash, as RGB frames.

Everything is drawn larger and scaled down, so that edges are smooth at 112 pixels.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw

from finepseudo_core.datasets.synthetic_dives_motion import Course, Moment, Point, Timing
from finepseudo_core.datasets.synthetic_dives_scenery import (
    LEFT,
    RIGHT,
    TOP,
    Colour,
    Style,
    paint_scenery,
    shade,
)

SUPERSAMPLING = 3


def draw_clip(
    moments: Sequence[Moment],
    timing: Timing,
    course: Course,
    style: Style,
    random: np.random.Generator,
    venue: np.random.Generator,
) -> Iterator[np.ndarray]:
    """RGB uint8 frames (size, size, 3) of a dive, seen by a camera that follows the diver."""
    scenery, scale = paint_scenery(style, course, venue)
    drops = _drops(style, random)
    touch = timing.takeoff + timing.flight
    entry_x = moments[touch - 1].centre[0]
    glints = [
        (random.uniform(LEFT, RIGHT), random.uniform(-2.0, 0.5), random.uniform(0, 6)) for _ in range(40)
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
    offset = random.uniform(-0.12, 0.12)
    for number in range(len(moments)):
        ahead = moments[min(number + 1, len(moments) - 1)].centre
        x += 0.3 * (ahead[0] + 0.2 + offset - x)
        y += 0.4 * (max(ahead[1] - 0.1, 0.25) - y)
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
        seen = style.size * SUPERSAMPLING / self.unit * scale
        x = min(max(0.0, (self.left - LEFT) * scale), scenery.width - seen)
        y = min(max(0.0, (TOP - self.top) * scale), scenery.height - seen)
        self.left, self.top = LEFT + x / scale, TOP - y / scale
        self.image = scenery.resize(
            (self.side, self.side), Image.Resampling.BILINEAR, (x, y, x + seen, y + seen)
        )
        line = min(max(0, int(self.at(0, 0)[1])), self.side)
        self.under = (0, line, self.side, self.side)
        self.water = self.image.crop(self.under)
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
        self.draw.polygon(upper + lower, fill=shade(base, 0.72))
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
        if self.water.height:
            self.image.paste(Image.blend(self.image.crop(self.under), self.water, 0.72), self.under)

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
        for grow, light in ((0.010, 0.55), (0.0, 0.93)):
            for top, waist, hip in sides:
                self._capsule(top, waist, 0.074 + grow, 0.062 + grow, shade(upper, light))
                self._capsule(waist, hip, 0.064 + grow, 0.070 + grow, shade(style.suit, light))
        (a, b, _), (c, d, _) = sides
        self.draw.polygon([self.at(x, y) for x, y, _ in (a, b, d, c)], fill=shade(upper, 0.93))
        self._capsule(c, d, 0.04, 0.03, shade(upper, 1.1), _LIGHT)
        self._head(head, joints["face"], neck)

    def _head(self, head: Point, face: Point, neck: Point) -> None:
        radius = 0.072 * self.unit
        x, y = self.at(head[0], head[1])
        self.draw.ellipse(_square(x, y, radius * 1.14), fill=shade(self.style.skin, 0.5))
        self.draw.ellipse(_square(x, y, radius), fill=self.style.skin)
        look = (face[0] - head[0], head[1] - face[1])
        crown = (head[0] - neck[0], neck[1] - head[1])
        nose = (x + look[0] / 0.07 * radius * 0.95, y + look[1] / 0.07 * radius * 0.95)
        self.draw.ellipse(_square(*nose, radius * 0.26), fill=shade(self.style.skin, 0.9))
        towards = math.degrees(math.atan2(crown[1] * 0.9 - look[1], crown[0] * 0.9 - look[0]))
        self.draw.pieslice(_square(x, y, radius * 1.08), towards - 98, towards + 98, fill=self.style.cap)
        shine = (x - radius * 0.3, y - radius * 0.4)
        self.draw.ellipse(_square(*shine, radius * 0.3), fill=(255, 255, 255, 70))

    def _limb(
        self, joints: dict[str, Point], depth: float, a: str, b: str, ra: float, rb: float, colour: Colour
    ) -> None:
        light = 0.93 if depth >= 0.02 else 0.74
        self._capsule(joints[a], joints[b], ra + 0.010, rb + 0.010, shade(colour, light * 0.58))
        self._capsule(joints[a], joints[b], ra, rb, shade(colour, light))
        self._capsule(joints[a], joints[b], ra * 0.5, rb * 0.5, shade(colour, light * 1.17), _LIGHT)
        if b.endswith("knee") and not self.style.one_piece:
            hem = _between(joints[a], joints[b], 0.5)
            self._capsule(joints[a], hem, ra, ra * 0.9, shade(self.style.suit, light))
            self._capsule(joints[a], hem, ra * 0.5, ra * 0.4, shade(self.style.suit, light * 1.17), _LIGHT)

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
        length = math.hypot(bx - ax, by - ay) or 1.0
        cos, sin = (bx - ax) / length, (by - ay) / length
        points = [(ax + ra * (cos * x - sin * y), ay + ra * (sin * x + cos * y)) for x, y in _BACK]
        points += [(bx + rb * (cos * x - sin * y), by + rb * (sin * x + cos * y)) for x, y in _FRONT]
        self.draw.polygon(points, fill=colour)


_LIMB_JOINTS = ("shoulder", "elbow", "hand", "hip", "knee", "ankle", "toe")
_LIGHT = (-0.35, 0.4)
# Half circles behind and ahead of a limb that points along x.
_BACK = [(-math.sin(math.pi * t / 6), math.cos(math.pi * t / 6)) for t in range(7)]
_FRONT = [(math.sin(math.pi * t / 6), -math.cos(math.pi * t / 6)) for t in range(7)]


def _drops(style: Style, random: np.random.Generator) -> np.ndarray:
    """Drops (N, 6): frame of birth, offset, speed across, speed up (units a frame), radius, whiteness."""
    count = int(70 * style.splash)
    born = random.integers(0, 5, count)
    offset = random.normal(0, 0.06, count)
    across = random.normal(0, 0.022, count) + offset * 0.08
    up = random.gamma(4.0, 0.024, count) * style.splash
    radius = random.uniform(0.008, 0.026, count)
    return np.stack([born, offset, across, up, radius, random.uniform(215, 250, count)], axis=1)


def _between(a: Point, b: Point, share: float) -> Point:
    x, y, z = (p + (q - p) * share for p, q in zip(a, b, strict=True))
    return x, y, z


def _square(x: float, y: float, radius: float) -> tuple[float, float, float, float]:
    return x - radius, y - radius, x + radius, y + radius
