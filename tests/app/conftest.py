import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.services.studio import Studio, create_project, open_studio
from app.settings import Settings, load
from tests.app.worker import squares


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """A folder of 24 drawn clips and the direction in each."""
    folder = tmp_path_factory.mktemp("squares")
    return folder, squares.draw_clips(folder)


@pytest.fixture
def settings(tmp_path) -> Settings:
    """Settings of a project whose leases run out soon."""
    return load(tmp_path / "project", {"FINEPSEUDO_LEASE_SECONDS": "3"})


@pytest.fixture
def studio(settings) -> Iterator[Studio]:
    """A fresh project."""
    opened = create_project(settings)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def imported_project(drawn, tmp_path_factory) -> Path:
    """A project with the drawn clips read in; never written to afterwards."""
    opened = create_project(load(tmp_path_factory.mktemp("imported") / "project", {}))
    assert squares.work(opened, squares.register(opened, *drawn)) == "succeeded"
    opened.close()
    return opened.settings.project


@pytest.fixture
def imported(imported_project, settings) -> Iterator[Studio]:
    """A project of its own with the drawn clips read in."""
    shutil.copytree(imported_project, settings.project)
    opened = open_studio(settings)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def undisturbed_model(imported_project, tmp_path_factory) -> str:
    """sha256 of the model that a round leaves behind when nothing happens to it."""
    return left_behind(imported_project, tmp_path_factory.mktemp("undisturbed") / "project")


def left_behind(imported_project: Path, project: Path, nproc: int = 1, **changes: object) -> str:
    """sha256 of the model of a round in a copy of the project, by some processes."""
    shutil.copytree(imported_project, project)
    opened = open_studio(load(project, {}))
    job_id = squares.queue_round(opened, **changes)
    assert squares.work(opened, job_id, nproc=nproc) == "succeeded"
    model = squares.round_of(opened, job_id).model_sha256
    opened.close()
    assert model is not None
    return model


@pytest.fixture
def start_worker(settings) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts worker processes, and kills those that still run at the end."""
    started: list[subprocess.Popen] = []

    def start(*arguments: str) -> subprocess.Popen:
        environment = {**os.environ, "FINEPSEUDO_LEASE_SECONDS": str(settings.lease_seconds)}
        command = [sys.executable, "-m", "app", "worker", "--project", str(settings.project), *arguments]
        started.append(subprocess.Popen(command, env=environment))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
