"""The difference of two rounds: every clip that changed sides, from what to what, and who is right."""

from collections.abc import Iterator

import pytest

from app.services import datasets, round_differences
from app.services.round_differences import KINDS, Change, changes, difference
from app.services.studio import StudioError
from tests.app.services.test_rounds import decide, next_round
from tests.filled_project import Filled, filled_project


@pytest.fixture
def project(tmp_path) -> Iterator[Filled]:
    """12 labelled clips of 6 classes, and a finished round on 40 others, whose truths are known."""
    filled = filled_project(tmp_path / "project")
    yield filled
    filled.studio.close()


def listed(project: Filled, now: int, was: int) -> dict[str, set[int]]:
    """Kind of change -> clips."""
    return {
        kind: {change.clip_id for change in changes(project.studio, now, was, kind, limit=100)}
        for kind in KINDS
    }


def test_the_difference_names_every_clip_that_changed_sides(project):
    before = {clip.id: clip.proposed for clip in datasets.clips(project.studio, limit=100).clips}
    next_round(project, seed=1)
    after = {clip.id: clip.proposed for clip in datasets.clips(project.studio, limit=100).clips}
    both = [clip_id for clip_id in before if before[clip_id] and after[clip_id]]
    expected = {
        "flipped": {
            clip_id
            for clip_id in both
            if before[clip_id].class_name != after[clip_id].class_name
            and (before[clip_id].accepted or after[clip_id].accepted)
        },
        "gained": {clip_id for clip_id in both if after[clip_id].accepted and not before[clip_id].accepted},
        "dropped": {clip_id for clip_id in both if before[clip_id].accepted and not after[clip_id].accepted},
    }
    assert listed(project, 2, 1) == expected
    found = difference(project.studio, 2, 1)
    assert {kind: getattr(found, kind) for kind in KINDS} == {
        kind: len(clips) for kind, clips in expected.items()
    }
    back = listed(project, 1, 2)
    assert (back["gained"], back["dropped"]) == (expected["dropped"], expected["gained"])
    same = difference(project.studio, 2, 2)
    assert (same.flipped, same.gained, same.dropped, same.flips) == (0, 0, 0, ())


def test_the_table_counts_flips_and_who_was_right(project):
    next_round(project, seed=1)
    found = difference(project.studio, 2, 1)
    assert sum(flip.clips for flip in found.flips) == found.flipped
    counts = [flip.clips for flip in found.flips]
    assert counts == sorted(counts, reverse=True)
    for flip in found.flips:
        clips = changes(project.studio, 2, 1, "flipped", limit=100, flip=flip.class_ids)
        assert {(clip.was, clip.now) for clip in clips} == {(flip.was, flip.now)}
        assert len(clips) == flip.clips == flip.known
        assert sum(clip.right[0] for clip in clips) == flip.right_before
        assert sum(clip.right[1] for clip in clips) == flip.right_now


def test_a_list_is_cut_and_the_surest_come_first(project):
    next_round(project, seed=1)
    whole = changes(project.studio, 2, 1, "flipped", limit=100)
    confidences = [change.now_confidence for change in whole]
    assert confidences == sorted(confidences, reverse=True)
    assert changes(project.studio, 2, 1, "flipped", limit=2) == whole[:2]


def test_clips_that_people_labelled_are_no_part_of_the_difference(project):
    labelled = {item.clip_id for item in decide(project, "accept", 10)}
    next_round(project, seed=1)
    changed = set().union(*listed(project, 2, 1).values())
    assert changed
    assert not changed & labelled


def test_a_round_that_is_not_there_is_named(project):
    with pytest.raises(StudioError, match="no round with the id 9"):
        round_differences.difference(project.studio, 9, 1)


@pytest.mark.parametrize(("known", "right"), [("a", (True, False)), ("b", (False, True)), (None, None)])
def test_right_before_and_right_now(known, right):
    assert Change(1, "clip", "a", "b", 0.5, 0.5, known).right == right
