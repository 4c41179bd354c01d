"""The video of a pair: made by a process of its own, for clips of the project only."""

import time
from collections.abc import Iterator

import pytest

from app import pair_video
from app.services import datasets
from app.services.studio import StudioError
from finepseudo_core.video.decode import probe
from tests.dive_project import Dives, dive_project


@pytest.fixture(scope="module")
def dives(tmp_path_factory) -> Iterator[Dives]:
    """Four drawn dives."""
    made = dive_project(tmp_path_factory.mktemp("dives"), dives=4, kinds=2)
    yield made
    made.project.studio.close()


@pytest.fixture
def asked(dives) -> dict:
    """A sound request."""
    one, other = list(dives.phases)[:2]
    pairs = [[place, place // 2] for place in range(40)]
    return {"a": one, "b": other, "pairs": pairs, "fps": 25.0}


def test_a_video_of_two_clips_comes_in_seconds(dives, asked, tmp_path):
    started = time.perf_counter()
    content = pair_video.make(pair_video.read_request(dives.project.studio, asked))
    print(f"{len(content)} bytes in {time.perf_counter() - started:.1f} s")
    (tmp_path / "pair.mp4").write_bytes(content)
    assert (probe(tmp_path / "pair.mp4").frames, probe(tmp_path / "pair.mp4").fps) == (40, 25.0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"a": 999}, "clip 999 is not there"),
        ({"a": "../../secret"}, "is not there"),
        ({"a": None}, "is not there"),
        ({"pairs": []}, "1 to 1500 pairs"),
        ({"pairs": [[0, 1000]]}, "1 to 1500 pairs"),
        ({"pairs": [[0, -1]]}, "1 to 1500 pairs"),
        ({"pairs": [[0, 0, 0]]}, "1 to 1500 pairs"),
        ({"pairs": [[0, True]]}, "1 to 1500 pairs"),
        ({"pairs": "x"}, "1 to 1500 pairs"),
        ({"pairs": [[0, 0]] * 1501}, "1 to 1500 pairs"),
        ({"fps": 0}, "not between 1 and 240"),
        ({"fps": float("nan")}, "not between 1 and 240"),
        ({"fps": "25"}, "not between 1 and 240"),
    ],
)
def test_a_request_that_is_not_sound_is_refused_in_words(dives, asked, change, reason):
    with pytest.raises(StudioError, match=reason):
        pair_video.read_request(dives.project.studio, asked | change)
    with pytest.raises(StudioError, match="no table"):
        pair_video.read_request(dives.project.studio, [asked])


def test_a_file_that_was_damaged_since_is_named(dives, asked):
    studio = dives.project.studio
    video = pair_video.read_request(studio, asked | {"a": list(dives.phases)[2]})
    video.first.write_bytes(b"damaged")
    with pytest.raises(StudioError, match="can't be decoded"):
        pair_video.make(video)
    video.first.unlink()
    with pytest.raises(StudioError, match="is not there"):
        pair_video.read_request(studio, asked | {"a": list(dives.phases)[2]})
    assert datasets.clip(studio, list(dives.phases)[2]) is not None


def test_only_a_few_are_made_at_once(dives, asked):
    video = pair_video.read_request(dives.project.studio, asked)
    taken = [pair_video._free.acquire(blocking=False) for _ in range(pair_video.AT_ONCE)]
    assert all(taken)
    try:
        with pytest.raises(StudioError, match="try again"):
            pair_video.make(video)
    finally:
        for _ in taken:
            pair_video._free.release()
