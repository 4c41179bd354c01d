"""Odd and broken videos, made on the spot; every frame shows its own number, so a wrong one is noticed."""

import os
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

BITS = 8


def numbered_frame(number: int, width: int = 128, height: int = 96) -> np.ndarray:
    """RGB (height, width, 3): the bits of a number as eight bars above a grey floor."""
    picture = np.full((height, width, 3), 128, np.uint8)
    edges = np.linspace(0, width, BITS + 1).astype(int)
    for bit in range(BITS):
        picture[: height * 3 // 4, edges[bit] : edges[bit + 1]] = 235 if number >> bit & 1 else 20
    return picture


def number_of(picture: np.ndarray) -> int:
    """The number that an upright RGB (H, W, 3) picture shows.

    Raises:
        AssertionError: it isn't such a picture, or not upright.
    """
    height, width = picture.shape[:2]
    floor = picture[height * 7 // 8 :]
    assert 100 < floor.mean() < 160, "the grey floor is not at the bottom"
    assert floor.std() < 20, "the grey floor is not at the bottom"
    centres = ((np.arange(BITS) + 0.5) * width / BITS).astype(int)
    bars = [picture[height // 8 : height // 2, centre - 1 : centre + 2].mean() for centre in centres]
    return sum(1 << bit for bit, bar in enumerate(bars) if bar > 128)


def write_video(
    path: Path,
    numbers: Iterable[int],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    size: tuple[int, int] = (128, 96),
    rate: int = 25,
    times: Sequence[int] | None = None,
    rotation: int = 0,
    sideways: bool = False,
    file_format: str | None = None,
    options: dict[str, str] | None = None,
    movflags: str = "",
    sound: bool = False,
    first_time: int = 0,
) -> Path:
    """Encode numbered frames; `times` are presentation times in frames, `size` is (width, height)."""
    container_options = {"movflags": movflags} if movflags else {}
    with av.open(str(path), "w", format=file_format, options=container_options) as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.width, stream.height = reversed(size) if sideways else size
        stream.pix_fmt = pix_fmt
        stream.options = options or {}
        stream.codec_context.thread_count = 1
        if rotation:
            stream.set_display_rotation(rotation)
        noise = _add_sound(container) if sound else None
        for place, number in enumerate(numbers):
            picture = numbered_frame(number, *size)
            if sideways:
                picture = np.ascontiguousarray(np.rot90(picture, -rotation // 90))
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = (place if times is None else times[place]) + first_time
            frame.time_base = Fraction(1, rate)
            container.mux(stream.encode(frame))
            if noise is not None:
                _mux_sound(container, noise, place, rate)
        container.mux(stream.encode())
        if noise is not None:
            container.mux(noise.encode())
    return path


def make_zoo(folder: Path) -> dict[str, Path]:
    """All the animals, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = write_video(folder / "plain.mp4", range(40), sound=True)
    fast = write_video(folder / "fast.mp4", range(40), movflags="+faststart")
    zoo = {
        "plain with sound": plain,
        "empty": _write(folder / "empty.mp4", b""),
        "text": _write(folder / "text.mp4", b"This was never a video.\n" * 50),
        "playlist": _write(folder / "playlist.mp4", f"ffconcat version 1.0\nfile '{fast}'\n".encode()),
        "stream list": _write(
            folder / "hls.mp4", f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.6,\n{fast}\n".encode()
        ),
        "index cut off": _write(folder / "no_index.mp4", plain.read_bytes()[: plain.stat().st_size // 2]),
        "tail cut off": _write(folder / "no_tail.mp4", fast.read_bytes()[: fast.stat().st_size * 3 // 4]),
        "sound only": _write_sound(folder / "sound.mp4"),
        "8K": write_video(folder / "8k.avi", range(2), codec="mjpeg", pix_fmt="yuvj420p", size=(7680, 4320)),
        "16K": write_video(
            folder / "16k.avi", range(1), codec="mjpeg", pix_fmt="yuvj420p", size=(16000, 8000)
        ),
        "transport stream": write_video(folder / "stream.ts", range(40), file_format="mpegts", sound=True),
        "program stream": write_video(
            folder / "stream.mpg", range(40), codec="mpeg2video", file_format="vob"
        ),
        "edit list": write_video(
            folder / "edit.mp4",
            range(40),
            first_time=-7,
            options={"g": "12", "bf": "0"},
            movflags="+faststart",
        ),
        "variable rate": write_video(folder / "vfr.mp4", range(6), times=[0, 1, 2, 5, 6, 9]),
        "gif": write_video(folder / "loop.gif", range(12), codec="gif", pix_fmt="rgb8", rate=20),
        "unicode and spaces": write_video(folder / "Schraube ½ 跳水 %d (1).mp4", range(10)),
        "one frame": write_video(folder / "one.mp4", [5]),
        "rotated phone": write_video(folder / "phone.mov", range(20), rotation=90, sideways=True),
        "rotated other way": write_video(folder / "phone2.mov", range(20), rotation=-90, sideways=True),
        "upside down": write_video(folder / "down.mov", range(20), rotation=180, sideways=True),
        "odd size": write_video(folder / "odd.mp4", range(20), size=(97, 73), pix_fmt="yuv444p"),
        "narrow": write_video(folder / "narrow.mp4", range(20), size=(48, 72)),
        "tiny": write_video(folder / "tiny.mp4", range(20), size=(16, 16)),
        "webm": write_video(
            folder / "clip.webm",
            range(20),
            codec="libvpx-vp9",
            options={"cpu-used": "8", "deadline": "realtime"},
        ),
        "avi": write_video(folder / "clip.avi", range(20), codec="mjpeg", pix_fmt="yuvj420p"),
        "matroska": write_video(folder / "clip.mkv", range(20), rate=30),
        "ten bit": write_video(folder / "ten.mp4", range(20), pix_fmt="yuv420p10le"),
        "very long": write_video(
            folder / "long.mp4",
            (n % 256 for n in range(3100)),
            size=(32, 32),
            options={"preset": "ultrafast"},
        ),
        "folder": folder / "folder.mp4",
        "broken link": folder / "link.mp4",
        "missing": folder / "nowhere.mp4",
        "fifo": folder / "fifo.mp4",
        "device": Path("/dev/zero"),
        "forbidden": _write(folder / "forbidden.mp4", fast.read_bytes()),
    }
    (folder / "folder.mp4").mkdir()
    (folder / "link.mp4").symlink_to(folder / "gone.mp4")
    os.mkfifo(folder / "fifo.mp4")
    (folder / "forbidden.mp4").chmod(0)
    return zoo


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _add_sound(container: Any) -> Any:
    return container.add_stream("aac", rate=48000, layout="mono")


def _mux_sound(container: Any, stream: Any, place: int, rate: int) -> None:
    samples = 48000 // rate
    frame = av.AudioFrame.from_ndarray(np.zeros((1, samples), np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 48000, place * samples, Fraction(1, 48000)
    container.mux(stream.encode(frame))


def _write_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = _add_sound(container)
        for place in range(25):
            _mux_sound(container, stream, place, 25)
        container.mux(stream.encode())
    return path
