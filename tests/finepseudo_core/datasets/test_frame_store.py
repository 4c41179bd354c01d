"""Frames are kept as far as the limit goes, and are the same beyond it."""

import contextlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from finepseudo_core.datasets import frame_store
from finepseudo_core.datasets.frame_store import open_frame_store
from finepseudo_core.records import ClipRecord
from finepseudo_core.video.__main__ import write_copies
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config
from tests.zoo import number_of, write_video


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> list[ClipRecord]:
    labelled, unlabelled, _ = make_clips(tmp_path_factory.mktemp("dives"))
    return [*labelled, *unlabelled][:6]


def test_a_limit_is_kept_and_frames_beyond_it_are_decoded_anew(records, tmp_path):
    whole = open_frame_store(records, tmp_path / "whole", size=28, squash=True, most_bytes=1 << 30)
    size = (tmp_path / "whole" / "frames.bin").stat().st_size
    limit = size // 2
    half = open_frame_store(records, tmp_path / "half", size=28, squash=True, most_bytes=limit)
    assert 0 < (tmp_path / "half" / "frames.bin").stat().st_size <= limit
    none = open_frame_store(records, tmp_path / "none", size=28, squash=True, most_bytes=0)
    assert (tmp_path / "none" / "frames.bin").stat().st_size == 0
    for record in records:
        indices = np.array([0, 3, 3, whole.frames(record.key) - 1])
        wanted = whole.read(record.key, indices)
        assert wanted.shape == (4, 32, 32, 3)
        for other in (half, none):
            assert other.frames(record.key) == whole.frames(record.key)
            np.testing.assert_array_equal(other.read(record.key, indices), wanted)


@pytest.mark.parametrize("most_bytes", [0, 1 << 30])
def test_a_clip_that_is_damaged_or_comes_wrong_is_left_out_with_its_reason(records, tmp_path, most_bytes):
    whole = write_video(tmp_path / "whole.mp4", (n % 256 for n in range(150)), movflags="+faststart")
    content = bytearray(whole.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    (damaged := tmp_path / "damaged.mp4").write_bytes(content)
    edited = write_video(tmp_path / "edited.mp4", range(40), first_time=-7, options={"g": "12", "bf": "0"})
    given = [ClipRecord(path.stem, path) for path in (damaged, whole, edited)]
    left_out: dict[str, str] = {}
    store = open_frame_store(
        [*given, records[0]], tmp_path / "store", size=28, squash=True, most_bytes=most_bytes,
        leave_out=left_out.__setitem__,
    )  # fmt: skip
    assert left_out.keys() == {"damaged", "edited"}
    assert "damaged.mp4 can't be decoded" in left_out["damaged"]
    assert "python -m finepseudo_core.video" in left_out["edited"]
    assert store.read("whole", np.arange(store.frames("whole"))).shape[0] == 150


def test_the_same_clip_is_let_in_once_its_canonical_copy_is_written(tmp_path):
    (tmp_path / "clips").mkdir()
    write_video(tmp_path / "clips" / "edited.mp4", range(40), first_time=-7, options={"g": "12", "bf": "0"})
    write_copies(tmp_path / "clips", tmp_path / "copies")
    record = ClipRecord("edited", tmp_path / "copies" / "edited.mp4")
    store = open_frame_store([record], tmp_path / "store", size=84, squash=False, most_bytes=0)
    assert [number_of(frame) for frame in store.read("edited", np.arange(33))] == list(range(7, 40))


def test_frames_are_found_again_and_those_of_other_settings_are_not_taken_for_them(records, tmp_path):
    def decoded(**changes: object) -> int:
        seen: list[int] = []
        settings: dict = {"size": 28, "squash": True, "most_bytes": 1 << 30, **changes}
        open_frame_store(records, tmp_path, **settings, on_clip=seen.append)
        return len(seen)

    assert decoded() == len(records)
    assert decoded() == 0
    assert decoded(size=21) == len(records)


def test_several_decoders_leave_the_same_file(records, tmp_path, monkeypatch):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    given = [*records[:3], ClipRecord("broken", broken), *records[3:]]
    monkeypatch.setattr(frame_store.os, "sched_getaffinity", lambda _: range(3))
    settings = {"size": 28, "squash": True}
    whole = open_frame_store(given, tmp_path / "whole", **settings, most_bytes=1 << 30)
    limit = (tmp_path / "whole" / "frames.bin").stat().st_size // 2
    for most_bytes in (limit, 1 << 30):
        found = []
        for per_decoder in (1000, 2):
            monkeypatch.setattr(frame_store, "CLIPS_PER_DECODER", per_decoder)
            folder = tmp_path / f"{most_bytes}-{per_decoder}"
            store = open_frame_store(given, folder, **settings, most_bytes=most_bytes)
            assert "broken" not in store
            saved = json.loads((folder / "frames.json").read_text())["clips"]
            found.append(((folder / "frames.bin").read_bytes(), saved))
        assert found[0] == found[1]
        assert len(found[0][1]) == len(records)
    assert all(key in whole for key in saved)


def test_decoding_that_is_given_up_leaves_no_child(records, tmp_path, monkeypatch):
    monkeypatch.setattr(frame_store, "CLIPS_PER_DECODER", 2)
    before = children()

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_frame_store(records, tmp_path, size=28, squash=True, most_bytes=1 << 30, on_clip=stop)
    assert children() <= before


def children() -> set[int]:
    """Processes that this one has started and that live."""
    own = os.getpid()
    found = set()
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = place.read_text().rpartition(")")
            if rest.split()[0] != "Z" and int(rest.split()[1]) == own:
                found.add(int(name.split()[0]))
    return found


@pytest.mark.parametrize("changes", [{"loader_workers": 2}, {"channels_last": False}, {"cache_bytes": 0}])
def test_how_batches_are_prepared_changes_nothing(changes, tmp_path_factory):
    from finepseudo_core.selftraining.algorithm import run

    folder = tmp_path_factory.mktemp("round")
    labelled, unlabelled, test = make_clips(folder / "dives")
    short = {"pretraining__epochs": 1, "self_training__iterations": 0}
    usual, other = (
        run(tiny_config(**short, **given), labelled, unlabelled, folder / name, test=test)
        for name, given in (("usual", {}), ("other", changes))
    )
    for one, two in zip(usual.proposal.pseudo_labels, other.proposal.pseudo_labels, strict=True):
        assert (one.key, one.label) == (two.key, two.label)
        np.testing.assert_allclose(one.probabilities, two.probabilities, atol=1e-3)
