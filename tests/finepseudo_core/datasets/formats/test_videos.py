from pathlib import Path

import pytest

from finepseudo_core.datasets.formats import csv_folder
from finepseudo_core.datasets.formats.listing import ListedRow
from finepseudo_core.datasets.formats.videos import Entry, Place, VideoFolder, list_clips
from finepseudo_core.errors import DatasetError
from tests.finepseudo_core.datasets.formats.files import keys, reasons, touch
from tests.zoo import write_video


def entry(key: str, *places: Place, frames: tuple[int, int] | None = None, line: int = 1) -> Entry:
    return Entry("list", line, key, places or (Place(key),), "tuck", "train", frames)


def test_videos_are_found_by_name_at_any_depth(tmp_path: Path) -> None:
    touch(tmp_path, "a/b/one.MP4", "two.webm", ".hidden/three.mp4", "a/.four.mp4", "five.txt")
    found = list_clips(tmp_path, [entry(name) for name in ("one", "two", "three", ".four", "five")])
    assert keys(found) == ["one", "two"]
    assert found.clips[0].path == (tmp_path / "a/b/one.MP4").resolve()
    assert reasons(found)["three"] == (
        "there is no video named three.* in the folder; download it, or leave the clip out"
    )


def test_a_place_with_a_parent_asks_for_that_parent(tmp_path: Path) -> None:
    touch(tmp_path, "x/1.mp4", "y/1.mp4")
    videos = VideoFolder(tmp_path)
    assert str(videos.find("y/1")) == "y/1.mp4"
    assert str(videos.find("1")) == "x/1.mp4"
    assert videos.find("z/1") is None


def test_the_first_place_that_is_there_counts(tmp_path: Path) -> None:
    touch(tmp_path, "whole.mp4")
    found = list_clips(tmp_path, [entry("cut", Place("cut"), Place("whole", 1.5, 3.0))])
    assert [(clip.path.name, clip.start, clip.end) for clip in found.clips] == [("whole.mp4", 1.5, 3.0)]


def test_a_link_out_of_the_folder_is_a_problem(tmp_path: Path) -> None:
    touch(tmp_path, "secret.mp4")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    assert "leads out of the folder" in reasons(list_clips(tmp_path / "in", [entry("link")]))["link"]


def test_a_clip_listed_twice_is_taken_once(tmp_path: Path) -> None:
    touch(tmp_path, "one.mp4")
    found = list_clips(tmp_path, [entry("one", line=3), entry("one", line=7)])
    assert keys(found) == ["one"]
    assert [(problem.line, problem.source) for problem in found.problems] == [(7, "list")]
    assert "already in list, line or entry 3" in reasons(found)["one"]


def test_a_clip_of_single_pictures_says_what_to_do(tmp_path: Path) -> None:
    touch(tmp_path, "frames/0001/000001.jpg")
    reason = reasons(list_clips(tmp_path, [entry("0001")]))["0001"]
    assert "single pictures in frames/0001" in reason
    assert "frame_folders" in reason


@pytest.mark.parametrize(
    ("frames", "of_video", "least", "told"),
    [
        ((0, 8), 9, 8, None), ((0, 8), 8, 8, None), ((0, 8), 7, 8, "has 7 frames, fewer than the 8"),
        ((2, 9), 9, 8, "has 7 frames, fewer than the 8"), ((5, 5), 9, 8, "has no frames"),
        ((0, 8), 7, 0, None), ((9, 3), 9, 0, "has no frames"),
    ],
)  # fmt: skip
def test_the_smaller_of_what_list_and_video_count_decides_what_is_short(
    frames: tuple[int, int], of_video: int, least: int, told: str | None, tmp_path: Path
) -> None:
    write_video(tmp_path / "one.mp4", range(of_video), rate=10)
    found = list_clips(tmp_path, [entry("one", frames=frames)], least_frames=least)
    assert bool(found.clips) is (told is None)
    assert told is None or told in reasons(found)["one"]


def test_without_a_least_number_of_frames_no_video_is_opened(tmp_path: Path) -> None:
    touch(tmp_path, "one.mp4")  # no video at all
    assert keys(list_clips(tmp_path, [entry("one", frames=(0, 8))])) == ["one"]


def test_rows_are_those_of_the_list_whatever_videos_are_there(tmp_path: Path) -> None:
    write_video(tmp_path / "one.mp4", range(5), rate=10)
    touch(tmp_path, "broken.mp4")
    entries = [entry(name) for name in ("one", "broken", "gone", "one")]
    entries += [entry("empty", frames=(3, 3)), Entry("list", 9, "odd", (), problem="no such class")]
    short = list_clips(tmp_path, entries, least_frames=6)
    assert keys(short) == []
    assert [row.key for row in list_clips(tmp_path, entries).rows] == ["one", "broken", "gone"]
    assert set(short.rows) == set(list_clips(tmp_path, entries).rows)
    assert short.rows[0] == ListedRow("one", "tuck", "train")


def test_other_frames_are_counted_in_the_video(tmp_path: Path) -> None:
    write_video(tmp_path / "one.mp4", range(20), rate=10)
    touch(tmp_path, "broken.mp4")
    entries = [
        entry("whole", Place("one")), entry("cut", Place("one", 0.5, 1.5)),
        entry("long", Place("one", 1.0, 9.0)),
        entry("behind", Place("one", 5.0, 9.0)), entry("broken"),
    ]  # fmt: skip
    found = list_clips(tmp_path, entries, least_frames=10)
    assert keys(found) == ["whole", "cut", "long"]
    assert (
        reasons(found)["behind"]
        == "the clip has no frames; correct its start and end in the list, or remove it"
    )
    assert "broken.mp4" in reasons(found)["broken"]
    told = reasons(list_clips(tmp_path, entries[1:2], least_frames=11))["cut"]
    assert told == "the clip has 10 frames, fewer than the 11 asked for; leave it out or ask for fewer"


def test_a_cut_in_frames_becomes_seconds_at_the_rate_of_the_video(tmp_path: Path) -> None:
    write_video(tmp_path / "one.mp4", range(20), rate=10)
    found = list_clips(tmp_path, [entry("cut", Place("one", frames=(5, 12)), frames=(5, 12))])
    assert [(clip.start, clip.end, clip.frames) for clip in found.clips] == [(0.5, 1.2, (5, 12))]


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a folder"):
        list_clips(tmp_path / "nowhere", [])


def test_short_clips_of_a_csv_are_told(tmp_path: Path) -> None:
    write_video(tmp_path / "one.mp4", range(20), rate=10)
    write_video(tmp_path / "two.mp4", range(5), rate=10)
    found = csv_folder.read(tmp_path, least_frames=8)
    assert keys(found) == ["one.mp4"]
    assert "5 frames" in reasons(found)["two.mp4"]
