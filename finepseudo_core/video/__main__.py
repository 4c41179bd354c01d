"""`python -m finepseudo_core.video SOURCE TARGET` writes canonical copies of a folder of videos.

Every file keeps its name and place, so that an annotation fits the copies as it fits the originals: clip.avi
stays clip.avi although it is mp4 now, which no reader here minds. Other small files, such as labels.csv, are
copied. What TARGET holds already is kept, so the command goes on where it was stopped. Videos that can't be
copied are listed at the end with their reasons.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from finepseudo_core.datasets.formats.listing import VIDEO_EXTENSIONS
from finepseudo_core.errors import DatasetError, FinePseudoError, VideoError
from finepseudo_core.video.guard import DecodeGuard, time_limit
from finepseudo_core.video.guard_pool import GuardPool
from finepseudo_core.video.progress_line import ProgressLine

LARGEST_COPY = 64 << 20  # bytes of a file that is no video; annotations are smaller


@dataclass(frozen=True)
class Copies:
    """What a folder of canonical copies came to.

    Args:
        written: number of videos written now.
        kept: number of videos that were there.
        problems: name in the source folder -> why there is no copy.
    """

    written: int
    kept: int
    problems: dict[str, str]


def write_copies(
    source: str | Path, target: str | Path, on_video: Callable[[int, int], None] = lambda done, videos: None
) -> Copies:
    """Write a canonical copy of every video of a folder, in guarded child processes on every core.

    Args:
        source: folder of videos, at any depth; hidden files are left alone.
        target: folder of the copies, made where absent.
        on_video: called with the number of videos done and of all to do.

    Raises:
        DatasetError: source is no folder, or holds target.
        OSError: the disk failed, for example because it is full.
    """
    source, target = Path(source), Path(target)
    if not source.is_dir():
        raise DatasetError(f"{source} is not a folder. Give the folder that holds the videos.")
    if target.resolve().is_relative_to(source.resolve()):
        raise DatasetError(f"{target} lies in {source} itself. Give a folder beside it for the copies.")
    names = _names(source)
    videos = [name for name in names if name.suffix.lower() in VIDEO_EXTENSIONS]
    problems = _copy_others(source, target, [name for name in names if name not in set(videos)])
    missing = [name for name in videos if not (target / name).exists()]
    with GuardPool(len(os.sched_getaffinity(0))) as pool:
        writing = {pool.submit(partial(_write, source / name, target / name)): name for name in missing}
        for done, future in enumerate(as_completed(writing), 1):
            try:
                future.result()
            except VideoError as error:
                problems[writing[future].as_posix()] = str(error)
            on_video(done, len(missing))
    written = sum((target / name).exists() for name in missing)
    return Copies(written, len(videos) - len(missing), dict(sorted(problems.items())))


def _names(folder: Path) -> list[Path]:
    found = (path for path in sorted(folder.rglob("*")) if not path.is_dir())
    names = (path.relative_to(folder) for path in found)
    return [name for name in names if not any(part.startswith(".") for part in name.parts)]


def _copy_others(source: Path, target: Path, names: list[Path]) -> dict[str, str]:
    """Copy what is no video; says which files are too large for that."""
    problems = {}
    for name in names:
        origin, copy = source / name, target / name
        if copy.exists() or not origin.is_file():
            continue
        if origin.stat().st_size > LARGEST_COPY:
            problems[name.as_posix()] = f"it is no video and large ({origin.stat().st_size} bytes). Copy it."
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        part = copy.with_name(copy.name + ".part")
        shutil.copyfile(origin, part)
        os.replace(part, copy)
    return problems


def _write(origin: Path, copy: Path, guard: DecodeGuard) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    guard.call("make_canonical", origin, copy, seconds=time_limit(origin))


def main() -> int:
    """The command line; 1 where TARGET has got no video, 2 where the folders can't be used."""
    parser = argparse.ArgumentParser(
        "python -m finepseudo_core.video",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, help="folder of videos")
    parser.add_argument("target", type=Path, help="folder that the copies are written to")
    options = parser.parse_args()
    try:
        copies = write_copies(options.source, options.target, ProgressLine("videos"))
    except (FinePseudoError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for name, reason in copies.problems.items():
        sys.stderr.write(f"{name}: {reason}\n")
    counts = f"{copies.written} written, {copies.kept} there already, {len(copies.problems)} left out"
    sys.stderr.write(f"{options.target}: {counts}\n")
    return 0 if copies.written + copies.kept else 1


if __name__ == "__main__":
    sys.exit(main())
