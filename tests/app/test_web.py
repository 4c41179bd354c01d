"""How the web process is started, and what must hold whatever a config file says."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from app import web
from app.settings import load
from app.views.uploads import keep, safe_name

ROOT = Path(__file__).parents[2]


def test_the_command_names_project_address_and_port(tmp_path):
    command = web.command(load(tmp_path, {}), "127.0.0.1", 8600)
    assert command[1:3] == ["-m", "app.web"]
    assert command[3:] == ["--project", str(tmp_path), "--address", "127.0.0.1", "--port", "8600"]


def test_asking_for_the_command_loads_neither_streamlit_nor_torch(tmp_path):
    ask = "import sys, app.web; print(sorted({'streamlit', 'torch', 'numpy'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_no_page_loads_torch_or_numba(tmp_path):
    ask = (
        "import sys, streamlit; from pathlib import Path\n"
        "for path in sorted(Path('app/views').glob('*.py')): __import__(f'app.views.{path.stem}')\n"
        "import app.resources, app.gate\n"
        "print(sorted({'torch', 'numba', 'torchvision', 'decord', 'av'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "name", ["runner.postScriptGC", "browser.gatherUsageStats", "server.enableStaticServing"]
)
def test_what_costs_speed_or_privacy_is_off(name):
    assert web.streamlit_options("127.0.0.1", 8600, ["localhost"])[name] is False


def test_every_option_is_one_that_streamlit_knows():
    from streamlit import config

    options = web.streamlit_options("127.0.0.1", 8600, ["localhost"])
    assert set(options) <= set(config.get_config_options())


def test_the_config_file_says_the_same_as_the_code():
    options = web.streamlit_options("127.0.0.1", 8600, ["localhost"])
    file = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    said = {f"{section}.{name}": value for section, values in file.items() for name, value in values.items()}
    shared = said.keys() & options.keys()
    assert len(shared) >= 7
    assert {name: said[name] for name in shared} == {name: options[name] for name in shared}


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\videos\\a b.mp4", "a b.mp4"),
        ("..", "file"),
        (".bashrc", "bashrc"),
        ("dive;rm -rf.mp4", "dive_rm -rf.mp4"),
        ("Überschlag (1).mp4", "Überschlag (1).mp4"),
        ("\0.mp4", "_.mp4"),
    ],
)
def test_uploaded_names_are_made_harmless(name, safe):
    assert safe_name(name) == safe


def test_uploads_of_the_same_name_do_not_meet(tmp_path):
    class Upload:
        name = "labels.csv"

        def getbuffer(self) -> memoryview:
            return memoryview(b"path,label\n")

    folder, _ = keep(tmp_path, [Upload(), Upload()])
    assert sorted(path.name for path in folder.iterdir()) == ["labels (2).csv", "labels.csv"]
    folders = {keep(tmp_path, [Upload()]) for _ in range(2)}
    assert len(folders) == 2
    assert all(labels == folder / "labels.csv" for folder, labels in folders)
