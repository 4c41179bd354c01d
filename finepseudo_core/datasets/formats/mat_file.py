"""MATLAB 5 files with numbers and texts, which is all that PennAction's labels hold.

After MathWorks' "MAT-File Format": a header of 128 bytes, a run of elements `(type, bytes)`, each padded to
8 bytes; a variable is an element of type 14, or one of type 15, which is such an element compressed.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from finepseudo_core.datasets.formats.annotation_files import write_bytes
from finepseudo_core.errors import DatasetError

NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
TEXTS = {2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_MATRIX, _COMPRESSED, _CHAR, _NUMERIC, _DOUBLE = 14, 15, 4, range(6, 16), 6
_MOST_BYTES = 16 << 20
_MALFORMED = (
    KeyError,
    OverflowError,
    UnicodeDecodeError,
    ValueError,
    struct.error,
    zlib.error,
)


def read_mat(path: str | Path) -> dict[str, np.ndarray | str]:
    """Variables by name: texts, and arrays of their MATLAB shape; cells, structs, sparse ones are left out.

    Raises:
        DatasetError: the file can't be read or is malformed.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} can't be read ({error.strerror}). Check the path.") from error
    try:
        if len(content) < 128 or content[126:128] not in (b"IM", b"MI"):
            raise ValueError("it has no header of a MATLAB 5 file")
        order = "<" if content[126:128] == b"IM" else ">"
        return dict(_variables(content[128:], order))
    except _MALFORMED as error:
        raise DatasetError(
            f"{path} is no MATLAB file that can be read ({error}). Download it again."
        ) from error


def write_mat(path: str | Path, variables: Mapping[str, np.ndarray | float | str]) -> None:
    """Write texts and numbers, as float64 and uncompressed; a number becomes a 1x1 matrix."""
    header = b"MATLAB 5.0 MAT-file".ljust(116) + bytes(8) + struct.pack("<H", 0x0100) + b"IM"
    write_bytes(Path(path), header + b"".join(_written(name, value) for name, value in variables.items()))


def _variables(content: bytes, order: str) -> Iterator[tuple[str, np.ndarray | str]]:
    for kind, data in _elements(content, order):
        if kind == _COMPRESSED:
            unpacked = zlib.decompressobj().decompress(data, _MOST_BYTES)
            kind, data = _next(_elements(unpacked, order))
        if kind == _MATRIX:
            name, value = _variable(data, order)
            if value is not None:
                yield name, value


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """(type, bytes) of each element; one of at most four bytes may sit within its own tag."""
    place = 0
    while place + 8 <= len(content):
        kind, size = struct.unpack_from(f"{order}II", content, place)
        if kind >> 16:
            kind, size = kind & 0xFFFF, kind >> 16
            if size > 4:
                raise ValueError("a small element is malformed")
            yield kind, content[place + 4 : place + 4 + size]
            place += 8
            continue
        data = content[place + 8 : place + 8 + size]
        if len(data) < size:
            raise ValueError(f"it ends after {len(content)} bytes, within an element")
        yield kind, data
        place += 8 + (size if kind == _COMPRESSED else -(-size // 8) * 8)


def _next(elements: Iterator[tuple[int, bytes]]) -> tuple[int, bytes]:
    found = next(elements, None)
    if found is None:
        raise ValueError("a variable is malformed")
    return found


def _variable(data: bytes, order: str) -> tuple[str, np.ndarray | str | None]:
    parts = _elements(data, order)
    flags, shape, name = _next(parts)[1], _next(parts)[1], _next(parts)[1].decode("latin-1")
    kind = struct.unpack_from(f"{order}I", flags)[0] & 0xFF
    sides = [int(side) for side in np.frombuffer(shape, f"{order}i4")]
    if kind not in (_CHAR, *_NUMERIC):
        return name, None
    stored, values = next(parts, (_DOUBLE + 3, b""))
    if kind == _CHAR:
        encoding = TEXTS[stored]
        if encoding.startswith("utf-") and encoding != "utf-8":
            encoding += "-le" if order == "<" else "-be"
        return name, values.decode(encoding)
    return name, np.frombuffer(values, order + NUMBERS[stored]).reshape(sides, order="F")


def _written(name: str, value: np.ndarray | float | str) -> bytes:
    if isinstance(value, str):
        kind, sides, body = _CHAR, (1, len(value)), _element(17, value.encode("utf-16-le"))
    else:
        matrix = np.atleast_2d(np.asarray(value, dtype="<f8"))
        kind, sides, body = _DOUBLE, matrix.shape, _element(9, matrix.tobytes(order="F"))
    flags = _element(6, struct.pack("<II", kind, 0))
    return _element(_MATRIX, flags + _element(5, struct.pack(f"<{len(sides)}i", *sides))
                    + _element(1, name.encode("latin-1")) + body)  # fmt: skip


def _element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)
