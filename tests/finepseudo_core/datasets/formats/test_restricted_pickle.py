import collections
import os
import pickle
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from finepseudo_core.datasets.formats.restricted_pickle import read_plain
from finepseudo_core.errors import DatasetError

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=12,
)
TYPES = (
    npst.boolean_dtypes() | npst.integer_dtypes() | npst.unsigned_integer_dtypes() | npst.floating_dtypes()
)
ARRAYS = npst.arrays(TYPES, npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
FIXTURE = [HealthCheck.function_scoped_fixture]


class Attack:
    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> object:
        return self.call


def saved(path: Path, value: object, protocol: int = 4) -> Path:
    path.write_bytes(value if isinstance(value, bytes) else pickle.dumps(value, protocol))
    return path


@settings(max_examples=100, deadline=None, suppress_health_check=FIXTURE)
@given(value=PLAIN, protocol=st.sampled_from(PROTOCOLS))
def test_plain_values_come_back(value: object, protocol: int, tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"value": value}, protocol))
    assert read_plain(tmp_path / "a.pkl") == {"value": value}


@settings(max_examples=100, deadline=None, suppress_health_check=FIXTURE)
@given(array=ARRAYS, order=st.sampled_from("CF"), protocol=st.sampled_from(PROTOCOLS))
def test_arrays_become_lists(array: np.ndarray, order: str, protocol: int, tmp_path: Path) -> None:
    array = np.asarray(array, order=order)
    found = read_plain(saved(tmp_path / "a.pkl", [array], protocol))[0]
    np.testing.assert_array_equal(np.array(found, array.dtype).reshape(array.shape), array)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_scalars_texts_and_objects_of_numpy_come_back(protocol: int, tmp_path: Path) -> None:
    value = {
        ("video", np.int64(3)): [np.float32(1.5), np.str_("a"), np.bool_(True)],
        "texts": np.array(["107B", "5253B"]),
        "objects": np.array(["a", None, 3], dtype=object),
        "big": np.array([1, 2], dtype=">i4"),
    }
    assert read_plain(saved(tmp_path / "a.pkl", value, protocol)) == {
        ("video", 3): [1.5, "a", True],
        "texts": ["107B", "5253B"],
        "objects": ["a", None, 3],
        "big": [1, 2],
    }


def test_names_of_numpy_before_version_2_are_known(tmp_path: Path) -> None:
    old = pickle.dumps({"frames": np.arange(3), "score": np.float64(8.5)}, 3)
    old = old.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert read_plain(saved(tmp_path / "a.pkl", old)) == {"frames": [0, 1, 2], "score": 8.5}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("function", "name"), [
    (os.system, "system"), (eval, "eval"), (exec, "exec"), (open, "open"), (getattr, "getattr"),
    (__import__, "__import__"), (subprocess.Popen, "Popen"), (np.fromfile, "fromfile"), (np.load, "load"),
    (np.memmap, "memmap"), (collections.OrderedDict, "OrderedDict"), (pickle.loads, "loads"),
])  # fmt: skip
def test_an_attack_is_refused_and_does_nothing(
    function: object, name: str, protocol: int, tmp_path: Path
) -> None:
    target = tmp_path / "proof"
    path = saved(tmp_path / "a.pkl", {("video", 1): Attack(function, f"touch {target}")}, protocol)
    with pytest.raises(DatasetError, match=rf"refused: it asks for .*{name}.*could run a program"):
        read_plain(path)
    assert not target.exists()


def test_an_attack_inside_an_array_is_refused(tmp_path: Path) -> None:
    array = np.array([Attack(os.system, f"touch {tmp_path / 'proof'}")], dtype=object)
    with pytest.raises(DatasetError, match="refused"):
        read_plain(saved(tmp_path / "a.pkl", array))
    assert not (tmp_path / "proof").exists()


@pytest.mark.parametrize("content", [
    b"cos\nsystem\n(S'true'\ntR.",  # the textbook attack
    b"c__builtin__\neval\n(S'1'\ntR.",
    b"cnumpy\nndarray.tofile\n.",  # a dotted name
    b"\x80\x04\x8c\x05numpy\x8c\x0ftesting.measure\x93.",
    b"cnumpy\ndtype\n.",  # a bare class, never called
    b"Pnumber\n.",  # an object outside the file
    b"c_codecs\nencode\n(S'x'\nS'zip'\ntR.",
    b"c_codecs\nencode\n(N}S'__defaults__'\nNstb.",  # changes a function
])  # fmt: skip
def test_handwritten_attacks_are_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="refused"):
        read_plain(saved(tmp_path / "a.pkl", content))


@pytest.mark.parametrize("content", [
    b"", b"no pickle", pickle.dumps([1, 2, 3])[:-3],
    b"\x80\x04\x82\x01.",  # a registered extension
    pickle.dumps(np.zeros(3, complex)), pickle.dumps(np.zeros(3, "M8[s]")),
    pickle.dumps(np.zeros((0, 1 << 40))), pickle.dumps(np.zeros((1 << 30, 0))),
    pickle.dumps(np.zeros(2, "i4,f8")),
])  # fmt: skip
def test_malformed_and_unexpected_ones_are_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is no pickle that can be read"):
        read_plain(saved(tmp_path / "a.pkl", content))


@pytest.mark.parametrize("content", [b"\x80\x04Nr\xff\xff\xff\x7f.", b"Np2147483647\n."])
def test_a_memo_of_gigabytes_is_refused_before_it_is_made(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="asks for more memory than it can need"):
        read_plain(saved(tmp_path / "a.pkl", content))


def test_a_forged_array_cannot_ask_for_more_than_its_bytes(tmp_path: Path) -> None:
    forged = pickle.dumps(np.zeros(3, "i8"), 3).replace(b"K\x03\x85", b"K\x7f\x85")
    with pytest.raises(DatasetError, match="is no pickle that can be read"):
        read_plain(saved(tmp_path / "a.pkl", forged))


def test_a_value_held_many_times_is_read_once(tmp_path: Path) -> None:
    value: object = [1]
    for _ in range(60):
        value = [value, value]
    assert isinstance(read_plain(saved(tmp_path / "a.pkl", value)), list)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="can't be read"):
        read_plain(tmp_path / "none.pkl")


WHOLE = pickle.dumps({("v", np.int64(1)): {"a": "107B", "f": np.arange(5), "s": {1: "x"}}}, 2)


@settings(max_examples=300, deadline=None, suppress_health_check=FIXTURE)
@given(
    changes=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4)
)
def test_no_changed_byte_crashes_the_reader(changes: list[tuple[int, int]], tmp_path: Path) -> None:
    content = bytearray(WHOLE)
    for place, byte in changes:
        content[place] = byte
    try:
        read_plain(saved(tmp_path / "a.pkl", bytes(content)))
    except DatasetError:
        pass
