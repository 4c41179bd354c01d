import os
import random
import time
from pathlib import Path

import av
import pytest

from finepseudo_core.errors import VideoError
from finepseudo_core.video.canonical import (
    KEY_FRAME_EVERY,
    is_canonical,
    make_canonical,
    probe_checked,
    verify,
)
from finepseudo_core.video.decode import VideoInfo, probe, read_all
from finepseudo_core.video.guard import DecodeGuard
from finepseudo_core.video.source import Limits
from tests import real_clips
from tests.zoo import number_of, write_video

VERDICT_SECONDS = 10.0
MUTATIONS = int(os.environ.get("FINEPSEUDO_TEST_MUTATIONS", "60"))

SOUND = {
    "plain with sound": range(40),
    "8K": range(2),
    "transport stream": range(40),
    "program stream": range(40),
    "edit list": range(7, 40),
    "variable rate": [0, 1, 2, 2, 2, 3, 4, 4, 4, 5],
    "gif": range(12),
    "unicode and spaces": range(10),
    "one frame": [5],
    "rotated phone": range(20),
    "rotated other way": range(20),
    "upside down": range(20),
    "odd size": range(20),
    "narrow": range(20),
    "tiny": range(20),
    "webm": range(20),
    "avi": range(20),
    "matroska": range(20),
    "ten bit": range(20),
}
BROKEN = {
    "empty": r"is empty \(0 bytes\)\. Copy or export",
    "text": r"can't be decoded \(Invalid data.*Re-export",
    "playlist": r"can't be decoded .*Re-export",
    "stream list": r"can't be decoded .*Re-export",
    "index cut off": r"has no index; it was not written to its end\. Copy or export",
    "tail cut off": r"(can't be decoded|ends too early|is damaged).*(Re-export|Copy)",
    "sound only": r"holds no video, only sound or data\. Leave it out",
    "16K": r"128 million pixels a frame, more than the 40 million allowed\. Re-export it smaller",
    "very long": r"is longer than 3000 frames\. Give start and end",
    "folder": r"is not a regular file\. Replace it",
    "broken link": r"can't be read \(No such file or directory\)\. Put the file back",
    "missing": r"can't be read \(No such file or directory\)\. Put the file back",
    "fifo": r"is not a regular file\. Replace it",
    "device": r"is not a regular file\. Replace it",
}


def resident_bytes(process: int | None) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def numbers(path: Path) -> list[int]:
    return [number_of(frame) for frame in read_all(path)]


@pytest.mark.parametrize("name", SOUND)
def test_an_odd_video_becomes_canonical_with_the_right_frames(
    name: str, zoo: dict[str, Path], guard: DecodeGuard, tmp_path: Path
) -> None:
    started = time.monotonic()
    info = guard.call(make_canonical, zoo[name], tmp_path / "clip.mp4", seconds=VERDICT_SECONDS)
    assert time.monotonic() - started < VERDICT_SECONDS
    assert numbers(tmp_path / "clip.mp4") == list(SOUND[name])
    assert info == probe(tmp_path / "clip.mp4")


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_video_gets_a_sentence_and_leaves_nothing_behind(
    name: str, zoo: dict[str, Path], guard: DecodeGuard, tmp_path: Path
) -> None:
    started = time.monotonic()
    with pytest.raises(VideoError, match=BROKEN[name]) as caught:
        guard.call(make_canonical, zoo[name], tmp_path / "clip.mp4", seconds=VERDICT_SECONDS)
    assert time.monotonic() - started < VERDICT_SECONDS
    assert str(zoo[name]) in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert guard.call(probe, zoo["unicode and spaces"]).frames == 10


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_gets_a_sentence(zoo: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="Permission denied"):
        make_canonical(zoo["forbidden"], tmp_path / "clip.mp4")


def test_every_animal_has_a_verdict_to_meet(zoo: dict[str, Path]) -> None:
    assert zoo.keys() == SOUND.keys() | BROKEN.keys() | {"forbidden"}


def test_the_canonical_form_is_what_it_promises(zoo: dict[str, Path], tmp_path: Path) -> None:
    target = tmp_path / "clip.mp4"
    make_canonical(zoo["plain with sound"], target)
    content = target.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(str(target)) as container:
        (stream,) = container.streams
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        packets = [packet for packet in container.demux(stream) if packet.size]
    assert len({b.pts - a.pts for a, b in zip(packets, packets[1:], strict=False)}) == 1
    assert packets[0].pts == 0
    assert all(packets[place].is_keyframe for place in range(0, len(packets), KEY_FRAME_EVERY))


def test_a_canonical_source_is_copied_byte_for_byte(zoo: dict[str, Path], tmp_path: Path) -> None:
    make_canonical(zoo["plain with sound"], tmp_path / "first.mp4")
    make_canonical(tmp_path / "first.mp4", tmp_path / "second.mp4")
    assert (tmp_path / "first.mp4").read_bytes() == (tmp_path / "second.mp4").read_bytes()


@pytest.mark.parametrize(("start", "end", "expected"), [
    (0.4, 0.8, range(10, 20)), (None, 0.2, range(5)), (1.4, None, range(35, 40)), (0.999, 1.001, [25]),
])  # fmt: skip
@pytest.mark.parametrize("name", ["plain with sound", "transport stream", "program stream"])
def test_a_cut_holds_exactly_its_frames(
    name: str, start: float | None, end: float | None, expected: range, zoo: dict[str, Path], tmp_path: Path
) -> None:
    make_canonical(zoo[name], tmp_path / "cut.mp4", start=start, end=end)
    assert numbers(tmp_path / "cut.mp4") == list(expected)


def test_a_cut_far_into_a_long_video_is_exact_and_quick(zoo: dict[str, Path], tmp_path: Path) -> None:
    started = time.monotonic()
    make_canonical(zoo["very long"], tmp_path / "cut.mp4", start=100, end=101)
    assert time.monotonic() - started < 2
    assert numbers(tmp_path / "cut.mp4") == [number % 256 for number in range(2500, 2525)]


def test_a_cut_outside_the_video_says_so(zoo: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"has no frames between 50 s and 60 s\. Correct start and end"):
        make_canonical(zoo["plain with sound"], tmp_path / "cut.mp4", start=50, end=60)
    with pytest.raises(ValueError, match="before end"):
        make_canonical(zoo["plain with sound"], tmp_path / "cut.mp4", start=2, end=1)


def test_limits_shrink_thin_out_and_refuse(zoo: dict[str, Path], tmp_path: Path) -> None:
    limits = Limits(side=64, fps=5)
    info = make_canonical(zoo["plain with sound"], tmp_path / "small.mp4", limits=limits)
    assert info == VideoInfo(frames=8, fps=5.0, width=64, height=48, duration=1.6)
    assert numbers(tmp_path / "small.mp4") == list(range(0, 40, 5))
    with pytest.raises(VideoError, match="GB allowed"):
        make_canonical(zoo["plain with sound"], tmp_path / "large.mp4", limits=Limits(bytes=1000))


def test_two_decoders_that_disagree_are_noticed(zoo: dict[str, Path]) -> None:
    with pytest.raises(VideoError, match=r"decoder"):
        verify(zoo["edit list"])


def test_a_file_passes_unchanged_only_where_its_frames_come_right(zoo: dict[str, Path]) -> None:
    passed, reasons = set(), []
    for name in SOUND.keys() - {"variable rate", "8K"}:
        try:
            probe_checked(zoo[name])
        except VideoError as error:
            reasons.append(str(error))
        else:
            assert numbers(zoo[name]) == list(SOUND[name])
            passed.add(name)
    assert all("`python -m finepseudo_core.video SOURCE_FOLDER TARGET_" in reason for reason in reasons)
    assert passed >= {"plain with sound", "webm", "matroska", "rotated phone", "upside down"}
    assert not passed & {"edit list", "transport stream", "program stream", "narrow"}


def test_a_phone_clip_with_sound_passes_though_it_is_rotated(tmp_path: Path) -> None:
    for rotation in (90, -90):
        path = tmp_path / f"{rotation}.mov"
        write_video(path, range(20), rotation=rotation, sideways=True, sound=True)
        assert not is_canonical(path)
        assert probe_checked(path).frames == 20
        assert numbers(path) == list(range(20))


def test_real_phone_clips_become_canonical(tmp_path: Path) -> None:
    for source in sorted((real_clips.folder("skateboard") / "clips").iterdir())[::40]:
        info = make_canonical(source, tmp_path / "clip.mp4")
        assert abs(info.frames - probe(source).frames) <= 1


def test_mutated_files_end_in_a_verdict(zoo: dict[str, Path], guard: DecodeGuard, tmp_path: Path) -> None:
    """FINEPSEUDO_TEST_MUTATIONS sets how many; 2000 take some minutes."""
    parents = [
        zoo[name] for name in ("plain with sound", "transport stream", "webm", "avi", "edit list", "gif")
    ]
    verdicts = {"clip": 0, "sentence": 0}
    for seed in range(MUTATIONS):
        chance = random.Random(seed)
        parent = chance.choice(parents)
        content = bytearray(parent.read_bytes())
        for _ in range(chance.choice([1, 4, 30, 300])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        mutant = tmp_path / f"mutant{seed}.mp4"
        mutant.write_bytes(content[: chance.choice([len(content), chance.randrange(len(content))])])
        started = time.monotonic()
        reason = ""
        try:
            guard.call(make_canonical, mutant, tmp_path / "clip.mp4", seconds=VERDICT_SECONDS)
        except VideoError as error:
            reason = str(error)
        verdicts["sentence" if reason else "clip"] += 1
        assert str(mutant) in reason if reason else len(read_all(tmp_path / "clip.mp4")) > 0
        assert time.monotonic() - started < VERDICT_SECONDS + 2
        mutant.unlink()
    assert min(verdicts.values()) > 0, verdicts


def test_three_hundred_imports_do_not_leak_memory(tmp_path: Path) -> None:
    source = write_video(tmp_path / "clip.mp4", range(12))
    with DecodeGuard() as guard:
        for _ in range(40):
            guard.call(make_canonical, source, tmp_path / "out.mp4", start=0.04)
        child, before = guard.child, resident_bytes(guard.child)
        for _ in range(300):
            guard.call(make_canonical, source, tmp_path / "out.mp4", start=0.04)
        assert guard.child == child
        assert resident_bytes(child) - before < 10e6
