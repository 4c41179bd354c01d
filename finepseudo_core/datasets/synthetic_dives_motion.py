"""How a synthetic diver moves: takeoff, flight and entry of a dive as joints in space.

One unit is the diver's height. x points away from the board, y up from the water, z towards the camera; the
board ends at x = 0. In flight the centre of mass follows a parabola and angular momentum is kept, so a tuck
turns faster than a straight body.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

DIRECTIONS = {"forward": (1, 1), "back": (-1, 1), "inward": (-1, -1), "reverse": (1, -1)}
_FLIGHT_STEPS = 6  # integration steps a frame

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Dive:
    """What is performed; this is the class of a clip.

    Args:
        direction: forward (faces the water, turns forward), back, inward or reverse.
        somersaults: turns about the hips; a half turn more ends head first, a whole number feet first.
        position: tuck, pike or straight.
        twists: turns about the long axis.
    """

    direction: str
    somersaults: float
    position: str
    twists: int = 0

    @property
    def name(self) -> str:
        """Such as "forward 1½ somersaults pike"."""
        whole, half = int(self.somersaults), "½" if self.somersaults % 1 else ""
        turns = f"{whole}{half} somersault{'' if self.somersaults == 1 else 's'}"
        twists = f" {self.twists} twist{'s' if self.twists > 1 else ''}" if self.twists else ""
        return f"{self.direction} {turns}{twists} {self.position}"

    @property
    def head_first(self) -> bool:
        """Whether hands and head enter the water first."""
        return self.somersaults % 1 != 0


class Timing(NamedTuple):
    """Frames of each phase."""

    takeoff: int
    flight: int
    entry: int


class Course(NamedTuple):
    """Where a dive goes: height of the board, rise above takeoff, travel, lean, and when the body opens."""

    board: float
    rise: float
    travel: float
    opening: float
    lean: float
    springy: bool


class Moment(NamedTuple):
    """One frame: joints by name, how far the board's tip is bent down, and the centre of mass."""

    joints: dict[str, Point]
    bend: float
    centre: tuple[float, float]


class Pose(NamedTuple):
    """Joint angles in radians; all zero is a body at attention on pointed toes."""

    spine: float = 0.0
    head: float = 0.0
    shoulder: float = 0.0
    elbow: float = 0.0
    spread: float = 0.06
    hip: float = 0.0
    knee: float = 0.0
    ankle: float = 0.15
    far_hip: float = 0.0
    far_knee: float = 0.0

    def towards(self, other: "Pose", share: float) -> "Pose":
        """The pose `share` of the way to another, slow at both ends."""
        share = min(1.0, max(0.0, share))
        share = share * share * (3 - 2 * share)
        return Pose(*(a + (b - a) * share for a, b in zip(self, other, strict=True)))


STAND = Pose(shoulder=0.15, elbow=0.15, ankle=1.55)
REACH = Pose(shoulder=2.95, elbow=0.1, spread=0.3, ankle=1.45)
HURDLE = Pose(shoulder=2.7, elbow=0.15, spread=0.35, hip=0.1, knee=0.15, ankle=0.5, far_hip=1.5, far_knee=1.6)
PRESS = Pose(0.3, 0.1, -0.7, 0.2, 0.2, 1.05, 1.25, 2.1, 1.05, 1.25)
SPRING = Pose(shoulder=2.9, elbow=0.1, spread=0.15, ankle=0.35)
LINE = Pose(shoulder=3.1, spread=0.04, ankle=0.05)
FEET = Pose(shoulder=0.05, elbow=0.05, ankle=0.05)
FLIGHT = {
    "tuck": Pose(0.7, 0.55, 0.1, 1.7, 0.1, 2.35, 2.45, 0.3, 2.35, 2.45),
    "pike": Pose(0.6, 0.3, 1.95, 0.35, 0.04, 2.25, 0.0, 0.05, 2.25, 0.0),
    "straight": Pose(shoulder=0.3, elbow=0.5, spread=0.25, ankle=0.05),
    "twist": Pose(shoulder=1.0, elbow=2.3, spread=0.5, ankle=0.05),
}
LENGTHS = {"spine": 0.15, "chest": 0.17, "neck": 0.1, "arm": 0.165, "forearm": 0.15, "hand": 0.06,
           "thigh": 0.235, "shank": 0.235, "foot": 0.1}  # fmt: skip
SHOULDERS, HIPS = 0.105, 0.055  # half widths
# Masses of the body's parts and the joints each lies between.
_MASSES = [(0.25, "pelvis", "waist"), (0.22, "waist", "neck"), (0.08, "head", "head")]
_MASSES += [
    (mass, f"{side} {a}", f"{side} {b}")
    for side in ("near", "far")
    for mass, a, b in ((0.03, "shoulder", "elbow"), (0.025, "elbow", "hand"), (0.11, "hip", "knee"))
]
_MASSES += [(0.06, f"{side} knee", f"{side} toe") for side in ("near", "far")]


def perform(dive: Dive, timing: Timing, course: Course) -> list[Moment]:
    """The dive frame by frame: takeoff, then flight, then entry."""
    takeoff = [_takeoff(dive, course, (frame + 1) / timing.takeoff) for frame in range(timing.takeoff)]
    return takeoff + _flight_and_entry(dive, timing, course, takeoff[-1].centre)


def _takeoff(dive: Dive, course: Course, time: float) -> Moment:
    """A hurdle step (facing the water) or an arm swing (back to it), then press and spring."""
    facing, spin = DIRECTIONS[dive.direction]
    start = HURDLE if facing > 0 else STAND.towards(REACH, time / 0.3)
    landed, pressed = 0.4, 0.68
    if time < pressed:
        pose = start.towards(PRESS, (time - landed) / (pressed - landed))
    else:
        pose = PRESS.towards(SPRING, (time - pressed) / (1 - pressed))
    push = min(1.0, max(0.0, (time - pressed) / (1 - pressed)))
    crouch = _smooth((time - landed) / (pressed - landed)) - _smooth(push)
    lean = spin * course.lean * push**2 + facing * 0.35 * crouch
    x, height = -0.06 * facing, course.board
    if facing > 0 and time < landed:
        step = time / landed
        x -= 0.75 * (1 - step)
        height += 0.5 * step * (1 - step)
    bend = 0.0
    if course.springy and time >= landed:
        swing = (time - landed) / (1 - landed)
        bend = 0.17 * math.sin(math.pi * min(1.0, swing * 1.05)) - 0.03 * push
    joints = _body(pose, 0.0 if facing > 0 else math.pi, lean)
    toe = joints["near toe"]
    joints = _shifted(joints, x - toe[0] + 0.06 * facing, height - bend - toe[1])
    return Moment(joints, bend, _centre(joints))


def _flight_and_entry(dive: Dive, timing: Timing, course: Course, start: tuple[float, float]) -> list[Moment]:
    facing, spin = DIRECTIONS[dive.direction]
    yaw = 0.0 if facing > 0 else math.pi
    final = LINE if dive.head_first else FEET
    touch = _body(final, yaw, spin * math.pi if dive.head_first else 0.0)
    reach = _centre(touch)[1] - min(y for _, y, _ in touch.values())
    fall = start[1] + course.rise - reach
    gravity = 2 * (math.sqrt(course.rise) + math.sqrt(fall)) ** 2  # so that the flight lasts 1
    speed = math.sqrt(2 * gravity * course.rise)

    steps = timing.flight * _FLIGHT_STEPS
    poses = [_flight_pose(dive, course.opening, step / steps) for step in range(steps + 1)]
    rates = np.array([1 / _inertia(_body(pose, 0.0, 0.0)) for pose in poses])
    turned = np.concatenate([[0.0], np.cumsum((rates[1:] + rates[:-1]) / 2)])
    total = 2 * math.pi * dive.somersaults - course.lean
    angles = spin * (course.lean + total * turned / turned[-1])

    moments = []
    for frame in range(1, timing.flight + timing.entry + 1):
        step = min(frame * _FLIGHT_STEPS, steps)
        time = frame / timing.flight
        twist = 2 * math.pi * dive.twists * _smooth((min(time, 1.0) - 0.2) / (course.opening - 0.15))
        y = start[1] + speed * min(time, 1.0) - gravity * min(time, 1.0) ** 2 / 2
        if time > 1:  # the water brakes
            y -= (gravity - speed) * 0.45 * (1 - math.exp(-(time - 1) / 0.45))
        joints = _body(poses[step], yaw + twist, float(angles[step]))
        centre = _centre(joints)
        x = start[0] + course.travel * min(time, 1.0 + 0.3 * (time - 1))
        bend = 0.1 * math.exp(-6 * time) * math.cos(22 * time) if course.springy else 0.0
        moments.append(Moment(_shifted(joints, x - centre[0], y - centre[1]), bend, (x, y)))
    return moments


def _flight_pose(dive: Dive, opening: float, time: float) -> Pose:
    folded = FLIGHT["twist" if dive.twists else dive.position]
    if time < opening:
        return SPRING.towards(folded, (time - 0.06) / 0.2)
    return folded.towards(LINE if dive.head_first else FEET, (time - opening) / 0.17)


def _body(pose: Pose, yaw: float, angle: float) -> dict[str, Point]:
    """Joints of a pose about the pelvis: first turned about the long axis, then clockwise on screen."""
    flat = _side_view(pose)
    cos_yaw, sin_yaw = math.cos(yaw), math.sin(yaw)
    cos, sin = math.cos(angle), math.sin(angle)
    joints = {}
    for name, (forward, side, up) in flat.items():
        x, z = forward * cos_yaw + side * sin_yaw, side * cos_yaw - forward * sin_yaw
        joints[name] = (x * cos + up * sin, up * cos - x * sin, z)
    return joints


def _side_view(pose: Pose) -> dict[str, Point]:
    """(forward, towards the near side, up) of each joint of an upright body, pelvis at the origin."""
    waist = _from((0.0, 0.0, 0.0), pose.spine * 0.3, LENGTHS["spine"])
    neck = _from(waist, pose.spine, LENGTHS["chest"])
    joints = {"pelvis": (0.0, 0.0, 0.0), "waist": waist, "neck": neck}
    joints["head"] = _from(neck, pose.spine + pose.head, LENGTHS["neck"])
    joints["face"] = _from(joints["head"], pose.spine + pose.head + math.pi / 2, 0.07)
    for side, sign, hip, knee in (
        ("near", 1, pose.hip, pose.knee),
        ("far", -1, pose.far_hip, pose.far_knee),
    ):
        shoulder = (neck[0], sign * SHOULDERS, neck[2] - 0.02)
        upper = pose.spine + math.pi - pose.shoulder
        elbow = _from(shoulder, upper, LENGTHS["arm"], sign * pose.spread)
        wrist = _from(elbow, upper - pose.elbow, LENGTHS["forearm"], sign * pose.spread * -0.6)
        hand = _from(wrist, upper - pose.elbow, LENGTHS["hand"], sign * pose.spread * -0.6)
        joints |= {f"{side} shoulder": shoulder, f"{side} elbow": elbow, f"{side} hand": hand}
        root = (0.0, sign * HIPS, 0.0)
        bent = _from(root, math.pi - hip, LENGTHS["thigh"])
        ankle = _from(bent, math.pi - hip + knee, LENGTHS["shank"])
        toe = _from(ankle, math.pi - hip + knee - pose.ankle, LENGTHS["foot"])
        joints |= {f"{side} hip": root, f"{side} knee": bent, f"{side} ankle": ankle, f"{side} toe": toe}
    return joints


def _from(start: Point, angle: float, length: float, spread: float = 0.0) -> Point:
    """The point `length` further, `angle` forward of up, and `spread` out of the sagittal plane."""
    flat = length * math.cos(spread)
    return (
        start[0] + flat * math.sin(angle),
        start[1] + length * math.sin(spread),
        start[2] + flat * math.cos(angle),
    )


def _centre(joints: dict[str, Point]) -> tuple[float, float]:
    total = sum(mass for mass, _, _ in _MASSES)
    return (
        sum(mass * (joints[a][0] + joints[b][0]) / 2 for mass, a, b in _MASSES) / total,
        sum(mass * (joints[a][1] + joints[b][1]) / 2 for mass, a, b in _MASSES) / total,
    )


def _inertia(joints: dict[str, Point]) -> float:
    """Moment of inertia about the somersault axis through the centre of mass."""
    x, y = _centre(joints)
    return 0.008 + sum(
        mass * (((joints[a][0] + joints[b][0]) / 2 - x) ** 2 + ((joints[a][1] + joints[b][1]) / 2 - y) ** 2)
        for mass, a, b in _MASSES
    )


def _shifted(joints: dict[str, Point], x: float, y: float) -> dict[str, Point]:
    return {name: (px + x, py + y, pz) for name, (px, py, pz) in joints.items()}


def _smooth(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)
