import io
import string
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from finepseudo_core.datasets.formats.mat_file import read_mat, write_mat
from finepseudo_core.errors import DatasetError

FIXTURE = [HealthCheck.function_scoped_fixture]
NAMES = st.text(string.ascii_letters, min_size=1, max_size=12)
MATRICES = npst.arrays("f8", npst.array_shapes(min_dims=2, max_dims=3, max_side=4))
TEXTS = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=9)


@settings(max_examples=100, deadline=None, suppress_health_check=FIXTURE)
@given(variables=st.dictionaries(NAMES, MATRICES | TEXTS, max_size=4))
def test_what_is_written_is_read_back(variables: dict[str, np.ndarray | str], tmp_path: Path) -> None:
    write_mat(tmp_path / "a.mat", variables)
    found = read_mat(tmp_path / "a.mat")
    assert list(found) == list(variables)
    for name, value in variables.items():
        if isinstance(value, str):
            assert found[name] == value
        else:
            np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize("compressed", [False, True])
def test_files_of_another_program_are_read(compressed: bool, tmp_path: Path) -> None:
    scipy_io = pytest.importorskip("scipy.io", reason="SciPy, the other program, is not installed")
    given = {
        "action": "baseball_pitch", "nframes": 151, "train": -1,
        "x": np.random.default_rng(0).random((4, 13)),
        "visibility": np.eye(3, dtype=bool), "bbox": np.arange(8, dtype="u2").reshape(2, 4),
        "small": np.array([[1.5]], "f4"), "cell": np.array([["a", 1]], dtype=object),
    }  # fmt: skip
    scipy_io.savemat(tmp_path / "a.mat", given, do_compression=compressed)
    found = read_mat(tmp_path / "a.mat")
    assert found["action"] == "baseball_pitch"
    assert "cell" not in found
    for name in ("nframes", "train", "x", "visibility", "bbox", "small"):
        np.testing.assert_array_equal(found[name], np.atleast_2d(given[name]))


def test_another_program_reads_what_is_written(tmp_path: Path) -> None:
    scipy_io = pytest.importorskip("scipy.io", reason="SciPy, the other program, is not installed")
    write_mat(tmp_path / "a.mat", {"action": "squat", "nframes": 3.0, "x": np.arange(6.0).reshape(2, 3)})
    found = scipy_io.loadmat(tmp_path / "a.mat")
    assert found["action"].tolist() == ["squat"]
    assert found["nframes"].tolist() == [[3.0]]
    assert found["x"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_the_other_byte_order_is_read(tmp_path: Path) -> None:
    def element(kind: int, data: bytes) -> bytes:
        return struct.pack(">II", kind, len(data)) + data + bytes(-len(data) % 8)

    matrix = (
        element(6, struct.pack(">II", 6, 0)) + element(5, struct.pack(">ii", 1, 2)) + element(1, b"x")
        + struct.pack(">HH4s", 4, 3, struct.pack(">HH", 7, 300))
    )  # fmt: skip
    (tmp_path / "a.mat").write_bytes(bytes(124) + struct.pack(">H", 0x0100) + b"MI" + element(14, matrix))
    assert read_mat(tmp_path / "a.mat")["x"].tolist() == [[7, 300]]


@pytest.mark.parametrize(
    "content", [b"", b"MATLAB 7.3", bytes(128), bytes(126) + b"IM" + b"\x0e\0\0\0\xff\xff\0\0"]
)
def test_a_file_that_is_none_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(DatasetError, match="is no MATLAB file that can be read"):
        read_mat(tmp_path / "a.mat")


def whole() -> bytes:
    scipy_io = pytest.importorskip("scipy.io", reason="SciPy, the other program, is not installed")
    buffer = io.BytesIO()
    scipy_io.savemat(buffer, {"action": "squat", "x": np.arange(6).reshape(2, 3)})
    return buffer.getvalue()


@settings(max_examples=300, deadline=None, suppress_health_check=FIXTURE)
@given(changes=st.lists(st.tuples(st.integers(120, 400), st.integers(0, 255)), min_size=1, max_size=5))
def test_no_changed_byte_crashes_the_reader(changes: list[tuple[int, int]], tmp_path: Path) -> None:
    content = bytearray(whole())
    for place, byte in changes:
        content[place % len(content)] = byte
    (tmp_path / "a.mat").write_bytes(bytes(content))
    try:
        read_mat(tmp_path / "a.mat")
    except DatasetError:
        pass
