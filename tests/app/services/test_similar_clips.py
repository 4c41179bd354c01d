"""Clips alike by the embeddings of a round: the right ones, in order, and a reason where there are none."""

import numpy as np
import pytest

from app.services import similar_clips
from tests.db.rows import add_clips, add_round, publish
from tests.kept_embeddings import leave_embeddings


@pytest.fixture
def clip_ids(studio) -> list[int]:
    """Eight clips; the round proposes for the last six."""
    with studio.database.write() as session:
        ids = add_clips(session, 8, labelled=2)
        publish(session, add_round(session), dict.fromkeys(ids[2:], (1, 0.1, True)))
        return ids


def leave(studio, clip_ids, embedded: np.ndarray) -> None:
    """What a round leaves behind."""
    leave_embeddings(studio, 1, clip_ids, embedded)


def slowly(embedded: np.ndarray, place: int) -> list[tuple[int, float]]:
    """Every other place and its cosine, the most alike first, one pair at a time."""
    units = [np.array([frame / np.linalg.norm(frame) for frame in clip]) for clip in embedded]
    means = [unit.mean(0) / np.linalg.norm(unit.mean(0)) for unit in units]
    found = [(other, float(means[place] @ means[other])) for other in range(len(means)) if other != place]
    return sorted(found, key=lambda pair: -pair[1])


def test_the_most_alike_come_first_as_by_hand(studio, clip_ids, monkeypatch):
    monkeypatch.setattr(similar_clips, "AT_ONCE", 3)
    embedded = np.random.default_rng(1).normal(size=(8, 5, 7)).astype(np.float16).astype(np.float64)
    leave(studio, clip_ids, embedded)
    found = similar_clips.similar(studio, clip_ids[4], limit=5)
    expected = slowly(embedded, 4)[:5]
    assert [clip.id for clip, _ in found.clips] == [clip_ids[other] for other, _ in expected]
    assert [alike for _, alike in found.clips] == pytest.approx([alike for _, alike in expected], abs=1e-5)
    assert found.round_number == 1
    assert len(similar_clips.similar(studio, clip_ids[4], limit=50).clips) == 7


def test_timing_does_not_count_and_length_of_vectors_neither(studio, clip_ids):
    embedded = np.random.default_rng(2).normal(size=(8, 6, 16))
    embedded[6] = embedded[1][::-1] * 3
    leave(studio, clip_ids, embedded)
    nearest, alike = similar_clips.similar(studio, clip_ids[1]).clips[0]
    assert (nearest.id, round(alike, 3)) == (clip_ids[6], 1.0)


def test_embeddings_of_clips_that_are_gone_are_passed_over(studio, clip_ids):
    leave(studio, [*clip_ids[:4], 9999], np.ones((5, 3, 4)))
    found = similar_clips.similar(studio, clip_ids[0])
    assert {clip.id for clip, _ in found.clips} == set(clip_ids[1:4])


def test_new_embeddings_count_at_once(studio, clip_ids):
    chance = np.random.default_rng(3)
    embedded = chance.normal(size=(8, 6, 16))
    leave(studio, clip_ids, embedded)
    similar_clips.similar(studio, clip_ids[0])
    embedded[5] = embedded[0]
    leave(studio, clip_ids[::-1], embedded[::-1])
    assert similar_clips.similar(studio, clip_ids[0]).clips[0][0].id == clip_ids[5]


def test_where_there_are_none_it_says_what_to_do(studio, clip_ids):
    assert "The next round leaves new ones" in similar_clips.similar(studio, clip_ids[0]).unknown_because
    leave(studio, clip_ids[1:], np.ones((7, 3, 4)))
    assert "did not see this clip" in similar_clips.similar(studio, clip_ids[0]).unknown_because
    leave(studio, clip_ids[:1], np.ones((1, 3, 4)))
    alone = similar_clips.similar(studio, clip_ids[0])
    assert (alone.clips, alone.unknown_because) == ((), None)


def test_before_the_first_round_it_says_so(studio):
    with studio.database.write() as session:
        (clip_id,) = add_clips(session, 1)
    assert "Start one on the Rounds page" in similar_clips.similar(studio, clip_id).unknown_because
