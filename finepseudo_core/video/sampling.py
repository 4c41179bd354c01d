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


def shared_positions(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions in two ascending index arrays at which the same frame stands, each frame once."""
    _, in_first, in_second = np.intersect1d(first, second, return_indices=True)
    return in_first, in_second


def _check(frames: int, count: int) -> None:
    if frames < 1 or count < 1:
        raise ValueError(f"cannot take {count} frames from a clip of {frames}; both must be at least 1.")
