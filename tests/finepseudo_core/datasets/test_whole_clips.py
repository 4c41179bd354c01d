"""Parts of longer videos become videos of their own, once."""

from pathlib import Path

import pytest

from finepseudo_core.datasets import whole_clips
from finepseudo_core.datasets.formats.listing import ImportList, ListedClip, ListedRow
from finepseudo_core.datasets.whole_clips import cut_out, read_whole
from finepseudo_core.errors import DatasetError
from finepseudo_core.video.decode import probe, read_frames
from tests.zoo import number_of, write_video

VAULT, LEAP, BEHIND = (
    f"v_E_000001_000009_A_{seconds}" for seconds in ("0000_0000", "0002_0003", "0007_0008")
)


@pytest.fixture
def gym(tmp_path: Path) -> Path:
    """Three elements of FineGym in one video of 60 frames, the last of them behind its end."""
    write_video(tmp_path / "v.mp4", range(60), rate=10)
    (tmp_path / "gym99_categories.txt").write_text(
        "Clabel: 0; set: 1; Glabel: 1; (VT) round-off\nClabel: 1; set: 21; Glabel: 9; (FX) switch leap\n"
    )
    (tmp_path / "gym99_train_element_v1.1.txt").write_text(f"{VAULT} 0\n{LEAP} 1\n{BEHIND} 1\n")
    return tmp_path


def test_elements_are_cut_out_of_an_uncut_video_and_found_again(gym: Path, monkeypatch) -> None:
    told: list[tuple[int, int]] = []
    found = read_whole(gym, "finegym", cuts=gym / "cuts", on_clip=lambda *counts: told.append(counts))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert [(clip.key, clip.label, clip.start, clip.end) for clip in found.clips] == [
        (VAULT, "(VT) round-off", None, None), (LEAP, "(FX) switch leap", None, None),
    ]  # fmt: skip
    assert [probe(clip.path).frames for clip in found.clips] == [10, 20]
    assert [number_of(read_frames(clip.path, [0])[0]) for clip in found.clips] == [10, 30]
    assert [problem.key for problem in found.problems] == [BEHIND]
    assert "has no frames between 8 s and 10" in found.problems[0].reason
    assert found.problems[0].row == ListedRow(BEHIND, "(FX) switch leap", "train")
    assert len(found.rows) == 3
    (gym / "gym99_train_element_v1.1.txt").write_text(f"{LEAP} 1\n{VAULT} 0\n")
    monkeypatch.setattr(
        whole_clips, "GuardPool", lambda workers: pytest.fail("what is there needs no cutting")
    )
    again = read_whole(gym, "finegym", cuts=gym / "cuts")
    assert again.clips == found.clips[::-1]


def test_another_video_of_the_same_name_is_cut_again(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", range(30), rate=10)
    listed = ImportList((ListedClip("a", tmp_path / "v.mp4", start=1.0, end=2.0),), ())
    first = cut_out(listed, tmp_path / "cuts").clips[0].path
    write_video(tmp_path / "v.mp4", range(100, 140), rate=10)
    second = cut_out(listed, tmp_path / "cuts").clips[0].path
    assert [number_of(read_frames(path, [0])[0]) for path in (first, second)] == [10, 110]


def test_whole_videos_are_left_where_they_are(tmp_path: Path) -> None:
    listed = ImportList((ListedClip("a", tmp_path / "a.mp4"),), ())
    assert cut_out(listed, tmp_path / "cuts") == listed
    assert not (tmp_path / "cuts").exists()


def test_a_folder_that_can_not_be_written_is_said(gym: Path) -> None:
    with pytest.raises(DatasetError, match="clips can't be cut into .*v.mp4.* Make room there"):
        read_whole(gym, "finegym", cuts=gym / "v.mp4")
