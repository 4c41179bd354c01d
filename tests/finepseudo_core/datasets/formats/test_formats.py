import subprocess
import sys
from inspect import signature

import pytest

from finepseudo_core.datasets.formats import FORMATS, annotation_format


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_reads_and_writes_in_the_same_way(name: str) -> None:
    module = annotation_format(name)
    parameters = list(signature(module.read).parameters.values())
    assert [parameter.name for parameter in parameters[:1]] == ["folder"]
    assert parameters[1].default is None
    assert signature(module.read).parameters["least_frames"].default == 0
    assert list(signature(module.write).parameters)[:2] == ["clips", "target"]
    assert module.__doc__


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no format 'ucf101'; there are csv_folder, diving48"):
        annotation_format("ucf101")


def test_offering_the_formats_loads_no_decoder_and_no_torch() -> None:
    program = (
        "import sys; from finepseudo_core.datasets.formats import FORMATS, csv_folder; "
        "sys.exit(bool({'decord', 'av', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
