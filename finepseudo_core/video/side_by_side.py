"""Two clips side by side in one video, frame by frame as a clock pairs them."""

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from finepseudo_core.video.canonical import write_frames
from finepseudo_core.video.decode import probe, read_frames

AT_ONCE = 32  # pairs decoded together
GAP = 8  # pixels between the two


def write_side_by_side(
    first: str | Path,
    second: str | Path,
    pairs: Sequence[tuple[int, int]],
    target: str | Path,
    *,
    fps: float,
    height: int = 360,
) -> None:
    """Write an mp4 that shows frame `pairs[k][0]` of one clip beside frame `pairs[k][1]` of the other.

    Args:
        first, second: canonical clips.
        pairs: frame numbers from 0; one may come again.
        target: file to write; it appears whole or not at all.
        fps: pairs shown a second, > 0.
        height: largest height of the video in pixels; smaller clips keep the larger one's size.

    Raises:
        VideoError: a clip can't be decoded.
        ValueError: there is no pair, a frame lies outside its clip, or fps is not above 0.
    """
    if not pairs or not fps > 0:
        raise ValueError(f"{len(pairs)} pairs at {fps} frames a second make no video.")
    infos = [probe(path) for path in (first, second)]
    high = _even(min(height, max(info.height for info in infos)))
    sizes = [(high, _even(info.width * high / info.height)) for info in infos]
    part = Path(target).with_name(Path(target).name + ".part")
    try:
        frames = _frames((first, second), pairs, sizes)
        write_frames(frames, part, Fraction(fps).limit_denominator(1001))
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _frames(
    paths: Sequence[str | Path], pairs: Sequence[tuple[int, int]], sizes: Sequence[tuple[int, int]]
) -> Iterator[np.ndarray]:
    gap = np.zeros((sizes[0][0], GAP, 3), np.uint8)
    for start in range(0, len(pairs), AT_ONCE):
        chunk = list(zip(*pairs[start : start + AT_ONCE], strict=True))
        left, right = (
            read_frames(path, frames, size) for path, frames, size in zip(paths, chunk, sizes, strict=True)
        )
        for one, other in zip(left, right, strict=True):
            yield np.ascontiguousarray(np.concatenate([one, gap, other], axis=1))


def _even(value: float) -> int:
    return max(2, 2 * round(value / 2))
