"""Retrieval against sorting frame by frame, as CARL's code does."""

import numpy as np
import pytest

from finepseudo_core.evaluation import frame_neighbours
from finepseudo_core.evaluation.retrieval import retrieval_precision

GENERATOR = np.random.default_rng(0)


def brute_force(clips: list[np.ndarray], labels: list[np.ndarray], count: int) -> float:
    means = []
    for query, (frames, phases) in enumerate(zip(clips, labels, strict=True)):
        others = [number for number in range(len(clips)) if number != query]
        candidates = np.concatenate([clips[number] for number in others])
        answers = np.concatenate([labels[number] for number in others])
        shares = []
        for frame, phase in zip(frames, phases, strict=True):
            nearest = np.argsort(((candidates - frame) ** 2).sum(1), kind="stable")[:count]
            shares.append((answers[nearest] == phase).mean())
        means.append(np.mean(shares))
    return float(np.mean(means))


@pytest.mark.parametrize("most", [1, 60, 1 << 22])
def test_it_is_the_mean_over_frames_then_over_clips(most, monkeypatch):
    monkeypatch.setattr(frame_neighbours, "MOST_DISTANCES", most)
    clips = [GENERATOR.normal(size=(frames, 4)) for frames in (6, 11, 8, 3)]
    labels = [GENERATOR.integers(3, size=len(clip)) for clip in clips]
    found = retrieval_precision(clips, labels)
    assert found == pytest.approx({count: brute_force(clips, labels, count) for count in (5, 10, 15)})


def test_equally_near_frames_share_the_places():
    clips, labels = [np.zeros((1, 2)), np.zeros((4, 2))], [np.array([1]), np.array([1, 0, 0, 0])]
    # the frame of clip 0 meets one right frame of four; the frames of clip 1 meet the only one of clip 0
    assert retrieval_precision(clips, labels, at=[1]) == {1: (1 / 4 + 1 / 4) / 2}


def test_constant_embeddings_score_chance_whatever_the_order_of_clips():
    clips, phases = [np.ones((10, 2))] * 4, np.repeat([0, 1], [7, 3])
    assert retrieval_precision(clips, [phases] * 4, at=[5]) == {5: pytest.approx(0.7**2 + 0.3**2)}


def test_frames_without_a_phase_neither_ask_nor_answer():
    clips = [GENERATOR.normal(size=(8, 3)) for _ in range(3)]
    labels = [GENERATOR.integers(2, size=8) for _ in range(3)]
    longer = [np.concatenate([clip, np.zeros((2, 3))]) for clip in clips]
    padded = [np.concatenate([phases, [-1, -1]]) for phases in labels]
    nothing = np.full(8, -1)
    found = retrieval_precision([*longer, clips[0]], [*padded, nothing])
    assert found == pytest.approx(retrieval_precision(clips, labels))


@pytest.mark.parametrize(("clips", "at"), [(1, [1]), (2, [4]), (2, [0]), (0, [1])])
def test_more_frames_than_there_are_and_one_clip_are_refused(clips, at):
    with pytest.raises(ValueError, match="needs two clips"):
        retrieval_precision([np.eye(3)] * clips, [np.arange(3)] * clips, at=at)
