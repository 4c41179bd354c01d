"""Folders of pictures, as PennAction and FineDiving ship their clips, turned into videos.

`python -m finepseudo_core.datasets.formats.frame_folders FRAMES VIDEOS --fps 25` writes a video for every
folder under FRAMES that holds pictures: FRAMES/a/0001/*.jpg becomes VIDEOS/a/0001.mp4. Videos that exist are
kept.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from finepseudo_core.datasets.formats.listing import ListProblem
from finepseudo_core.datasets.formats.videos import PICTURE_EXTENSIONS, VideoFolder
from finepseudo_core.errors import VideoError
from finepseudo_core.video.guard import DecodeGuard

FPS = 25
_SECONDS = 120.0
_PACK = "finepseudo_core.datasets.formats.frame_folders.pack"  # its name in the child, whatever it is here


def pack_all(frames: str | Path, videos: str | Path, fps: int = FPS) -> list[ListProblem]:
    """Write a video for every folder of pictures; what couldn't be written is told.

    Args:
        frames: folder that holds the folders of pictures, at any depth.
        videos: folder of the videos, made where absent.
        fps: frames per second of the videos. Neither dataset says at which rate its pictures were taken.

    Raises:
        DatasetError: `frames` is no folder.
    """
    problems = []
    with DecodeGuard() as guard:
        for name in VideoFolder(frames).picture_folders():
            target = Path(videos) / f"{name}.mp4"
            if target.exists():
                continue
            try:
                guard.call(_PACK, Path(frames) / name, target, fps, seconds=_SECONDS)
            except VideoError as error:
                problems.append(ListProblem(0, str(name), str(error)))
    return problems


def pack(folder: Path, target: Path, fps: int = FPS) -> int:
    """Write the pictures of one folder, in the order of their numbers, as a canonical video -> their count.

    Raises:
        VideoError: there are none, one can't be read, or they have different sizes.
    """
    from finepseudo_core.video.canonical import verify, write_frames  # loads the decoders, in the child only

    pictures = sorted(
        (path for path in folder.iterdir() if path.suffix.lower() in PICTURE_EXTENSIONS and path.is_file()),
        key=lambda path: ([int(digits) for digits in re.findall(r"\d+", path.stem)], path.name),
    )
    if not pictures:
        raise VideoError(f"{folder} holds no pictures. Give a folder of .jpg or .png files.")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        write_frames(_pictures(folder, pictures), part, Fraction(fps))
        count = verify(part).frames
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return count


def _pictures(folder: Path, paths: list[Path]) -> Iterator[np.ndarray]:
    """RGB uint8 (H, W, 3) of even sides that the decoders can read, each of the first one's size."""
    from finepseudo_core.video.canonical import LIMITS, canonical_size

    size: tuple[int, int] | None = None
    told: tuple[int, int] | None = None
    for path in paths:
        try:
            with Image.open(path) as picture:
                if told not in (None, picture.size):
                    raise VideoError(
                        f"{path} is {picture.size}, the pictures before it {told}. Leave {folder} out."
                    )
                told = picture.size
                size = size or canonical_size(*picture.size, LIMITS)
                yield np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BICUBIC))
        except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise VideoError(f"{path} is no picture that can be read ({error}). Copy it again.") from error


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("frames", type=Path, help="folder that holds the folders of pictures")
    parser.add_argument("videos", type=Path, help="folder that the videos are written to")
    parser.add_argument("--fps", type=int, default=FPS, help="frames per second of the videos")
    options = parser.parse_args()
    problems = pack_all(options.frames, options.videos, options.fps)
    for problem in problems:
        sys.stderr.write(f"{problem.path}: {problem.reason}\n")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
