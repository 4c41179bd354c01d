"""Pickles of plain values and numpy arrays, read without running anything that they name.

A pickle is a program: `pickle.load` imports and calls whatever it asks for. Here it gets builtin containers,
numbers and texts, and stand-ins for the few names with which numpy writes arrays and scalars. Not even
numpy's own functions are called: a forged array state could make them read foreign memory.
"""

import io
import math
import pickle
import pickletools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from finepseudo_core.errors import DatasetError

_MOST_ITEMS = 1_000_000  # of one array, whose sides of 0 count as 1
_MALFORMED = (
    (pickle.UnpicklingError, ArithmeticError, AttributeError, EOFError, IndexError, KeyError, LookupError)
    + (MemoryError, RecursionError, TypeError, ValueError)
)  # fmt: skip


class ForbiddenName(pickle.UnpicklingError):
    """The pickle asks for something that is neither a plain value nor a numpy array."""


def read_plain(path: str | Path) -> Any:
    """What a pickle holds: dict, list, tuple, set, str, bytes, int, float, bool, None; arrays become lists.

    Raises:
        DatasetError: the file can't be read, is malformed, or names anything else.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} can't be read ({error.strerror}). Check the path.") from error
    try:
        _check_memo(content)
        return _plain(_Unpickler(io.BytesIO(content)).load(), {})
    except ForbiddenName as error:
        raise DatasetError(
            f"{path} is refused: it asks for {error}, which an annotation never needs and which could run "
            "a program on this computer. Download the file again from the authors of the dataset."
        ) from error
    except _MALFORMED as error:
        reason = str(error) or type(error).__name__
        raise DatasetError(
            f"{path} is no pickle that can be read ({reason[:120]}). Download it again."
        ) from error


class _Dtype:
    """Stand-in for numpy.dtype: only plain numbers, texts and objects, never what a forged state says."""

    def __init__(self, code: object = None, *flags: object) -> None:
        if isinstance(code, bytes):
            code = code.decode("ascii")
        if not isinstance(code, str) or not re.fullmatch(
            r"[<>=|]?([biufSU]\d{1,9}|[?bBhHiIlLqQefd]|O8?)", code
        ):
            raise ValueError(f"numbers of type {code!r} are not expected")
        self.code, self.order = code.lstrip("<>=|").replace("O8", "O"), "<"

    def __setstate__(self, state: Any) -> None:
        self.order = state[1] if state[1] in ("<", ">") else "<"

    @property
    def objects(self) -> bool:
        """Whether the array holds Python values."""
        return self.code == "O"

    @property
    def plain(self) -> np.dtype:
        """The same as numpy knows it."""
        return np.dtype(self.order + self.code)


class _Array:
    """Stand-in for numpy.ndarray: nested lists."""

    values: Any = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, column_order, data = state
        self.values = _nested(shape, dtype, data, column_order)


def _nested(shape: Any, dtype: Any, data: Any, column_order: Any) -> Any:
    """The values of an array; those of an object array must come as a list."""
    shape = tuple(int(side) for side in shape)
    if not isinstance(dtype, _Dtype) or math.prod(max(1, side) for side in shape) > _MOST_ITEMS:
        raise ValueError("an array is malformed")
    if dtype.objects:
        if not isinstance(data, list) or shape != (len(data),):
            raise ValueError("an array of objects is malformed")
        return data
    if isinstance(data, str):
        data = data.encode("latin-1")
    flat = np.frombuffer(bytes(data), dtype.plain)
    return flat.reshape(shape, order="F" if column_order else "C").tolist()


def _new_array(*unused: object) -> _Array:
    """numpy's `_reconstruct`: an empty array whose state follows."""
    return _Array()


def _scalar(dtype: _Dtype, data: Any = None) -> Any:
    """numpy's `scalar`: one value out of its bytes."""
    return data if dtype.objects else _nested((1,), dtype, data, False)[0]


def _from_buffer(data: Any, dtype: _Dtype, shape: Any, order: object) -> _Array:
    """numpy's `_frombuffer`, with which protocol 5 writes arrays."""
    array = _Array()
    array.values = _nested(shape, dtype, data, order == "F")
    return array


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """`_codecs.encode`, with which protocols before 3 write bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise ForbiddenName(f"the encoding {encoding!r}")
    return text.encode("latin-1")


def _no_bytes() -> bytes:
    """`bytes()`, with which protocols before 3 write the empty ones."""
    return b""


class _Callable:
    """A function that a pickle may call but not change, as it could the defaults of a plain one."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def __setstate__(self, state: object) -> None:
        raise ForbiddenName("a change of a function")


def _admitted() -> dict[tuple[str, str], Callable[..., Any]]:
    names: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Dtype,
        ("_codecs", "encode"): _Callable(_encode),
        ("__builtin__", "bytes"): _Callable(_no_bytes),
        **{(module, "set"): set for module in ("builtins", "__builtin__")},
        **{(module, "frozenset"): frozenset for module in ("builtins", "__builtin__")},
    }
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray", "_reconstruct"] = _Callable(_new_array)
        names[f"{core}.multiarray", "scalar"] = _Callable(_scalar)
        names[f"{core}.numeric", "_frombuffer"] = _Callable(_from_buffer)
    return names


_ADMITTED = _admitted()


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise ForbiddenName(f"{module}.{name}"[:80]) from None

    def persistent_load(self, name: Any) -> Any:
        raise ForbiddenName("an object outside the file")


def _check_memo(content: bytes) -> None:
    """Refuse memo places far beyond the file's length, which would fill the memory."""
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > len(content):
            raise ValueError("it asks for more memory than it can need")


def _plain(value: Any, seen: dict[int, Any]) -> Any:
    """The value with lists in place of arrays; what it holds several times is walked through once."""
    if isinstance(value, (str, bytes, int, float, bool, type(None))):
        return value
    if id(value) not in seen:
        seen[id(value)] = (value, _walked(value, seen))  # keeps the value, so that its id stays taken
    return seen[id(value)][1]


def _walked(value: Any, seen: dict[int, Any]) -> Any:
    if isinstance(value, _Array):
        return _plain(value.values, seen)
    if isinstance(value, dict):
        return {_plain(key, seen): _plain(item, seen) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)(_plain(item, seen) for item in value)
    raise ForbiddenName(f"a bare {type(value).__name__.strip('_').lower()}")
