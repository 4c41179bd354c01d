"""The route that hands a snapshot to an admin's browser, and to nobody else."""

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from app import web
from app.services import snapshots, users
from app.services.studio import Studio
from tests.filled_project import empty_project


def fetch(studio: Studio, address: str) -> Response:
    """What the web process answers."""
    path, _, query = address.partition("?")
    scope = {"type": "http", "query_string": query.encode(), "headers": [], "path": path}
    return web.snapshot_response(studio, Request({**scope, "path_params": {"name": path.rpartition("/")[2]}}))


def test_an_admin_fetches_a_snapshot_and_nobody_else_does(tmp_path):
    project = empty_project(tmp_path / "project")
    studio, owner = project.studio, project.owner_id
    snapshots.start(studio, owner, videos=False)
    name = snapshots.listing(studio)[0].name
    file = snapshots.write(studio, studio.settings.project / "snapshots" / name, videos=False)
    address = snapshots.address(studio.secret, name, owner)
    answer = fetch(studio, address)
    assert isinstance(answer, FileResponse)
    assert answer.path == file
    assert name in answer.headers["content-disposition"]
    reviewer = users.create(studio, "rea")[0].id
    for refused in (
        address[:-1] + ("0" if address[-1] != "0" else "1"),
        address.replace("s=", "t="),
        snapshots.address(studio.secret, name, reviewer),
        snapshots.address(studio.secret, "studio.db", owner),
    ):
        assert fetch(studio, refused).status_code == 404
    studio.close()
