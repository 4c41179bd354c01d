import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from finepseudo_core.datasets.formats import csv_folder
from finepseudo_core.datasets.synthetic_dives import DIVES, draw_dive, generate
from finepseudo_core.datasets.synthetic_dives_motion import Course, Dive, Timing, perform
from finepseudo_core.video.canonical import make_canonical
from finepseudo_core.video.decode import probe

TIMING = Timing(takeoff=14, flight=25, entry=10)
COURSE = Course(board=2.2, rise=0.6, travel=1.0, opening=0.72, lean=0.2, springy=True)


@pytest.fixture(scope="module")
def dives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dives")
    generate(folder, clips=30, classes=3, seed=3, size=64, processes=1)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_folder_reads_as_a_labelled_list(dives: Path) -> None:
    found = csv_folder.read(dives, dives / "labels.csv")
    assert found.problems == ()
    assert len(found.clips) == 30
    assert Counter((clip.label, clip.split) for clip in found.clips) == {
        (dive.name, split): count for dive in DIVES[:3] for split, count in (("train", 8), ("test", 2))
    }


def test_clips_are_canonical_already(dives: Path, tmp_path: Path) -> None:
    for source in sorted((dives / "clips").iterdir())[:5]:
        make_canonical(source, tmp_path / "copy.mp4")
        assert (tmp_path / "copy.mp4").read_bytes() == source.read_bytes()


def test_phases_cover_each_clip_without_a_gap(dives: Path) -> None:
    phases = rows(dives / "phases.csv")
    for clip in rows(dives / "labels.csv"):
        own = [row for row in phases if row["path"] == clip["path"]]
        info = probe(dives / clip["path"])
        assert [row["phase"] for row in own] == ["takeoff", "flight", "entry"]
        edges = [int(own[0]["start_frame"]), *(int(row["end_frame"]) for row in own)]
        assert edges == [0, *(int(row["start_frame"]) for row in own[1:]), info.frames]
        assert 32 <= info.frames <= 72
        assert (info.fps, info.width, info.height) == (25.0, 64, 64)


def test_the_seed_decides_and_the_number_of_processes_does_not(dives: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    generate(tmp_path / "two", clips=6, classes=3, seed=3, size=64, processes=2,
             on_clip=lambda done, clips: calls.append((done, clips)))  # fmt: skip
    generate(tmp_path / "one", clips=6, classes=3, seed=3, size=64, processes=1)
    generate(tmp_path / "other", clips=6, classes=3, seed=4, size=64, processes=1)
    assert calls == [(done, 6) for done in range(1, 7)]
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert contents(tmp_path / "one") != contents(tmp_path / "other")


def test_class_names_read_well_and_differ() -> None:
    assert DIVES[1].name == "forward 1½ somersaults pike"
    assert Dive("back", 1, "tuck").name == "back 1 somersault tuck"
    assert Dive("forward", 1.5, "straight", 1).name == "forward 1½ somersaults 1 twist straight"
    assert len({dive.name for dive in DIVES}) == len(DIVES) == 48


@pytest.mark.parametrize("dive", DIVES, ids=lambda dive: dive.name)
def test_every_dive_turns_as_named_and_enters_as_named(dive: Dive) -> None:
    moments = perform(dive, TIMING, COURSE)
    assert len(moments) == sum(TIMING)
    trunk = [
        np.arctan2(m.joints["neck"][0] - m.joints["pelvis"][0], m.joints["neck"][1] - m.joints["pelvis"][1])
        for m in moments[TIMING.takeoff - 1 :]
    ]
    turned = np.unwrap(trunk, period=2 * np.pi)
    clockwise = 1 if dive.direction in ("forward", "back") else -1
    assert (turned[-1]) * clockwise == pytest.approx(2 * np.pi * dive.somersaults, abs=0.25)
    entry = moments[TIMING.takeoff + TIMING.flight - 1].joints
    lowest = min(entry, key=lambda name: entry[name][1])
    assert lowest.endswith("hand" if dive.head_first else "toe")
    assert entry[lowest][1] == pytest.approx(0, abs=0.1)


def test_the_centre_of_mass_falls_freely() -> None:
    moments = perform(DIVES[0], TIMING, COURSE)[TIMING.takeoff : TIMING.takeoff + TIMING.flight]
    heights = np.array([moment.centre[1] for moment in moments])
    assert np.ptp(np.diff(heights, 2)) < 1e-9
    assert np.diff(heights, 2)[0] < 0


def test_a_tuck_turns_faster_than_it_leaves_the_board() -> None:
    moments = perform(DIVES[0], TIMING, COURSE)[TIMING.takeoff : TIMING.takeoff + TIMING.flight]
    angles = np.unwrap([
        np.arctan2(m.joints["waist"][0] - m.joints["pelvis"][0], m.joints["waist"][1] - m.joints["pelvis"][1])
        for m in moments
    ])  # fmt: skip
    speed = np.abs(np.diff(angles))
    assert speed[10:15].mean() > 2 * speed[:2].mean()
    assert speed[10:15].mean() > 2 * speed[-2:].mean()


def test_neighbouring_classes_share_all_but_one_phase() -> None:
    """Tuck and pike take off alike, and enter alike; forward and back differ from the first frame."""
    tuck, pike = (perform(Dive("forward", 1.5, position), TIMING, COURSE) for position in ("tuck", "pike"))
    back = perform(Dive("back", 1.5, "tuck"), TIMING, COURSE)
    assert tuck[: TIMING.takeoff] == pike[: TIMING.takeoff]
    assert tuck[TIMING.takeoff + 10].joints != pike[TIMING.takeoff + 10].joints
    assert tuck[0].joints != back[0].joints


def test_clips_of_one_class_look_different() -> None:
    """In the same pool: the diver, the light, the camera and the timing differ."""
    dives = [draw_dive(DIVES[0], np.random.default_rng(seed), np.random.default_rng(0)) for seed in (1, 2)]
    (one, first), (other, second) = dives
    a, b = next(first), next(second)
    assert a.shape == b.shape == (112, 112, 3)
    assert np.abs(a.astype(int) - b).mean() > 3
    assert one != other


@pytest.mark.parametrize("wrong", [{"classes": 1}, {"classes": 49}, {"clips": 5}, {"size": 63}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="can't be drawn"):
        generate(tmp_path, **({"clips": 240} | wrong))
    assert list(tmp_path.iterdir()) == []
