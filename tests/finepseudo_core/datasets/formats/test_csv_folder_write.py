import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finepseudo_core.datasets.formats.csv_folder import ListedClip, read, write
from finepseudo_core.errors import DatasetError
from tests.finepseudo_core.datasets.formats.files import touch

NAMES = ("a.mp4", "deep/b c.mp4", "-d,e;f.mp4", 'quo"te.mp4')
LABELS = st.none() | st.text(string.printable, min_size=1).map(str.strip).filter(bool)
SECONDS = st.floats(0, 1e6, allow_subnormal=False)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_written_is_read_back(data: st.DataObject, tmp_path: Path) -> None:
    touch(tmp_path, *NAMES)
    listed = []
    for name in NAMES:
        start, end = sorted((data.draw(SECONDS), data.draw(SECONDS)))
        cut = (start, end) if end > start else (None, None)
        key = f"{name}#{start:.15g}-{end:.15g}" if end > start else name
        label, split = data.draw(LABELS), data.draw(st.sampled_from(["train", "test", None]))
        listed.append(ListedClip(key, (tmp_path / name).resolve(), label, split, *cut))
    write(listed, tmp_path / "out" / "labels.csv", tmp_path)
    found = read(tmp_path, tmp_path / "out" / "labels.csv")
    assert found.problems == ()
    assert list(found.clips) == listed


@pytest.mark.parametrize(("name", "label", "message"), [
    ("../x.mp4", "t", "lies outside"),
    (" x.mp4", "t", "can't tell the path"),
    ("x.mp4", " t", "can't tell the label"),
])  # fmt: skip
def test_what_a_csv_cannot_tell_is_refused(name: str, label: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=message):
        write([ListedClip("x", tmp_path / name, label)], tmp_path / "labels.csv")
    assert not (tmp_path / "labels.csv").exists()
