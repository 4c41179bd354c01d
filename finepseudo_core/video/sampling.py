"""Which frames of a clip are looked at. Every function returns int64 frame numbers, ascending."""

import numpy as np


def uniform_indices(
    frames: int, count: int, generator: np.random.Generator | None = None, *, place: float = 0.5
) -> np.ndarray:
    """One frame from each of `count` equal segments of the clip: at `place` of each, or at random.

    Args:
        frames: frames in the clip, at least 1; a clip shorter than `count` repeats frames.
        count: frames wanted, T.
        generator: draws the place within each segment anew; None takes `place`.
        place: in [0, 1], where 0.5 is the middle of a segment.

    Returns:
        (count,) frame numbers in [0, frames).
    """
    _check(frames, count)
    places = np.full(count, place) if generator is None else generator.random(count)
    return np.minimum((np.arange(count) + places) * frames / count, frames - 1).astype(np.int64)


def window_indices(frames: int, count: int, stride: int, place: float) -> np.ndarray:
    """A dense window of `count` frames, `stride` apart, at `place` in [0, 1] of the room it has.

    With stride 0, or in a clip too short for the stride, the frames spread over the whole clip.
    """
    _check(frames, count)
    span = (count - 1) * stride + 1
    if stride == 0 or frames < span:
        return uniform_indices(frames, count, place=place)
    return round(place * (frames - span)) + stride * np.arange(count, dtype=np.int64)


def global_and_local_indices(
    frames: int, count: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The two views of GITDL (FinePseudo, Supp. E): a sparse global clip and a dense local one inside it.

    Returns:
        Two (count,) arrays; the local one is a run of consecutive frames within the global one's span.
    """
    whole = uniform_indices(frames, count, generator)
    first, last = int(whole[0]), int(whole[-1])
    if last - first + 1 <= count:
        return whole, uniform_indices(frames, count)
    start = int(generator.integers(first, last - count + 2))
    return whole, start + np.arange(count, dtype=np.int64)


def two_crops_indices(
    frames: int, count: int, generator: np.random.Generator, *, crop: float = 1.5, overlap: float = 0.2
) -> tuple[np.ndarray, np.ndarray]:
    """The two views of CARL (Chen et al., CVPR 2022): random frames of two random stretches of the clip.

    Args:
        crop: longest stretch in multiples of `count`, >= 1; the shortest is `count` frames.
        overlap: least common part of the stretches in multiples of `count`, in [0, 1].

    Returns:
        Two (count,) arrays. A clip of fewer than `count` frames gives all of them in both, some repeated.
    """
    if not crop >= 1 or not 0 <= overlap <= 1:
        raise ValueError(f"crop is {crop!r} and overlap {overlap!r}; they must be >= 1 and in [0, 1].")
    _check(frames, count)
    longest, shortest = min(frames, round(crop * count)), min(frames, count)
    lengths = generator.integers(shortest, longest + 1, size=2)
    common = round(overlap * shortest)
    start = int(generator.integers(frames - lengths[0] + 1))
    earliest = max(0, start + common - int(lengths[1]))
    latest = min(frames - int(lengths[1]), start + int(lengths[0]) - common)
    starts = start, int(generator.integers(earliest, latest + 1))
    first, second = (
        start + _random_frames(int(length), count, generator)
        for start, length in zip(starts, lengths, strict=True)
    )
    return first, second


def moment_indices(frames: int, count: int, stride: int, moments: int, places: np.ndarray) -> np.ndarray:
    """Windows at different times: the clip cut into `moments` equal parts, and a window inside each.

    Args:
        stride: as for `window_indices`; a part too short for it is covered whole.
        places: (moments,) in [0, 1], place of the window in the room that its part leaves.

    Returns:
        (moments, count) frame numbers. The parts of a clip of at least `moments` frames share none.
    """
    _check(frames, count)
    edges = np.linspace(0, frames, moments + 1)
    rows = []
    for place, first, last in zip(places, edges, edges[1:], strict=False):
        start = min(int(first), frames - 1)
        rows.append(start + window_indices(max(1, int(last) - start), count, stride, float(place)))
    return np.stack(rows)


def shared_positions(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions in two ascending index arrays at which the same frame stands, each frame once."""
    _, in_first, in_second = np.intersect1d(first, second, return_indices=True)
    return in_first, in_second


def _random_frames(frames: int, count: int, generator: np.random.Generator) -> np.ndarray:
    """`count` different frames of a stretch, ascending; all of them, evenly repeated, where it has fewer."""
    if frames < count:
        return uniform_indices(frames, count)
    return np.sort(generator.permutation(frames)[:count])


def _check(frames: int, count: int) -> None:
    if frames < 1 or count < 1:
        raise ValueError(f"cannot take {count} frames from a clip of {frames}; both must be at least 1.")
