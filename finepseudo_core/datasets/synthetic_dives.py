"""Synthetic dives: real mp4 files of a drawn diver, with known classes and known phase boundaries.

The classes differ in takeoff, flight or entry, many pairs in one of these only. Timing, looks and camera vary
from clip to clip. The same seed gives the same files, whatever the number of processes.
"""

import csv
import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np

from finepseudo_core.datasets.synthetic_dives_drawing import draw_clip
from finepseudo_core.datasets.synthetic_dives_motion import DIRECTIONS, Course, Dive, Timing, perform
from finepseudo_core.datasets.synthetic_dives_scenery import random_style
from finepseudo_core.video.canonical import write_frames
from finepseudo_core.video.guard import end_with

FPS = 25
TEST_EVERY = 5  # one clip in five of each class is for testing

_FIRST = (
    Dive("forward", 1.5, "tuck"),
    Dive("forward", 1.5, "pike"),
    Dive("back", 1.5, "tuck"),
    Dive("back", 1.5, "pike"),
    Dive("inward", 1.5, "tuck"),
    Dive("inward", 1.5, "pike"),
    Dive("forward", 1.5, "straight"),
    Dive("forward", 1.5, "straight", twists=1),
    Dive("forward", 2.5, "tuck"),
    Dive("forward", 1, "tuck"),
    Dive("back", 1, "tuck"),
    Dive("reverse", 1.5, "tuck"),
)
_ALL = [
    Dive(direction, somersaults, position, twists)
    for direction, somersaults, (position, twists) in itertools.product(
        DIRECTIONS, (1.5, 1, 2.5), (("tuck", 0), ("pike", 0), ("straight", 0), ("straight", 1))
    )
]
DIVES = _FIRST + tuple(dive for dive in _ALL if dive not in _FIRST)
"""All 48 classes; the first twelve are the default."""


def generate(
    folder: str | Path,
    *,
    clips: int = 240,
    classes: int = 12,
    seed: int = 0,
    size: int = 112,
    processes: int = 2,
    on_clip: Callable[[int, int], None] | None = None,
) -> None:
    """Write `clips/*.mp4`, `labels.csv` and `phases.csv` into a folder.

    The columns are `path,label,split` and `path,phase,start_frame,end_frame`, the end exclusive. `labels.csv`
    comes last: a folder that has it is complete.

    Args:
        folder: where to write; made if absent.
        clips: number of clips, spread evenly over the classes.
        classes: number of classes, the first of `DIVES`.
        seed: of every random choice.
        size: height and width of a frame in pixels, even.
        processes: processes that draw; 1 draws in this one.
        on_clip: called with (clips done, clips) after each clip.

    Raises:
        ValueError: a number outside its range.
    """
    if not (2 <= classes <= len(DIVES) and clips >= classes and size >= 32 and size % 2 == 0):
        raise ValueError(
            f"{clips} clips of {classes} classes at {size} pixels can't be drawn: use 2 to {len(DIVES)} "
            "classes, at least one clip of each, and an even size of 32 or more"
        )
    folder = Path(folder)
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng([seed, 0]).permutation(clips)
    tasks = [
        (folder / "clips" / f"dive_{number:04d}.mp4", int(place) % classes, seed, number, size)
        for number, place in enumerate(order)
    ]
    timings = []
    for timing in _run(tasks, processes):
        timings.append(timing)
        if on_clip is not None:
            on_clip(len(timings), clips)
    names = [f"clips/{task[0].name}" for task in tasks]
    _write_csv(
        folder / "phases.csv",
        ("path", "phase", "start_frame", "end_frame"),
        [(name, *phase) for name, timing in zip(names, timings, strict=True) for phase in _phases(timing)],
    )
    splits = ["test" if place // classes % TEST_EVERY == TEST_EVERY - 1 else "train" for place in order]
    labels = [DIVES[task[1]].name for task in tasks]
    _write_csv(
        folder / "labels.csv", ("path", "label", "split"), list(zip(names, labels, splits, strict=True))
    )


def draw_dive(
    dive: Dive, random: np.random.Generator, venue: np.random.Generator, size: int = 112
) -> tuple[Timing, Iterator[np.ndarray]]:
    """Phase lengths and RGB uint8 frames (size, size, 3) of one dive with random timing, looks and camera."""
    pace = random.uniform(0.85, 1.25)
    timing = Timing(
        takeoff=round(random.uniform(11, 17) * pace),
        flight=round(random.uniform(21, 27) * pace),
        entry=round(random.uniform(8, 11) * pace),
    )
    course = Course(
        board=random.uniform(1.9, 2.5),
        rise=random.uniform(0.45, 0.75),
        travel=random.uniform(0.8, 1.2),
        opening=random.uniform(0.68, 0.76),
        lean=random.uniform(0.1, 0.3),
        springy=bool(random.random() < 0.6),
    )
    style = random_style(random, venue, size)
    return timing, draw_clip(perform(dive, timing, course), timing, course, style, random, venue)


def _run(tasks: list[tuple[Path, int, int, int, int]], processes: int) -> Iterator[Timing]:
    if processes == 1:
        yield from map(_draw_file, tasks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=end_with, initargs=(os.getpid(),)) as pool:
        yield from pool.map(_draw_file, tasks, chunksize=2)


def _draw_file(task: tuple[Path, int, int, int, int]) -> Timing:
    path, dive, seed, number, size = task
    timing, frames = draw_dive(
        DIVES[dive], np.random.default_rng([seed, 1, number]), np.random.default_rng([seed, 2]), size
    )
    write_frames(frames, path, Fraction(FPS))
    return timing


def _phases(timing: Timing) -> Iterator[tuple[str, int, int]]:
    start = 0
    for phase, length in zip(Timing._fields, timing, strict=True):
        yield phase, start, start + length
        start += length


def _write_csv(path: Path, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
